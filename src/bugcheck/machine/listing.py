"""A code address → a disassembly listing with symbols, as a debugger's `u` shows it.

Source: WinDbg's `u` and `r` for the look: address, bytes, instruction, and behind the one at fault the effective
address with its value or `????????`.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.addresses import format_address, parse_address
from bugcheck.dump.dump import Architecture
from bugcheck.errors import UsageError
from bugcheck.machine.code import LONGEST_INSTRUCTION, code_bytes
from bugcheck.machine.context import Context
from bugcheck.machine.disassembly import Instruction, can_disassemble, disassemble, memory_access
from bugcheck.machine.machine import Machine
from bugcheck.machine.modules import Module

MAX_COUNT = 4096
BYTES_COLUMN = 15


def resolve_place(machine: Machine, text: str) -> int:
    """Read `fffff805`108776a0`, `RapDrv+0x9785` or `nt!KeBugCheckEx+0x1b` as an address.

    Raises:
        UsageError: it is no address, or the symbol is not known.
    """
    name, _, offset = text.partition("+")
    module_name, _, symbol = name.partition("!")
    module = machine.modules.named(module_name)
    if module is None:
        return parse_address(text)
    base = module.base + (_symbol_rva(machine, module, symbol) if symbol else 0)
    return base + (parse_address(offset) if offset else 0)


def _symbol_rva(machine: Machine, module: Module, name: str) -> int:
    symbols = machine.symbolizer.symbols_of(module) if machine.symbolizer else None
    found = symbols.find(name) if symbols else None
    if found is None:
        raise UsageError(f"no symbol {name} in {module.name}")
    return found.rva


def listing(machine: Machine, address: int, count: int, context: Context | None) -> Iterator[str]:
    """Write a heading and up to `count` instructions; `context` marks the one its instruction pointer is at.

    Raises:
        UsageError: the disassembler is not installed.
    """
    if not can_disassemble():
        raise UsageError("the disassembler (capstone) is not installed: pip install capstone")
    bits = machine.architecture.bits
    count = max(1, min(count, MAX_COUNT))
    data, source = code_bytes(machine, address, count * LONGEST_INSTRUCTION)
    yield f"{machine.describe(address) or format_address(address, bits)}:   (bytes from {source})"
    if not data:
        yield f"{format_address(address, bits)} ??              ???"
    thumb = machine.architecture is Architecture.ARM32
    for instruction in disassemble(data, address, machine.architecture, count, thumb=thumb):
        yield _line(machine, instruction, context)


def _line(machine: Machine, instruction: Instruction, context: Context | None) -> str:
    place = format_address(instruction.address, machine.architecture.bits)
    line = f"{place} {instruction.data.hex():<{BYTES_COLUMN}} {instruction.padded}"
    line += _target(machine, instruction.operands)
    if context is not None and context.instruction_pointer == instruction.address:
        line += _touched(machine, instruction, context)
    return line


def _target(machine: Machine, operands: str) -> str:
    """Name the target of a direct call or jump."""
    digits = operands.removesuffix("h")
    if not operands.endswith("h") or not all(char in "0123456789ABCDEF" for char in digits):
        return ""
    name = machine.describe(int(digits, 16))
    return f"   ({name})" if name else ""


def _touched(machine: Machine, instruction: Instruction, context: Context) -> str:
    access = memory_access(instruction, context)
    if access is None or access.segment:
        return "   <-- here"
    value = machine.memory.try_read(access.address, access.size or 1)
    shown = "?" * 2 * (access.size or 4) if value is None else value[::-1].hex()
    return f"   {format_address(access.address, machine.architecture.bits)}={shown}   <-- here"
