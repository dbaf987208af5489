"""A 64-bit thread of a 32-bit process → its x86 registers, so that both of its stacks can be walked.

Source: `winternl.h` and public symbols of ntdll for TEB.TlsSlots (+0x1480, 64-bit); the slot's number
(WOW64_TLS_CPURESERVED, 1) and the CPU area (16-bit flags, 16-bit machine, then the x86 CONTEXT) from public symbols of
wow64cpu.

Folklore: while a thread runs 32-bit code (cs 0x23) its own registers are the x86 ones; while it is in the kernel or in
wow64.dll the x86 ones are those of the CPU area.
"""

from __future__ import annotations

from bugcheck.dump.dump import Architecture, RawContext
from bugcheck.machine.context import Context, context_size, decode_context
from bugcheck.memory.address_space import AddressSpace

CODE_SELECTOR_32 = 0x23
_TLS_SLOT_1 = 0x1480 + 8
_CONTEXT_AT = 4
_TOP = 1 << 32
_HALVES = {f"e{name}": f"r{name}" for name in ("ax", "bx", "cx", "dx", "si", "di", "sp", "bp", "ip")}
_ALIKE = ("efl", "cs", "ss", "ds", "es", "fs", "gs")


def wow64_context(thread: Context, teb: int, memory: AddressSpace) -> Context | None:
    """Find the x86 registers of a thread; None when it has none or they are not in the dump.

    `thread` holds its x64 registers, `teb` is the address of its 64-bit TEB (0 when unknown).
    """
    if thread.architecture is not Architecture.X64:
        return None
    if thread.registers.get("cs") == CODE_SELECTOR_32:
        return _own_registers(thread)
    area = memory.try_u64(teb + _TLS_SLOT_1) if teb else None
    if not area or area >= _TOP:
        return None
    data = memory.try_read(area + _CONTEXT_AT, context_size(Architecture.X86))
    if data is None:
        return None
    context = decode_context(RawContext(f"{thread.source}, 32-bit", data), Architecture.X86)
    return context if context is not None and context.instruction_pointer else None


def _own_registers(thread: Context) -> Context | None:
    registers = {name: thread.registers[wide] for name, wide in _HALVES.items() if wide in thread.registers}
    if any(value >= _TOP for name, value in registers.items() if name in ("eip", "esp")):
        return None
    registers = {name: value % _TOP for name, value in registers.items()}
    registers.update({name: thread.registers[name] for name in _ALIKE if name in thread.registers})
    return Context(Architecture.X86, f"{thread.source}, 32-bit", registers)
