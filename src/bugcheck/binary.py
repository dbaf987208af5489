"""A buffer → numbers and strings: bounded little-endian reads, declared structures.

Every read is checked against the buffer's end and fails with the file's name and the offset; nothing here trusts a
size that came from a file.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from mmap import mmap

from bugcheck.errors import TruncatedDump

_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")
STRING_LIMIT = 0x8000
"""Longest string, in characters, that any reader follows."""


class BinaryView:
    """A named, read-only window on bytes (a memory map, a bytes object) with bounds-checked little-endian reads.

    Attributes:
        name: file name used in errors.
        data: the underlying buffer.
        size: its length in bytes.
    """

    __slots__ = ("data", "name", "size")

    def __init__(self, data: bytes | mmap | memoryview, name: str) -> None:
        self.data = data
        self.name = name
        self.size = len(data)

    def check(self, offset: int, size: int, what: str = "data") -> None:
        """Raise TruncatedDump unless `size` bytes from `offset` lie in the buffer."""
        if offset < 0 or size < 0 or offset + size > self.size:
            raise TruncatedDump(
                self.name, f"{what} needs {size:#x} bytes, the file has {max(0, self.size - offset):#x} left", offset
            )

    def u8(self, offset: int) -> int:
        """Read one byte."""
        self.check(offset, 1)
        return self.data[offset]

    def u16(self, offset: int) -> int:
        """Read a 16-bit little-endian number."""
        self.check(offset, 2)
        return _U16.unpack_from(self.data, offset)[0]

    def u32(self, offset: int) -> int:
        """Read a 32-bit little-endian number."""
        self.check(offset, 4)
        return _U32.unpack_from(self.data, offset)[0]

    def u64(self, offset: int) -> int:
        """Read a 64-bit little-endian number."""
        self.check(offset, 8)
        return _U64.unpack_from(self.data, offset)[0]

    def unpack(self, form: str, offset: int) -> tuple[int, ...]:
        """Unpack a `struct` format (little-endian, integers only)."""
        packer = struct.Struct("<" + form)
        self.check(offset, packer.size)
        return packer.unpack_from(self.data, offset)

    def read(self, offset: int, size: int, what: str = "data") -> bytes:
        """Copy `size` bytes from `offset`. Raises TruncatedDump."""
        self.check(offset, size, what)
        return bytes(self.data[offset : offset + size])

    def read_up_to(self, offset: int, size: int) -> bytes:
        """Copy what is there of `size` bytes from `offset`; may be empty."""
        if offset < 0 or offset >= self.size or size <= 0:
            return b""
        return bytes(self.data[offset : min(self.size, offset + size)])

    def ascii(self, offset: int, limit: int) -> str:
        """Read a NUL-terminated string of at most `limit` bytes, unprintable bytes escaped."""
        return decode_ascii(self.read_up_to(offset, min(limit, STRING_LIMIT)))

    def utf16(self, offset: int, size: int) -> str:
        """Read `size` bytes of UTF-16LE, cut at the first NUL."""
        return decode_utf16(self.read_up_to(offset, min(size, 2 * STRING_LIMIT)))


def decode_ascii(raw: bytes) -> str:
    """Decode bytes up to the first NUL; non-ASCII bytes become `\\xNN`."""
    return raw.split(b"\0", 1)[0].decode("ascii", "backslashreplace")


def decode_utf16(raw: bytes) -> str:
    """Decode UTF-16LE up to the first NUL; lone surrogates become U+FFFD."""
    text = raw[: len(raw) & ~1].decode("utf-16-le", "replace")
    return text.split("\0", 1)[0]


class Layout:
    """A declared structure: field names with their offset and width in bytes.

    >>> POINT = Layout("POINT", 8, x=(0, 4), y=(4, 4))
    """

    __slots__ = ("fields", "name", "size")

    def __init__(self, name: str, size: int, /, **fields: tuple[int, int]) -> None:
        self.name = name
        self.size = size
        self.fields: Mapping[str, tuple[int, struct.Struct]] = {
            field: (offset, _BY_WIDTH[width]) for field, (offset, width) in fields.items()
        }

    def at(self, view: BinaryView, offset: int) -> Record:
        """Place the structure at `offset`. Raises TruncatedDump when the file is too short for it."""
        view.check(offset, self.size, self.name)
        return Record(self, view, offset)


class Record:
    """A Layout placed on bytes; fields are attributes, read when asked for."""

    __slots__ = ("layout", "offset", "view")

    def __init__(self, layout: Layout, view: BinaryView, offset: int) -> None:
        self.layout = layout
        self.view = view
        self.offset = offset

    def __getattr__(self, name: str) -> int:
        """Read the named field; AttributeError for a name the layout does not declare."""
        field = self.layout.fields.get(name)
        if field is None:
            raise AttributeError(f"{self.layout.name} has no field {name}")
        return field[1].unpack_from(self.view.data, self.offset + field[0])[0]


_BY_WIDTH = {1: struct.Struct("<B"), 2: _U16, 4: _U32, 8: _U64}
