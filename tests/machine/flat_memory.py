"""Bytes at chosen addresses as memory; everything else is a hole."""

from __future__ import annotations

import struct

from bugcheck.errors import NotInDump
from bugcheck.memory.address_space import AddressSpace


class FlatMemory(AddressSpace):
    """Regions of bytes by address."""

    def __init__(self, regions: dict[int, bytes], pointer_size: int = 8) -> None:
        self.regions = {start: bytearray(data) for start, data in regions.items()}
        self.pointer_size = pointer_size
        self.address_bits = 8 * pointer_size

    def piece(self, address: int, size: int) -> bytes:
        for start, data in self.regions.items():
            if start <= address < start + len(data):
                return bytes(data[address - start : address - start + size])
        raise NotInDump(address)

    def hole(self, address: int) -> int:
        return 1

    def put(self, address: int, form: str, *values: int) -> None:
        """Write numbers (a little-endian `struct` format) into a region."""
        start = next(start for start, data in self.regions.items() if start <= address < start + len(data))
        struct.pack_into("<" + form, self.regions[start], address - start, *values)
