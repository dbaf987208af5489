"""MemoryList, Memory64List and stack ranges → where each virtual address lies in the file.

Source: "MINIDUMP_MEMORY_LIST structure", "MINIDUMP_MEMORY64_LIST structure", "MINIDUMP_THREAD structure" (Microsoft).

Folklore: ranges overlap (the bytes around the crash lie in the crashing stack's neighbourhood, stacks are listed twice)
and come in any order.  In a full dump the bytes of all ranges follow each other from BaseRva, and a thread's
Stack descriptor, with its 32-bit RVA, cannot reach them, so it is not used there.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import overload

from bugcheck.dump.dump import Stream, VirtualRun
from bugcheck.dump.minidump_streams import Minidump, StreamKind, narrow
from bugcheck.dump.minidump_threads import ThreadEntry

RANGE_LIMIT = 0x4_0000
_RANGE = (struct.Struct("<QII"), "memory list")
_RANGE64 = (struct.Struct("<QQ"), "full memory")
_STACK = "thread stack"
_Range = tuple[int, int, int, str]
"""Start address, size in bytes, file offset, why it is there."""


class MemoryRuns(Sequence[VirtualRun]):
    """Runs of memory, ascending and without overlaps; each VirtualRun is made when asked for.

    Attributes:
        starts: first virtual addresses, for bisecting. sizes: lengths in bytes. offsets: places in the file.
    """

    __slots__ = ("_whats", "offsets", "sizes", "starts")

    def __init__(self, ranges: Iterable[_Range]) -> None:
        """Sort the ranges and cut what an earlier one already covers."""
        self.starts = array("Q")
        self.sizes = array("Q")
        self.offsets = array("Q")
        self._whats: list[str] = []
        covered = 0
        for start, size, offset, what in sorted(ranges):
            hidden = covered - start if covered > start else 0
            if hidden < size:
                covered = start + size
                self.starts.append(start + hidden)
                self.sizes.append(size - hidden)
                self.offsets.append(offset + hidden)
                self._whats.append(what)

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, index: int) -> VirtualRun: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[VirtualRun]: ...

    def __getitem__(self, index: int | slice) -> VirtualRun | Sequence[VirtualRun]:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        return VirtualRun(self.starts[index], self.sizes[index], self.offsets[index], self._whats[index])


def read_memory(minidump: Minidump, threads: Sequence[ThreadEntry], bits: int) -> MemoryRuns:
    """Describe all memory the file holds; `bits` is the width of an address."""
    ranges = _full_memory(minidump)
    ranges += _memory_list(minidump)
    if minidump.find(StreamKind.MEMORY64_LIST) is None:
        ranges += [(entry.stack_start, entry.stack_size, entry.stack, _STACK) for entry in threads]
    return MemoryRuns(_present(minidump, ranges, bits))


def has_memory_stream(minidump: Minidump) -> bool:
    """Tell whether the writer kept a list of memory at all."""
    return any(minidump.find(kind) for kind in (StreamKind.MEMORY_LIST, StreamKind.MEMORY64_LIST))


def _memory_list(minidump: Minidump) -> list[_Range]:
    stream = minidump.find(StreamKind.MEMORY_LIST)
    if stream is None:
        return []
    form, what = _RANGE
    raw = _descriptors(minidump, stream, minidump.list_entries(stream, form.size, RANGE_LIMIT))
    return [(start, size, offset, what) for start, size, offset in form.iter_unpack(raw)]


def _full_memory(minidump: Minidump) -> list[_Range]:
    stream = minidump.find(StreamKind.MEMORY64_LIST)
    if stream is None:
        return []
    if minidump.end(stream) - stream.file_offset < 16:
        minidump.damage(stream.name, "its header is cut off", stream.file_offset)
        return []
    form, what = _RANGE64
    count, base = minidump.view.unpack("QQ", stream.file_offset)
    entries = minidump.bounded_entries(stream, 16, form.size, count, RANGE_LIMIT)
    pairs = list(form.iter_unpack(_descriptors(minidump, stream, entries)))
    offsets = accumulate((size for _, size in pairs), initial=base)
    return [(start, size, offset, what) for (start, size), offset in zip(pairs, offsets, strict=False)]


def _descriptors(minidump: Minidump, stream: Stream, entries: range) -> bytes:
    if not entries:
        return b""
    return minidump.view.read(entries.start, entries.stop - entries.start, stream.name)


def _present(minidump: Minidump, ranges: list[_Range], bits: int) -> list[_Range]:
    end, top = minidump.view.size, 1 << bits
    kept: list[_Range] = []
    needed = lost = 0
    for start, size, offset, what in ranges:
        if not size:
            continue
        if not offset:
            if what != _STACK:  # a writer that keeps the stack elsewhere leaves its place 0
                minidump.damage("memory", "a range has no place in the file", None)
            continue
        address = narrow(start, bits)
        if address + size > top:
            minidump.damage("memory", "a range reaches beyond the address space", None)
            continue
        if offset + size > end:
            needed = max(needed, offset + size)
            lost += 1
        if offset < end:
            kept.append((address, min(size, end - offset), offset, what))
    if lost:
        missing = f"the file ends before the bytes of {lost} of {len(ranges)} ranges do, which reach to {needed:#x}"
        minidump.cut_off("memory", missing, end)
    return kept
