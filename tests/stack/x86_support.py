"""What the tests of the x86 unwinder share: symbols from tables, memory of pieces and emulators, executed code."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Architecture
from bugcheck.errors import NotInDump
from bugcheck.images.pe_header import ByteReader, FileImage
from bugcheck.machine.context import Context
from bugcheck.machine.modules import Module, ModuleList
from bugcheck.memory.address_space import AddressSpace
from bugcheck.stack.frame import StackSource
from bugcheck.symbols.symbols import FpoRecord, FrameData, Symbol, Symbols

DATA = Path(__file__).with_name("data_x86")
IMAGE_BASE = 0x400000
STACK_LOW, STACK_HIGH = 0x100000, 0x110000
SYSTEM_BASE = 0x0BAD0000
END_OF_STACK = SYSTEM_BASE + 0x105
"""Return address of the outermost function, behind a call in another module."""


class TableSymbols(Symbols):
    """Symbols from lists; of overlapping records the one that begins last is taken."""

    def __init__(
        self, rules: Sequence[FpoRecord | FrameData], symbols: Sequence[Symbol] = (), kind: str = "pdb"
    ) -> None:
        self.kind = kind
        self.rules = sorted(rules, key=lambda rule: rule.rva)
        self._symbols = sorted(symbols)

    def nearest(self, rva: int) -> Symbol | None:
        index = bisect_right(self._symbols, rva, key=lambda symbol: symbol.rva) - 1
        return self._symbols[index] if index >= 0 else None

    def find(self, name: str) -> Symbol | None:
        return next((symbol for symbol in self._symbols if symbol.name == name), None)

    def symbols(self) -> Iterator[Symbol]:
        return iter(self._symbols)

    def frame_rule(self, rva: int) -> FpoRecord | FrameData | None:
        covering = [rule for rule in self.rules if rule.rva <= rva < rule.rva + rule.size]
        return covering[-1] if covering else None


class Symbolic:
    """A SymbolSource from dictionaries by module name."""

    def __init__(self, symbols: dict[str, Symbols] | None = None, images: dict[str, ByteReader] | None = None) -> None:
        self._symbols = symbols or {}
        self._images = images or {}

    def symbols_of(self, module: Module) -> Symbols | None:
        return self._symbols.get(module.name)

    def image_of(self, module: Module) -> ByteReader | None:
        return self._images.get(module.name)


class PieceMemory(AddressSpace):
    """Memory from a dictionary of addresses and bytes."""

    pointer_size = 4
    address_bits = 32

    def __init__(self, pieces: dict[int, bytes]) -> None:
        self.pieces = pieces

    def piece(self, address: int, size: int) -> bytes:
        for start, data in self.pieces.items():
            if start <= address < start + len(data):
                return data[address - start : address - start + size]
        raise NotInDump(address)

    def hole(self, address: int) -> int:
        return 1


class Overlay(PieceMemory):
    """Another memory with some bytes replaced or added."""

    def __init__(self, below: AddressSpace, pieces: dict[int, bytes]) -> None:
        super().__init__(pieces)
        self.below = below

    def piece(self, address: int, size: int) -> bytes:
        try:
            return super().piece(address, size)
        except NotInDump:
            starts = [start - address for start in self.pieces if start > address]
            return self.below.piece(address, min([size, *starts]))


def image_file(path: Path) -> FileImage:
    """Map an image file at RVA 0."""
    return FileImage(BinaryView(path.read_bytes(), str(path)))


def module(name: str, base: int, size: int) -> Module:
    return Module(name, f"{name}.exe", name, base, size, 0, 0)


def frame_table(name: str) -> TableSymbols:
    """Records of a fixture, from frames.json (what llvm-pdbutil says; for `fpo` what frames.s is written to)."""
    rows: list[list[Any]] = json.loads((DATA / "frames.json").read_text())[name]
    if name == "fpo":
        fpo = [FpoRecord(r[0], r[1], r[2], r[3], r[5], r[4], r[6], False, r[7]) for r in rows]
        return TableSymbols(fpo)
    return TableSymbols([FrameData(r[0], r[1], r[2], r[3], r[4], r[5], r[6], False, r[7], r[8]) for r in rows])


def x86_context(registers: dict[str, int], source: str = "test") -> Context:
    return Context(Architecture.X86, source, registers)


@dataclass(slots=True)
class Executed:
    """A machine that has stopped before an instruction.

    Attributes:
        registers: of that moment. returns: return addresses of the active calls, innermost first.
        memory: the emulator's, valid until it goes on.
    """

    registers: dict[str, int]
    returns: list[int]
    memory: AddressSpace = field(repr=False)


_REGISTERS = ("eax", "ebx", "ecx", "edx", "esi", "edi", "esp", "ebp", "eip")


class _Emulated(AddressSpace):
    pointer_size = 4
    address_bits = 32

    def __init__(self, machine: Any, error: type[Exception]) -> None:
        self._machine = machine
        self._error = error

    def piece(self, address: int, size: int) -> bytes:
        for wanted in (size, 0x1000 - address % 0x1000, 1):
            try:
                return bytes(self._machine.mem_read(address, min(wanted, size)))
            except self._error:
                continue
        raise NotInDump(address)

    def hole(self, address: int) -> int:
        return 1


class Execution:
    """A fixture run in an emulator, instruction by instruction; `visit` is called before each."""

    def __init__(self, name: str) -> None:
        from unicorn import x86_const as names
        from unicorn.unicorn import Uc, UcError
        from unicorn.unicorn_const import UC_ARCH_X86, UC_MODE_32

        self.image = image_file(DATA / f"{name}.exe")
        self._uc: Any = Uc(UC_ARCH_X86, UC_MODE_32)
        self._ids = {register: getattr(names, f"UC_X86_REG_{register.upper()}") for register in _REGISTERS}
        self.memory = _Emulated(self._uc, UcError)
        self.size = self.image.header.size_of_image
        self._uc.mem_map(IMAGE_BASE, self.size + 0xFFF & ~0xFFF)
        self._uc.mem_map(STACK_LOW, STACK_HIGH - STACK_LOW)
        self._uc.mem_map(SYSTEM_BASE, 0x1000)
        self._uc.mem_write(END_OF_STACK - 5, b"\xe8\0\0\0\0\xf4")
        for at in range(0, self.size, 0x1000):
            self._uc.mem_write(IMAGE_BASE + at, self.image.read_up_to(at, 0x1000))
        self._uc.mem_write(STACK_LOW, b"\xa5" * (STACK_HIGH - STACK_LOW))

    def run(self, limit: int) -> Iterator[Executed]:
        """Yield the machine before every instruction until the outermost function returns."""
        esp = STACK_HIGH - 0x100
        self._uc.mem_write(esp, END_OF_STACK.to_bytes(4, "little") + bytes(16))
        self._uc.reg_write(self._ids["esp"], esp)
        self._uc.reg_write(self._ids["ebp"], 0)
        eip = IMAGE_BASE + self.image.header.entry_point
        returns = [END_OF_STACK]
        for _ in range(limit):
            registers = {name: self._uc.reg_read(number) for name, number in self._ids.items()} | {"eip": eip}
            yield Executed(registers, list(returns), self.memory)
            code = bytes(self._uc.mem_read(eip, 2))
            self._uc.emu_start(eip, 0, count=1)
            eip = self._uc.reg_read(self._ids["eip"])
            if code[0] == 0xE8 or (code[0] == 0xFF and code[1] >> 3 & 7 == 2):
                returns.insert(0, int.from_bytes(self._uc.mem_read(self._uc.reg_read(self._ids["esp"]), 4), "little"))
            elif code[0] in (0xC2, 0xC3):
                returns.pop(0)
            if eip == END_OF_STACK:
                return
        raise AssertionError(f"still running after {limit} instructions")


def source_of(execution: Execution, name: str, symbols: Symbols | None) -> StackSource:
    """What a walk of a running fixture may read."""
    modules = ModuleList((module(name, IMAGE_BASE, execution.size), module("system", SYSTEM_BASE, 0x1000)))
    table = {name: symbols} if symbols is not None else {}
    return StackSource(execution.memory, modules, Symbolic(table), (STACK_LOW, STACK_HIGH))
