"""A physical address → bytes, through the dump's page map.

Source: the map the dump's reader made (`Dump.physical`), in page frames of 4 KiB; the file stays a memory map and is
never copied.

Folklore: a dump cut short by a full disk still has a header that promises everything.  Its map then points behind the
end of the file; those bytes fault as NotInDump, the rest stays readable, and the page that straddles the end is
readable up to it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from bugcheck.addresses import PAGE_SIZE
from bugcheck.dump.dump import Dump
from bugcheck.errors import NotInDump, UsageError
from bugcheck.memory.address_space import AddressSpace, file_ends, outside

CACHED_PAGES = 1 << 16
"""Page frames whose place is remembered (about 10 MB of memory)."""
PHYSICAL_BITS = 52
"""Widest physical address of x64 (Intel SDM vol. 3A, 4.1.4) and ARM64."""
_ENTRY = {4: struct.Struct("<I"), 8: struct.Struct("<Q")}


class PhysicalMemory(AddressSpace):
    """The machine's memory by physical address.

    Attributes:
        data: the dump's bytes. page_count: pages the dump claims to hold.
    """

    address_bits = PHYSICAL_BITS

    def __init__(self, dump: Dump) -> None:
        """Place memory over an open dump. Raises UsageError when the dump has no physical pages."""
        if dump.physical is None:
            raise UsageError(f"{dump.file.name} holds no physical memory")
        self.pointer_size = dump.architecture.pointer_size
        self.data = dump.file.data
        self.page_count = dump.physical.page_count
        self._size = dump.file.size
        self._map = dump.physical
        self._offsets: dict[int, int] = {}

    def page_offset(self, page_frame: int, address: int) -> int:
        """Find the file offset of a 4 KiB page, which may lie behind the end of a truncated file.

        Raises:
            NotInDump: the dump left the page out; the fault names `address`.
        """
        offset = self._offsets.get(page_frame)
        if offset is None:
            offset = self._map.locate(page_frame)
            if offset is None:
                raise NotInDump(address, f"page frame {page_frame:#x}")
            if len(self._offsets) >= CACHED_PAGES:
                self._offsets.clear()
            self._offsets[page_frame] = offset
        return offset

    def piece(self, address: int, size: int) -> bytes:
        """Read up to the end of the page. Raises NotInDump, NonCanonical."""
        if address >> PHYSICAL_BITS:
            raise outside(address, PHYSICAL_BITS)
        page = self.page_offset(address >> 12, address)
        data = bytes(self.data[page + (address & 0xFFF) : page + min(PAGE_SIZE, (address & 0xFFF) + size)])
        if not data:
            raise file_ends(address)
        return data

    def hole(self, address: int) -> int:
        """Count to the end of the page."""
        return PAGE_SIZE - (address & 0xFFF)

    def table_entry(self, address: int, size: int) -> int:
        """Read one aligned page-table entry of 4 or 8 bytes. Raises NotInDump, NonCanonical."""
        if address >> PHYSICAL_BITS:
            raise outside(address, PHYSICAL_BITS)
        offset = self.page_offset(address >> 12, address) + (address & 0xFFF)
        if offset + size > self._size:
            raise file_ends(address)
        return _ENTRY[size].unpack_from(self.data, offset)[0]

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Yield (address, size) in bytes of each contiguous stretch that is really in the file, ascending.

        A map stores the pages of a stretch one after another, so the file's end cuts a stretch at one place.
        """
        for page_frame, count in self._map.runs():
            offset = self._map.locate(page_frame)
            size = 0 if offset is None else min(count * PAGE_SIZE, self._size - offset)
            if size > 0:
                yield page_frame * PAGE_SIZE, size
