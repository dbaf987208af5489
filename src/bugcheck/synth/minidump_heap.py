"""Pieces of a minidump → file offsets.

Source: MINIDUMP_LOCATION_DESCRIPTOR (size, then offset) and MINIDUMP_STRING (byte length, UTF-16, terminator) in
minidumpapiset.h (Microsoft Learn).
"""

from bugcheck.synth.record import align_up

Location = tuple[int, int]
"""Size in bytes and offset in the file."""


class MinidumpHeap:
    """The part of a minidump behind its directory; pieces are 8-byte aligned."""

    def __init__(self, start: int) -> None:
        """Begin at file offset `start`."""
        self._start = start
        self._data = bytearray()
        self._memory: dict[int, Location] = {}

    def add(self, data: bytes) -> Location:
        """Append a piece."""
        offset = self._align()
        self._data += data
        return len(data), offset

    def add_string(self, text: str) -> int:
        """Append a MINIDUMP_STRING and return its offset."""
        encoded = text.encode("utf-16-le")
        return self.add(len(encoded).to_bytes(4, "little") + encoded + b"\0\0")[1]

    def add_memory(self, address: int, data: bytes) -> Location:
        """Append a memory range once; asking again for the same address gives the same place."""
        if address not in self._memory:
            self._memory[address] = self.add(data)
        return self._memory[address]

    def next_offset(self, size: int, alignment: int) -> int:
        """Where the file will end after a piece of `size` bytes was added, itself rounded up to `alignment`."""
        return align_up(align_up(self._start + len(self._data), 8) + size, alignment)

    def done(self) -> bytes:
        """The bytes, padded to 8."""
        self._align()
        return bytes(self._data)

    def _align(self) -> int:
        offset = self._start + len(self._data)
        self._data += bytes(align_up(offset, 8) - offset)
        return self._start + len(self._data)
