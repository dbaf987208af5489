"""A code address → a disassembly listing with symbols, as a debugger's `u` shows it.

Source: a debugger engine's `u` and `r` (../shared/story/transcript.txt) for the look: address, bytes, instruction with
`nt!KiIdleLoop (8084c1a0)` for a branch's target, and behind the instruction to run next what it touches with the value
there or `????????`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bugcheck.addresses import MASK64, format_address, parse_address
from bugcheck.dump.dump import Architecture
from bugcheck.errors import UsageError
from bugcheck.machine.code import LONGEST_INSTRUCTION, code_bytes
from bugcheck.machine.context import Context
from bugcheck.machine.disassembly import Instruction, can_disassemble, disassemble, memory_access
from bugcheck.machine.machine import Machine
from bugcheck.machine.modules import Module

MAX_COUNT = 4096
BYTES_COLUMN = 15
ARM = (Architecture.ARM64, Architecture.ARM32)
_RELATIVE = re.compile(r"\[rip([+-])([0-9A-F]+h?)\]")
_TARGET = re.compile(r"[ ,]#?(?:0x)?([0-9A-Fa-f]{1,17})h?$")
_BRANCH = re.compile(r"^(?:bnd |notrack )?(?:call|j|loop|blx?$|b$|b\.|cbn?z|tbn?z|adrp?$)")
_STACK = re.compile(r"\[[er][sb]p\b")


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
    column = 8 if machine.architecture in ARM else BYTES_COLUMN
    line = f"{place} {instruction.shown_bytes:<{column}} {_named(machine, instruction)}"
    if context is not None and context.instruction_pointer == instruction.address:
        line += touched(machine, instruction, context)
    return line


def _named(machine: Machine, instruction: Instruction) -> str:
    """Write an instruction with names for where its branch goes and what its rip-relative operand means."""
    text = _RELATIVE.sub(lambda match: _relative(machine, instruction, match), instruction.padded)
    target = _TARGET.search(text)
    if target is None or not _BRANCH.match(instruction.mnemonic):
        return text
    address = int(target.group(1), 16)
    return f"{text[: target.start() + 1]}{_name_of(machine, address)}"


def _relative(machine: Machine, instruction: Instruction, match: re.Match[str]) -> str:
    digits = match.group(2).removesuffix("h")
    distance = int(digits, 16) if match.group(2).endswith("h") else int(digits)
    address = instruction.end + (distance if match.group(1) == "+" else -distance)
    return f"[{_name_of(machine, address & MASK64)}]"


def _name_of(machine: Machine, address: int) -> str:
    """Write `nt!KiIdleLoop (8084c1a0)`; the address alone outside all modules."""
    name, place = machine.describe(address), format_address(address, machine.architecture.bits)
    return f"{name} ({place})" if name else place


def touched(machine: Machine, instruction: Instruction, context: Context) -> str:
    """Write what an instruction is about to touch: ` ds:0023:00000004=????????`; "" when it touches nothing known."""
    access = memory_access(instruction, context)
    if access is None or access.segment:
        return ""
    size = access.size or machine.architecture.pointer_size
    value = machine.memory.try_read(access.address, size)
    shown = "?" * 2 * size if value is None else value[::-1].hex()
    where = format_address(access.address, machine.architecture.bits)
    if machine.architecture in ARM:
        return f" {where}={shown}"
    segment = "ss" if _STACK.search(instruction.operands) or "[" not in instruction.operands else "ds"
    selector = f"{context.registers[segment]:04x}:" if segment in context.registers else ""
    return f" {segment}:{selector}{where}={shown}"
