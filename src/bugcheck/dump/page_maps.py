"""Runs and bitmaps in a dump's header → where each physical page lies in the file.

Source: PHYSICAL_MEMORY_DESCRIPTOR runs (full dumps), SUMMARY_DUMP bitmaps (kernel dumps); pages are 4 KiB everywhere.
A map never expands to one entry per page: a 64 GiB dump costs a few kilobytes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from bugcheck.addresses import PAGE_SIZE
from bugcheck.binary import BinaryView

MAX_PAGE_FRAME = 1 << 40
"""52 physical address bits leave 40 for the page frame (Intel SDM, ARM LPA)."""
_BLOCK = 4096
_WORDS = 64


class RunMap:
    """Pages stored run after run, as in full dumps.

    Args:
        runs: (first page frame, page count), ascending and free of overlaps (see `clean_runs`).
        first_offset: file offset of the first page of the first run.
    """

    def __init__(self, runs: Sequence[tuple[int, int]], first_offset: int) -> None:
        self._runs = tuple(runs)
        self._starts = [start for start, _ in runs]
        self._before = [0, *accumulate(count for _, count in runs)]
        self._first_offset = first_offset

    @property
    def page_count(self) -> int:
        """Number of pages of all runs."""
        return self._before[-1]

    def locate(self, page_frame: int) -> int | None:
        """File offset of a page frame, or None."""
        index = bisect_right(self._starts, page_frame) - 1
        if index < 0:
            return None
        start, count = self._runs[index]
        if page_frame >= start + count:
            return None
        return self._first_offset + (self._before[index] + page_frame - start) * PAGE_SIZE

    def runs(self) -> Iterator[tuple[int, int]]:
        """The runs, ascending."""
        return iter(self._runs)


class ScatteredRunMap:
    """Runs in any order, each stored after the one before it in the file, as in RDMP dumps."""

    def __init__(self, runs: Sequence[tuple[int, int]], first_offset: int) -> None:
        offsets = [first_offset, *accumulate((count * PAGE_SIZE for _, count in runs), initial=first_offset)][1:]
        placed = sorted((start, count, offset) for (start, count), offset in zip(runs, offsets, strict=False))
        self._placed = placed
        self._starts = [start for start, _, _ in placed]

    @property
    def page_count(self) -> int:
        """Number of pages of all runs."""
        return sum(count for _, count, _ in self._placed)

    def locate(self, page_frame: int) -> int | None:
        """File offset of a page frame, or None."""
        index = bisect_right(self._starts, page_frame) - 1
        if index < 0:
            return None
        start, count, offset = self._placed[index]
        return offset + (page_frame - start) * PAGE_SIZE if page_frame < start + count else None

    def runs(self) -> Iterator[tuple[int, int]]:
        """The runs, ascending."""
        return ((start, count) for start, count, _ in self._placed)


class BitmapMap:
    """Pages stored in ascending order, one per set bit of a bitmap that lies in the file.

    The bits are counted a block of 4,096 bytes at a time, so a look-up reads at most one block.
    """

    def __init__(self, view: BinaryView, bitmap_offset: int, bit_count: int, first_offset: int) -> None:
        self._view = view
        self._bitmap_offset = bitmap_offset
        self._bit_count = min(bit_count, 8 * max(0, view.size - bitmap_offset))
        self._first_offset = first_offset
        self._before = self._count_blocks()

    def _count_blocks(self) -> list[int]:
        size = (self._bit_count + 7) // 8
        counts = (self._bits(start, min(_BLOCK, size - start)).bit_count() for start in range(0, size, _BLOCK))
        return [0, *accumulate(counts)]

    def _bits(self, start: int, size: int) -> int:
        bits = int.from_bytes(self._view.read_up_to(self._bitmap_offset + start, size), "little")
        beyond = (start + size) * 8 - self._bit_count
        return bits & ((1 << (size * 8 - beyond)) - 1) if beyond > 0 else bits

    @property
    def page_count(self) -> int:
        """Number of set bits."""
        return self._before[-1]

    def locate(self, page_frame: int) -> int | None:
        """File offset of a page frame, or None."""
        if not 0 <= page_frame < self._bit_count:
            return None
        block, bit = divmod(page_frame, _BLOCK * 8)
        bits = self._bits(block * _BLOCK, bit // 8 + 1)
        if not bits >> bit & 1:
            return None
        before = self._before[block] + (bits & ((1 << bit) - 1)).bit_count()
        return self._first_offset + before * PAGE_SIZE

    def runs(self) -> Iterator[tuple[int, int]]:
        """Stretches of set bits, ascending; walks the whole bitmap as it is consumed."""
        start = length = 0
        for first, count in self._stretches():
            if first == start + length:
                length += count
                continue
            if length:
                yield start, length
            start, length = first, count
        if length:
            yield start, length

    def _stretches(self) -> Iterator[tuple[int, int]]:
        size = (self._bit_count + 7) // 8
        for start in range(0, size, _WORDS):
            bits = self._bits(start, min(_WORDS, size - start))
            position = start * 8
            while bits:
                gap = (bits & -bits).bit_length() - 1
                bits >>= gap
                length = (~bits & (bits + 1)).bit_length() - 1
                bits >>= length
                yield position + gap, length
                position += gap + length


def clean_runs(runs: Sequence[tuple[int, int]]) -> tuple[list[tuple[int, int]], list[str]]:
    """Keep the runs up to the first that is empty, out of order, overlapping or beyond physical memory.

    Full dumps store pages run after run: behind a bad run no offset can be trusted, so it ends the list.

    Returns:
        the good runs and a sentence for the trouble, if any.
    """
    good: list[tuple[int, int]] = []
    end = 0
    for index, (start, count) in enumerate(runs):
        if count == 0:
            continue
        if start < end or start + count > MAX_PAGE_FRAME:
            return good, [f"physical memory run {index} ({start:#x}, {count:#x} pages) overlaps or is impossible"]
        good.append((start, count))
        end = start + count
    return good, []
