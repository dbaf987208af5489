"""Virtual addresses a dump stored directly → bytes: triage dumps and user minidumps.

Source: the runs the dump's reader found (`Dump.virtual`): data blocks and call stack of a triage dump, memory lists of
a minidump.

Folklore: writers list a piece of memory twice (the stack as call stack and within a data block; a thread's stack in the
memory list and in the thread list), in any order, by the hundred thousand in full user dumps.  Runs are therefore
flattened once into disjoint stretches: on overlap the run registered first wins, byte by byte, because readers register
the most specific record first; a byte that the first run has lost to the end of the file is taken from the next one.
Stretches that adjoin both in memory and in the file become one.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import VirtualRun
from bugcheck.errors import MemoryFault, NotInDump
from bugcheck.memory.address_space import AddressSpace, file_ends, outside

Place = tuple[int, int, int]
"""First address, first address after it, file offset."""


class VirtualRuns(AddressSpace):
    """Memory by virtual address as the file lists it.

    Args:
        runs: in order of precedence. file: the dump's bytes. pointer_size: 4 or 8.
    """

    def __init__(self, runs: Iterable[VirtualRun], file: BinaryView, pointer_size: int) -> None:
        self.pointer_size = pointer_size
        self.address_bits = pointer_size * 8
        self._data = file.data
        held, lost = _clip(runs, file.size, 1 << self.address_bits)
        self._starts, self._lasts, self._offsets = _columns(_flatten(held))
        self._lost_starts, self._lost_lasts, _ = _columns(_flatten(lost))

    def piece(self, address: int, size: int) -> bytes:
        """Read up to the end of the stretch. Raises NotInDump, NonCanonical."""
        index = bisect_right(self._starts, address) - 1
        if index < 0 or address > self._lasts[index]:
            raise self._fault(address)
        offset = self._offsets[index] - self._starts[index]
        return bytes(self._data[offset + address : offset + min(address + size, self._lasts[index] + 1)])

    def try_piece(self, address: int, size: int) -> bytes:
        """Read up to the end of the stretch, or b""."""
        index = bisect_right(self._starts, address) - 1
        if index < 0 or address > self._lasts[index]:
            return b""
        offset = self._offsets[index] - self._starts[index]
        return bytes(self._data[offset + address : offset + min(address + size, self._lasts[index] + 1)])

    def _fault(self, address: int) -> MemoryFault:
        if not 0 <= address < 1 << self.address_bits:
            return outside(address, self.address_bits)
        index = bisect_right(self._lost_starts, address) - 1
        if index >= 0 and address <= self._lost_lasts[index]:
            return file_ends(address)
        return NotInDump(address)

    def hole(self, address: int) -> int:
        """Count to the next stretch, or to the end of the space."""
        index = bisect_right(self._starts, address)
        following = self._starts[index] if index < len(self._starts) else 1 << self.address_bits
        return max(1, following - address)

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Yield (address, size) in bytes of each disjoint stretch that is really in the file, ascending."""
        return ((start, last + 1 - start) for start, last in zip(self._starts, self._lasts, strict=True))


SIGN_EXTENDED = 0xFFFF_FFFF_8000_0000
"""32-bit writers store addresses from 80000000 up sign-extended; they are cut to the space's width."""


def _clip(runs: Iterable[VirtualRun], file_size: int, top: int) -> tuple[list[Place], list[Place]]:
    """Split runs at the end of the file into (start, end, file offset) that are there and that are lost."""
    held: list[Place] = []
    lost: list[Place] = []
    for run in runs:
        start = run.start & (top - 1) if run.start >= SIGN_EXTENDED else run.start
        end = min(start + run.size, top)
        cut = min(end, start + max(0, file_size - run.file_offset))
        if start < 0 or run.file_offset < 0 or end <= start:
            continue
        if cut > start:
            held.append((start, cut, run.file_offset))
        if cut < end:
            lost.append((cut, end, 0))
    return held, lost


def _flatten(places: list[Place]) -> Iterable[Place]:
    """Make the places ascending and disjoint; of two that overlap, the earlier in the list keeps the bytes."""
    if all(places[i][1] <= places[i + 1][0] for i in range(len(places) - 1)):
        return places
    return _sweep(places)


def _sweep(places: list[Place]) -> Iterator[Place]:
    """Walk the addresses upwards with a heap of the places that cover the current one, first registered on top."""
    order = sorted(range(len(places)), key=lambda index: places[index][0])
    active: list[int] = []
    position = 0
    arriving = 0
    while arriving < len(order) or active:
        while active and places[active[0]][1] <= position:
            heappop(active)
        if not active:
            if arriving == len(order):
                return
            place = places[order[arriving]]
            position = place[0]  # everything that starts earlier is on the heap or done
            if arriving + 1 == len(order) or places[order[arriving + 1]][0] >= place[1]:  # most stand alone
                yield place
                position = place[1]
                arriving += 1
                continue
        while arriving < len(order) and places[order[arriving]][0] <= position:
            heappush(active, order[arriving])
            arriving += 1
        start, end, offset = places[active[0]]
        if end <= position:
            continue
        following = places[order[arriving]][0] if arriving < len(order) else end
        yield position, min(end, following), offset + position - start
        position = min(end, following)


def _columns(places: Iterable[Place]) -> tuple[array[int], array[int], array[int]]:
    """Store first address, last address and file offset in packed columns, joining what adjoins in memory and file."""
    starts, lasts, offsets = array("Q"), array("Q"), array("Q")
    last_end = last_file_end = -1
    for start, end, offset in places:
        if start == last_end and offset == last_file_end:
            lasts[-1] = end - 1
        else:
            starts.append(start)
            lasts.append(end - 1)
            offsets.append(offset)
        last_end, last_file_end = end, offset + end - start
    return starts, lasts, offsets
