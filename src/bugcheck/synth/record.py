"""Offsets and values → a block of bytes: the one way this stage writes a structure.

Source: none; every structure cites its own. Offsets are spelled at the call, so that no definition is shared with a
reader.
"""

import struct


class Record:
    """A block of fixed size whose fields are set by byte offset, little-endian."""

    def __init__(self, size: int, fill: bytes = b"\0") -> None:
        """Make `size` bytes, filled with repetitions of `fill`."""
        self._data = bytearray((fill * (size // len(fill) + 1))[:size])

    def __len__(self) -> int:
        return len(self._data)

    def u8(self, offset: int, value: int) -> None:
        """Set one byte."""
        struct.pack_into("<B", self._data, offset, value & 0xFF)

    def u16(self, offset: int, value: int) -> None:
        """Set two bytes."""
        struct.pack_into("<H", self._data, offset, value & 0xFFFF)

    def u32(self, offset: int, value: int) -> None:
        """Set four bytes."""
        struct.pack_into("<I", self._data, offset, value & 0xFFFFFFFF)

    def u64(self, offset: int, value: int) -> None:
        """Set eight bytes."""
        struct.pack_into("<Q", self._data, offset, value & 0xFFFFFFFFFFFFFFFF)

    def uint(self, offset: int, value: int, size: int) -> None:
        """Set `size` bytes; larger values lose their high part."""
        self.put(offset, (value & ((1 << (8 * size)) - 1)).to_bytes(size, "little"))

    def put(self, offset: int, data: bytes) -> None:
        """Copy `data` to `offset`; raises ValueError when it does not fit."""
        if offset < 0 or offset + len(data) > len(self._data):
            raise ValueError(f"{len(data)} bytes at {offset:#x} do not fit in {len(self._data):#x}")
        self._data[offset : offset + len(data)] = data

    def done(self) -> bytes:
        """The finished bytes."""
        return bytes(self._data)


def align_up(value: int, alignment: int) -> int:
    """The next multiple of `alignment` at or above `value`."""
    return -(-value // alignment) * alignment


def padded(data: bytes, alignment: int) -> bytes:
    """`data` with zeros up to a multiple of `alignment`."""
    return data + bytes(align_up(len(data), alignment) - len(data))
