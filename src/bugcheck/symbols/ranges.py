"""Ranges of addresses, nested or not → the innermost one at an address."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence

NONE = 0xFFFF_FFFF


class Ranges:
    """Which of several ranges covers an address; where several do, the one that begins last (the innermost).

    Starts and sizes are in bytes, below 2**32; ranges of size 0 cover nothing.
    """

    def __init__(self, starts: Sequence[int], sizes: Sequence[int]) -> None:
        self._edges = array("Q")
        self._owners = array("I")
        order = sorted(range(len(starts)), key=lambda index: (starts[index], -sizes[index]))
        open_ranges: list[tuple[int, int]] = []
        for index in order:
            start, end = starts[index], starts[index] + sizes[index]
            if end == start:
                continue
            self._close(open_ranges, start)
            self._edge(start, index)
            open_ranges.append((end, index))
        self._close(open_ranges, 1 << 62)

    def _close(self, open_ranges: list[tuple[int, int]], position: int) -> None:
        """End the ranges that end by `position`; what they lay in goes on behind them."""
        while open_ranges and open_ranges[-1][0] <= position:
            end = open_ranges.pop()[0]
            while open_ranges and open_ranges[-1][0] <= end:
                open_ranges.pop()
            self._edge(end, open_ranges[-1][1] if open_ranges else NONE)

    def _edge(self, position: int, owner: int) -> None:
        if self._edges and self._edges[-1] == position:
            self._owners[-1] = owner
        else:
            self._edges.append(position)
            self._owners.append(owner)

    def at(self, position: int) -> int | None:
        """Index of the range that covers `position`, or None."""
        edge = bisect_right(self._edges, position) - 1
        return None if edge < 0 or self._owners[edge] == NONE else self._owners[edge]
