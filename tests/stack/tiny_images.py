"""A PE image in memory with code, a function table and unwind information given as bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import pack, pack_into

from bugcheck.dump.dump import Architecture
from bugcheck.images.pe_header import ByteReader
from bugcheck.machine.modules import Module, ModuleList
from bugcheck.stack.frame import StackSource
from tests.stack.sources import NoSymbols, Pieces

SIZE = 0x4000
TABLE, INFO = 0x2000, 0x3000


@dataclass
class TinyImage:
    """Headers at 0, code at 0x1000 (absent beyond the bytes given), .pdata at 0x2000, .xdata at 0x3000."""

    code: bytes
    code_size: int
    rows: list[tuple[int, int, bytes]]
    base: int = 0x1_4000_0000
    machine: int = 0x8664
    info_rvas: list[int] = field(default_factory=list)
    data: bytearray = field(default_factory=lambda: bytearray(SIZE))

    def __post_init__(self) -> None:
        self._write_headers()
        self.patch(0x1000, self.code)
        at = INFO
        for index, (begin, end, info) in enumerate(self.rows):
            self.info_rvas.append(at)
            self.patch(at, info)
            row = pack("<III", begin, end, at) if self.machine == 0x8664 else pack("<II", begin, at)
            self.patch(TABLE + index * len(row), row)
            at += len(info) + 3 & ~3

    def _write_headers(self) -> None:
        size = len(self.rows) * (12 if self.machine == 0x8664 else 8)
        pack_into("<2s58xI", self.data, 0, b"MZ", 0x80)
        pack_into("<4sHHIIIHH", self.data, 0x80, b"PE\0\0", self.machine, 1, 0, 0, 0, 0xF0, 0x22)
        pack_into("<H", self.data, 0x98, 0x20B)
        pack_into("<QII", self.data, 0x98 + 24, self.base, 0x1000, 0x200)
        pack_into("<II", self.data, 0x98 + 56, SIZE, 0x400)
        pack_into("<I", self.data, 0x98 + 108, 16)
        pack_into("<II", self.data, 0x98 + 112 + 24, TABLE, size)
        pack_into("<8sIIIIIIHHI", self.data, 0x98 + 0xF0, b".text", 0x1000, 0x1000, 0, 0, 0, 0, 0, 0, 0x60000020)

    def patch(self, rva: int, data: bytes) -> None:
        self.data[rva : rva + len(data)] = data

    @property
    def module(self) -> Module:
        return Module("tiny", "tiny.exe", "tiny.exe", self.base, SIZE, 0, 0)

    def pieces(self) -> dict[int, bytes]:
        code_end = 0x1000 + len(self.code)
        parts = {0: self.data[:0x1000], 0x1000: self.data[0x1000:code_end], TABLE: self.data[TABLE:]}
        return {self.base + rva: bytes(data) for rva, data in parts.items() if data}

    def source(self, stack: dict[int, bytes], in_memory: bool = True, in_file: bool = False) -> StackSource:
        pieces = {**stack, **(self.pieces() if in_memory else {})}
        symbols = (
            ImageOnly(Pieces({rva - self.base: data for rva, data in self.pieces().items()}))
            if in_file
            else NoSymbols()
        )
        width = Architecture.X64.pointer_size
        return StackSource(Pieces(pieces, width), ModuleList((self.module,)), symbols)


class ImageOnly(NoSymbols):
    """An image file and no names."""

    def __init__(self, image: ByteReader) -> None:
        self.image = image

    def image_of(self, module: Module) -> ByteReader | None:
        return self.image
