"""An address → bytes: the three read verbs every kind of memory has, and the typed reads built on them.

| verb | a hole in the memory |
|---|---|
| `read` | raises MemoryFault; PartialRead when the first bytes are there |
| `read_up_to` | returns what is there, maybe b"" |
| `try_read` | returns None |

Source: this project's house rules (three verbs, typed absence), learned from kdmp-parser-rs and drgn.

Folklore: a read at the very top of the address space must fault and not wrap to address 0: Windows keeps structures
there (KUSER_SHARED_DATA's kernel alias is at ffdf0000 on x86), and a stack pointer of ffffffff`fffffff8 is a common
sight in a corrupt context.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod

from bugcheck.binary import decode_ascii, decode_utf16
from bugcheck.errors import MemoryFault, NonCanonical, NotInDump, PartialRead, UsageError

READ_LIMIT = 256 << 20
"""Largest single read, in bytes; a size from a hostile file must not allocate more."""
_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")


class AddressSpace(ABC):
    """Bytes by address: physical memory, one process's virtual memory, or what a minidump kept.

    A kind of memory supplies `piece` and `hole`; everything else is built on them.

    Attributes:
        pointer_size: width of a pointer in bytes: 4 or 8.
        address_bits: width of an address in bits; the first address beyond the space is `1 << address_bits`.
    """

    pointer_size: int = 8
    address_bits: int = 64

    @abstractmethod
    def piece(self, address: int, size: int) -> bytes:
        """Read at least one and at most `size` bytes that lie together at `address`; `size` is at least 1.

        Raises:
            MemoryFault: the byte at `address` itself is missing.
        """

    def try_piece(self, address: int, size: int) -> bytes:
        """Do as `piece`, but give b"" where the byte at `address` is missing.

        Small dumps miss far more often than they hit: kinds of memory that can tell without an exception do so here.
        """
        try:
            return self.piece(address, size)
        except MemoryFault:
            return b""

    @abstractmethod
    def hole(self, address: int) -> int:
        """Count bytes from `address`, whose own byte is missing, that are surely missing as well: at least 1."""

    # --- the three verbs ---

    def read(self, address: int, size: int) -> bytes:
        """Read exactly `size` bytes.

        Raises:
            MemoryFault: the first byte is missing. PartialRead: a later byte is missing.
            UsageError: `size` is negative or beyond READ_LIMIT.
        """
        if not 0 < size <= READ_LIMIT:
            return _refuse(size)
        first = self.piece(address, size)
        if len(first) == size:
            return first
        data, fault = self._collect(address, size, first)
        if fault is not None:
            raise PartialRead(address, len(data), fault) from fault
        return data

    def read_up_to(self, address: int, size: int) -> bytes:
        """Read what is there of `size` bytes, up to the first hole; b"" when the first byte is missing.

        Raises:
            UsageError: `size` is negative or beyond READ_LIMIT.
        """
        if not 0 < size <= READ_LIMIT:
            return _refuse(size)
        first = self.try_piece(address, size)
        if not first or len(first) == size:
            return first
        data = bytearray(first)
        while len(data) < size:
            more = self.try_piece(address + len(data), size - len(data))
            if not more:
                break
            data += more
        return bytes(data)

    def try_read(self, address: int, size: int) -> bytes | None:
        """Read exactly `size` bytes, or None when any of them is missing. Raises UsageError as `read` does."""
        data = self.read_up_to(address, size)
        return data if len(data) == size or size == 0 else None

    def _collect(self, address: int, size: int, first: bytes) -> tuple[bytes, MemoryFault | None]:
        data = bytearray(first)
        while len(data) < size:
            try:
                data += self.piece(address + len(data), size - len(data))
            except MemoryFault as fault:
                return bytes(data), fault
        return bytes(data), None

    def is_readable(self, address: int) -> bool:
        """Tell whether the byte at `address` is there."""
        return bool(self.try_piece(address, 1))

    # --- numbers; each raises MemoryFault as `read` does ---

    def u8(self, address: int) -> int:
        """Read one byte."""
        return self.read(address, 1)[0]

    def u16(self, address: int) -> int:
        """Read a 16-bit little-endian number."""
        return _U16.unpack(self.read(address, 2))[0]

    def u32(self, address: int) -> int:
        """Read a 32-bit little-endian number."""
        return _U32.unpack(self.read(address, 4))[0]

    def u64(self, address: int) -> int:
        """Read a 64-bit little-endian number."""
        return _U64.unpack(self.read(address, 8))[0]

    def pointer(self, address: int) -> int:
        """Read a pointer of this space's width, zero-extended."""
        return self.u64(address) if self.pointer_size == 8 else self.u32(address)

    def try_u8(self, address: int) -> int | None:
        """Read one byte, or None."""
        data = self.try_read(address, 1)
        return None if data is None else data[0]

    def try_u16(self, address: int) -> int | None:
        """Read a 16-bit little-endian number, or None."""
        data = self.try_read(address, 2)
        return None if data is None else _U16.unpack(data)[0]

    def try_u32(self, address: int) -> int | None:
        """Read a 32-bit little-endian number, or None."""
        data = self.try_read(address, 4)
        return None if data is None else _U32.unpack(data)[0]

    def try_u64(self, address: int) -> int | None:
        """Read a 64-bit little-endian number, or None."""
        data = self.try_read(address, 8)
        return None if data is None else _U64.unpack(data)[0]

    def try_pointer(self, address: int) -> int | None:
        """Read a pointer of this space's width, or None."""
        return self.try_u64(address) if self.pointer_size == 8 else self.try_u32(address)

    # --- strings ---

    def c_string(self, address: int, limit: int) -> str:
        """Read a NUL-terminated string of at most `limit` bytes, unprintable bytes escaped.

        A string without a NUL within `limit` is cut there.

        Raises:
            MemoryFault: a byte before the NUL or the limit is missing (PartialRead when it is not the first).
        """
        text = bytearray()
        while len(text) < limit:
            data = self.read_up_to(address + len(text), min(256, limit - len(text)))
            text += data
            if 0 in data:
                break
            if len(data) < 256 and len(text) < limit:
                self.read(address, len(text) + 1)
        return decode_ascii(bytes(text))

    def utf16(self, address: int, size: int) -> str:
        """Read `size` bytes of UTF-16LE, cut at the first NUL. Raises MemoryFault when any byte is missing."""
        return decode_utf16(self.read(address, size))

    def unicode_string(self, address: int) -> str:
        """Read the text of a UNICODE_STRING whose pointer has this space's width.

        Length is 16 bits wide, so at most 64 KiB are read; an odd Length loses its last byte.

        Raises:
            MemoryFault: the structure or any byte of its text is missing.
        """
        length = self.u16(address) & ~1
        return self.utf16(self.pointer(address + self.pointer_size), length) if length else ""


def outside(address: int, address_bits: int) -> MemoryFault:
    """Make the fault for an address below 0 or beyond the end of a space of `address_bits`."""
    return NonCanonical(address, f"addresses have {address_bits} bits")


def file_ends(address: int) -> NotInDump:
    """Make the fault for a byte that the dump should hold behind the end of its file."""
    return NotInDump(address, "the file ends before it")


def _refuse(size: int) -> bytes:
    if size == 0:
        return b""
    raise UsageError(f"cannot read {size:#x} bytes at once (at most {READ_LIMIT:#x})")
