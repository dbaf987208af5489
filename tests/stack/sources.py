"""What stack tests walk on: memory made of pieces, modules made of PE files, symbols from a Volatility table."""

from __future__ import annotations

import json
import lzma
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Architecture
from bugcheck.errors import NotInDump
from bugcheck.images.pe_header import ByteReader, FileImage
from bugcheck.machine.machine import Machine
from bugcheck.machine.modules import Module, ModuleList
from bugcheck.memory.address_space import AddressSpace
from bugcheck.stack.frame import StackSource
from bugcheck.symbols.symbols import Symbol, Symbols


class Pieces(AddressSpace):
    """Memory that consists of a few pieces."""

    def __init__(self, pieces: dict[int, bytes], pointer_size: int = 8) -> None:
        self.pieces = pieces
        self.pointer_size = pointer_size
        self.address_bits = 8 * pointer_size

    def piece(self, address: int, size: int) -> bytes:
        for start, data in self.pieces.items():
            if start <= address < start + len(data):
                return bytes(data[address - start : address - start + size])
        raise NotInDump(address)

    def hole(self, address: int) -> int:
        return 1


class NoSymbols:
    """Neither names nor image files."""

    def symbols_of(self, module: Module) -> Symbols | None:
        return None

    def image_of(self, module: Module) -> ByteReader | None:
        return None


class Folder(NoSymbols):
    """Image files from a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def image_of(self, module: Module) -> ByteReader | None:
        path = self.folder / module.image.replace("mydrv.sys", "mydrv_x64.sys")  # as the corpus names its file
        return FileImage(BinaryView(path.read_bytes(), path.name)) if path.is_file() else None


class NamedFunctions(Symbols):
    """Symbols from a plain list of names."""

    kind = "list"

    def __init__(self, symbols: list[Symbol]) -> None:
        self._symbols = sorted(symbols)
        self._starts = [symbol.rva for symbol in self._symbols]

    def nearest(self, rva: int) -> Symbol | None:
        index = bisect_right(self._starts, rva) - 1
        return self._symbols[index] if index >= 0 else None

    def find(self, name: str) -> Symbol | None:
        return next((symbol for symbol in self._symbols if symbol.name == name), None)

    def symbols(self) -> Iterator[Symbol]:
        return iter(self._symbols)


class OneModuleNamed(NoSymbols):
    """Symbols for one module."""

    def __init__(self, name: str, symbols: Symbols) -> None:
        self.name = name
        self.table = symbols

    def symbols_of(self, module: Module) -> Symbols | None:
        return self.table if module.name == self.name else None


def volatility_symbols(path: Path) -> NamedFunctions:
    """Read names and addresses of a Volatility 3 table."""
    table = json.loads(lzma.decompress(path.read_bytes()))["symbols"]
    return NamedFunctions([Symbol(row["address"], name) for name, row in table.items()])


def module_of(data: bytes, base: int, name: str = "fixture", is_kernel: bool = False) -> Module:
    """Describe a PE file loaded at `base`."""
    header = FileImage(BinaryView(data, name)).header
    image = f"{name}.exe"
    return Module("nt" if is_kernel else name, image, image, base, header.size_of_image, header.time_date_stamp, 0)


def loaded(data: bytes, name: str = "fixture") -> bytes:
    """Lay a PE file out as the loader does."""
    image = FileImage(BinaryView(data, name))
    size = image.header.size_of_image
    return b"".join(image.try_read(at, 0x1000) or bytes(0x1000) for at in range(0, size, 0x1000))


def source_of(machine: Machine, symbols: NoSymbols, *, scan: bool = True) -> StackSource:
    """All that a walk on a dump may read, the crashing thread's stack range included."""
    thread = machine.thread
    limits = None
    if thread is not None and thread.stack_base and thread.stack_limit:
        limits = (thread.stack_limit, thread.stack_base)
    return StackSource(machine.memory, machine.modules, symbols, limits, scan)


def bare_source(pieces: dict[int, bytes], modules: list[Module], architecture: Architecture) -> StackSource:
    """A source on pieces of memory, without symbols."""
    return StackSource(Pieces(pieces, architecture.pointer_size), ModuleList(tuple(modules)), NoSymbols())
