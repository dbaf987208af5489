"""Code bytes and registers → instructions as a debugger prints them, and what they touch.

Decoding is capstone's (one engine for x86, x64, ARM, ARM64).  The text follows WinDbg: no space behind commas; on x86
and x64 the mnemonic padded to eight and hexadecimal numbers with `h`, on ARM padded to twelve, numbers with `0x`, and
x29 and x30 by their names.  Effective addresses are computed here from the operand and the
registers.

Folklore: capstone 5 calls ARM64 stores read-and-write; so what an instruction does to its memory operand is decided
from the mnemonic.  Capstone does not know instructions newer than itself: an undecodable byte is no proof of damage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bugcheck.addresses import MASK64
from bugcheck.dump.dump import Architecture
from bugcheck.machine.capstone_library import (
    ARM,
    ARM64,
    MODE_32,
    MODE_64,
    MODE_ARM,
    MODE_THUMB,
    X86,
    Engine,
    is_installed,
    open_engine,
)
from bugcheck.machine.context import Context
from bugcheck.records import dataclass

MAX_INSTRUCTIONS = 4096
_SIZES = {"byte": 1, "word": 2, "dword": 4, "fword": 6, "qword": 8, "tbyte": 10, "xmmword": 16, "ymmword": 32}
_READ_ONLY = frozenset(["cmp", "test", "push", "call", "jmp", "bt", "comiss", "comisd", "ucomiss", "ucomisd", "ptest"])
_WRITE_ONLY = frozenset(["pop", "fnstcw", "fnstsw", "stmxcsr", "fxsave", "sgdt", "sidt"])
_MOVES = re.compile(r"^(v?mov|movnt|set|lea|fst|fist|vmovdq|vextract|pextr|stos)")
_MEMORY = re.compile(r"(?:(\w+) ptr )?(?:(\w\w):)?\[([^\]]*)\]")
_ARM = (Architecture.ARM64, Architecture.ARM32)
_ARM_NAMES = re.compile(r"\bx(?:29|30)\b")
_NUMBER = re.compile(r"(?<![\w])0x([0-9a-f]+)\b")
_TERM = re.compile(r"([+-]?)([^+-]+)")


@dataclass(frozen=True, slots=True)
class MemoryAccess:
    """What an instruction does to memory.

    Attributes:
        kind: "read", "write", or "read_write". address: effective virtual address.
        size: in bytes, 0 when the text does not tell. segment: "fs" or "gs" when it is relative to one, else "".
    """

    kind: str
    address: int
    size: int
    segment: str = ""


@dataclass(frozen=True, slots=True)
class Instruction:
    """A decoded instruction.

    Attributes:
        address: virtual address. data: its bytes.
        mnemonic, operands: in WinDbg's writing.
    """

    address: int
    data: bytes
    mnemonic: str
    operands: str
    architecture: Architecture = Architecture.X64

    @property
    def text(self) -> str:
        """`mov dword ptr [ecx+4],eax`."""
        return f"{self.mnemonic} {self.operands}".rstrip()

    @property
    def padded(self) -> str:
        """`mov     dword ptr [ecx+4],eax`, as in a listing."""
        width = 11 if self.architecture in _ARM else 7
        return f"{self.mnemonic:<{width}} {self.operands}".rstrip()

    @property
    def shown_bytes(self) -> str:
        """Its bytes as in a listing: in memory's order on x86 and x64, as one number on ARM."""
        return (self.data[::-1] if self.architecture in _ARM else self.data).hex()

    @property
    def end(self) -> int:
        """Address of the next instruction."""
        return self.address + len(self.data)


def disassemble(
    code: bytes, address: int, architecture: Architecture, count: int = MAX_INSTRUCTIONS, *, thumb: bool = True
) -> Iterator[Instruction]:
    """Decode up to `count` instructions; stops at the first that cannot be decoded."""
    engine = _engine(architecture, thumb)
    if engine is None:
        return
    write = _windbg_arm if architecture in _ARM else _windbg
    for start, size, mnemonic, operands in engine.decode(code, address, min(count, MAX_INSTRUCTIONS)):
        data = code[start - address : start - address + size]
        yield Instruction(start, data, mnemonic, write(operands), architecture)


def can_disassemble() -> bool:
    """Tell whether the disassembler is installed (it has no wheel for Windows on ARM64)."""
    return is_installed()


def _engine(architecture: Architecture, thumb: bool) -> Engine | None:
    if architecture is Architecture.ARM32:
        return open_engine(ARM, MODE_THUMB if thumb else MODE_ARM)
    if architecture is Architecture.ARM64:
        return open_engine(ARM64, MODE_ARM)
    return open_engine(X86, MODE_64 if architecture is Architecture.X64 else MODE_32)


def _windbg(operands: str) -> str:
    text = operands.replace(", ", ",").replace(" + ", "+").replace(" - ", "-").replace(" ptr [", " ptr [")
    return _NUMBER.sub(lambda match: _hexadecimal(match.group(1)), text)


