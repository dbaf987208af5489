"""A code address → the instruction there, where its bytes came from, and what it touches with these registers."""

from __future__ import annotations

from bugcheck.dump.dump import Architecture
from bugcheck.machine.context import Context
from bugcheck.machine.machine import Machine
from bugcheck.machine.modules import Module
from bugcheck.records import dataclass

LONGEST_INSTRUCTION = 16
THUMB_STATE = 0x20
"""CPSR.T: the processor runs Thumb code, as Windows on 32-bit ARM always does."""


@dataclass(frozen=True, slots=True)
class FaultingCode:
    """An instruction at fault.

    Attributes:
        address: of it. data: its bytes. text: as a debugger writes it.
        source: "memory" or "image file": where the bytes came from.
        access_kind: "read", "write", "read_write", or "" when it touches no memory or that cannot be told.
        access_address: effective address, None when it cannot be told. access_size: bytes, 0 when not told.
        access_value: what lies there, None when it is unreadable.
    """

    address: int
    data: bytes
    text: str
    source: str
    access_kind: str = ""
    access_address: int | None = None
    access_size: int = 0
    access_value: int | None = None


def code_bytes(machine: Machine, address: int, size: int) -> tuple[bytes, str]:
    """Read code from memory, or from the module's image file where memory lacks it; and say which.

    The second value is "memory", "image file", or says that there are none.
    """
    data = machine.memory.read_up_to(address, size)
    if data:
        return data, "memory"
    module = machine.modules.at(address)
    data = _file_bytes(machine, module, address, size) if module else b""
    return data, "image file" if data else "neither memory nor an image file"


def _file_bytes(machine: Machine, module: Module, address: int, size: int) -> bytes:
    image = machine.symbolizer.image_of(module) if machine.symbolizer else None
    return image.read_up_to(address - module.base, size) if image else b""


def read_code(machine: Machine, address: int, context: Context) -> FaultingCode | None:
    """Decode the instruction at `address` and compute what it touches; None when its bytes are missing or are none."""
    from bugcheck.machine.disassembly import disassemble, memory_access  # 40 ms: only where code is at hand

    data, source = code_bytes(machine, address, LONGEST_INSTRUCTION)
    thumb = machine.architecture is Architecture.ARM32
    instruction = next(disassemble(data, address, machine.architecture, 1, thumb=thumb), None) if data else None
    if instruction is None:
        return None
    access = memory_access(instruction, context) if context.instruction_pointer == address else None
    if access is None or access.segment:
        return FaultingCode(address, instruction.data, instruction.text, source)
    value = machine.memory.try_read(access.address, access.size) if 0 < access.size <= 8 else None
    return FaultingCode(
        address,
        instruction.data,
        instruction.text,
        source,
        access.kind,
        access.address,
        access.size,
        None if value is None else int.from_bytes(value, "little"),
    )
