"""The map of a process's memory in its dump → whether code can run at an address.

Source: "MINIDUMP_MEMORY_INFO_LIST structure", "MINIDUMP_MEMORY_INFO structure" (Microsoft); memory protection constants
of winnt.h.

Folklore: Crashpad and Firefox write the map into small dumps too.  It tells code from data where the images' headers
are not in the dump, and finds code made at run time, which lies in no module.
"""

from __future__ import annotations

from bisect import bisect_right
from struct import Struct

from bugcheck.dump.dump import Dump

STREAM = "0x10"
ENTRY_LIMIT = 200_000
SMALLEST_ENTRY = 48
_HEADER = Struct("<IIQ")
_ENTRY = Struct("<QQIIQIII")
_COMMITTED = 0x1000
_EXECUTE = 0xF0
"""PAGE_EXECUTE, PAGE_EXECUTE_READ, PAGE_EXECUTE_READWRITE, PAGE_EXECUTE_WRITECOPY."""


class ExecutableMemory:
    """Where code can run, as far as the dump's map goes."""

    def __init__(self, regions: list[tuple[int, int, bool]]) -> None:
        """Take regions as (start, end, whether code can run there)."""
        self._regions = sorted(regions)
        self._starts = [start for start, _, _ in self._regions]

    def at(self, address: int) -> bool | None:
        """Tell whether code can run at an address; None where the map has nothing."""
        index = bisect_right(self._starts, address) - 1
        if index < 0 or address >= self._regions[index][1]:
            return None
        return self._regions[index][2]


def executable_memory(dump: Dump) -> ExecutableMemory | None:
    """Read the map of a user dump; None when it has none."""
    stream = next((each for each in dump.streams if each.kind == STREAM), None)
    if stream is None or stream.size < _HEADER.size:
        return None
    data = dump.file.read_up_to(stream.file_offset, stream.size)
    if len(data) < _HEADER.size:
        return None
    head, size, count = _HEADER.unpack_from(data)
    if head < _HEADER.size or size < SMALLEST_ENTRY:
        return None
    regions: list[tuple[int, int, bool]] = []
    for index in range(min(count, ENTRY_LIMIT)):
        at = head + index * size
        if at + _ENTRY.size > len(data):
            break
        start, _, _, _, length, state, protection, _ = _ENTRY.unpack_from(data, at)
        regions.append((start, start + length, state == _COMMITTED and bool(protection & _EXECUTE)))
    return ExecutableMemory(regions) if regions else None