def _windbg_arm(operands: str) -> str:
    text = operands.replace(", ", ",").replace("{ ", "{").replace(" }", "}")
    text = _ARM_NAMES.sub(lambda match: {"x29": "fp", "x30": "lr"}[match.group()], text)
    return _NUMBER.sub(lambda match: _arm_number(int(match.group(1), 16)), text)


def _arm_number(number: int) -> str:
    return str(number) if number < 10 else f"0x{number:X}"


def _hexadecimal(digits: str) -> str:
    number = int(digits, 16)
    if number < 10:
        return str(number)
    text = f"{number:X}h"
    return text if text[0].isdigit() else "0" + text


def memory_access(instruction: Instruction, context: Context) -> MemoryAccess | None:
    """Compute what the instruction's memory operand addresses with these registers.

    None when it has no memory operand or a register it needs is not known.  Segment bases other than flat ones are not
    known: the address is then relative to the segment.
    """
    if context.architecture in (Architecture.ARM64, Architecture.ARM32):
        return _arm_access(instruction, context.registers)
    match = _MEMORY.search(instruction.operands)
    if match is None or instruction.mnemonic in ("lea", "nop"):
        return _implicit_access(instruction, context)
    address = _evaluate(match.group(3), instruction, context)
    if address is None:
        return None
    segment = match.group(2) or ""
    kind = _kind(instruction, match.start())
    return MemoryAccess(kind, address, _SIZES.get(match.group(1) or "", 0), segment if segment in ("fs", "gs") else "")


def _kind(instruction: Instruction, position: int) -> str:
    mnemonic = instruction.mnemonic.split()[-1]
    if mnemonic in _READ_ONLY or (position > 0 and "," in instruction.operands[:position]):
        return "read"
    if mnemonic in _WRITE_ONLY or _MOVES.match(mnemonic):
        return "write"
    if mnemonic.startswith(("fld", "fild", "ldmxcsr", "prefetch", "mul", "imul", "div", "idiv")):
        return "read"
    return "read_write"


def _evaluate(expression: str, instruction: Instruction, context: Context) -> int | None:
    total = 0
    for sign, term in _TERM.findall(expression):
        value = _term(term, instruction, context.registers)
        if value is None:
            return None
        total += -value if sign == "-" else value
    return total & (MASK64 if context.architecture.bits == 64 else 0xFFFF_FFFF)


def _term(term: str, instruction: Instruction, registers: Mapping[str, int]) -> int | None:
    name, _, scale = term.partition("*")
    if name in ("rip", "eip"):
        return instruction.end
    if name[0].isdigit():
        return int(name[:-1], 16) if name.endswith("h") else int(name)
    value = _register(name, registers)
    return None if value is None else value * (int(scale) if scale else 1)


def _register(name: str, registers: Mapping[str, int]) -> int | None:
    if name in registers:
        return registers[name]
    if "r" + name[1:] in registers and name[:1] == "e":
        return registers["r" + name[1:]] & 0xFFFF_FFFF
    if name[:1] == "w" and "x" + name[1:] in registers:
        return registers["x" + name[1:]] & 0xFFFF_FFFF
    if name[:1] == "r" and name[-1:] == "d" and name[:-1] in registers:
        return registers[name[:-1]] & 0xFFFF_FFFF
    return {"x29": registers.get("fp"), "x30": registers.get("lr"), "xzr": 0, "wzr": 0}.get(name)


def _implicit_access(instruction: Instruction, context: Context) -> MemoryAccess | None:
    """Stack accesses of push, call, pop and ret."""
    stack = context.stack_pointer
    size = context.architecture.pointer_size
    if stack is None:
        return None
    if instruction.mnemonic in ("push", "call", "pushfq", "pushfd"):
        return MemoryAccess("write", stack - size, size)
    if instruction.mnemonic in ("pop", "ret", "popfq", "popfd"):
        return MemoryAccess("read", stack, size)
    return None


_ARM_MEMORY = re.compile(r"\[([^\]]+)\]")


def _arm_access(instruction: Instruction, registers: Mapping[str, int]) -> MemoryAccess | None:
    match = _ARM_MEMORY.search(instruction.operands)
    kind = {"ld": "read", "st": "write"}.get(instruction.mnemonic[:2])
    if match is None or kind is None:
        return None
    address = 0
    for part in match.group(1).split(","):
        value = _arm_term(part.strip(), registers)
        if value is None:
            return None
        address += value
    return MemoryAccess(kind, address & MASK64, 0)


def _arm_term(part: str, registers: Mapping[str, int]) -> int | None:
    if part.startswith("#"):
        value = int(part[1:].lstrip("-"), 0)
        return -value if part[1:2] == "-" else value
    if part.startswith(("lsl", "uxt", "sxt")):
        return 0 if part.endswith("#0") else None
    return _register(part, registers)
