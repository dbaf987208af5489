"""A Dump → a MemoryMap: which memory it holds, by kind, over one scale of addresses.

Virtual memory is spread over 2**47 bytes, so the scale of a small dump leaves out the widest empty stretches; the
ticks name the address where each part begins.  Physical memory is drawn to scale.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import islice, pairwise

from bugcheck.addresses import PAGE_SIZE, format_address
from bugcheck.dump.dump import Dump, PhysicalMap
from bugcheck.reports.page import Lane, MemoryMap

MAX_RUNS = 200_000
"""Stretches that are looked at; a full dump of a machine that ran long has more."""
MAX_PARTS = 10
"""Parts of the scale of virtual memory; the widest gaps part them."""
COLUMNS = 250
"""Stretches closer than one column are drawn as one."""
LEAST_GAP = 1 << 20
PART_GAP = 0.012
LEAST_PART = 0.02
TICK_ROOM, LAST_TICK = 0.16, 0.87
"""Parts of the width: what the address at a tick needs, and where the last fits."""

Span = tuple[int, int]
"""First address and first address behind."""


def memory_pictures(dump: Dump) -> list[MemoryMap]:
    """Draw what a dump holds: its pages, its pieces of virtual memory, or both; nothing where it holds none."""
    pictures: list[MemoryMap] = []
    if dump.physical is not None:
        pictures.append(_physical(dump.physical))
    virtual = _virtual(dump)
    if virtual is not None:
        pictures.append(virtual)
    return pictures


def size_text(size: int) -> str:
    """A number of bytes for people: `96 KiB`, `4.4 MiB`."""
    amount = float(size)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            return f"{amount:,.0f} {unit}" if unit == "bytes" or amount >= 100 else f"{amount:,.1f} {unit}"
        amount /= 1024
    return f"{amount:,.0f}"  # pragma: no cover (the loop returns)


def _physical(pages: PhysicalMap) -> MemoryMap:
    runs = [
        (start * PAGE_SIZE, (start + count) * PAGE_SIZE) for start, count in islice(pages.runs(), MAX_RUNS) if count > 0
    ]
    top = max((end for _, end in runs), default=PAGE_SIZE)
    lane = Lane(
        "physical pages",
        len(runs),
        size_text(pages.page_count * PAGE_SIZE),
        _drawn([(s / top, e / top) for s, e in runs]),
    )
    ticks = tuple((i / 4, f"{size_text(top * i // 4)}" if i else "0") for i in range(4))
    more = f"; the first {MAX_RUNS:,} stretches are drawn" if len(runs) == MAX_RUNS else ""
    return MemoryMap(f"Physical memory, 0 to {size_text(top)}, to scale{more}", (lane,), ticks)


def _virtual(dump: Dump) -> MemoryMap | None:
    bits = dump.architecture.bits
    kinds: dict[str, list[Span]] = {}
    for run in islice(dump.virtual, MAX_RUNS):
        if run.size > 0:
            start = run.start & ((1 << bits) - 1)
            kinds.setdefault(run.what or "memory", []).append((start, start + run.size))
    if not kinds:
        return None
    scale = _Scale([span for spans in kinds.values() for span in spans])
    lanes = tuple(
        Lane(kind, len(spans), size_text(sum(end - start for start, end in spans)), scale.drawn(spans))
        for kind, spans in sorted(kinds.items())
    )
    ticks = tuple((place, format_address(start, bits)) for place, start in scale.ticks())
    return MemoryMap("Virtual memory in the dump; the widest gaps between its parts are left out", lanes, ticks)


class _Scale:
    """Addresses → places between 0 and 1, with the widest empty stretches left out."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self.parts = _parts(sorted(spans))
        weights = [float(end - start) ** 0.35 for start, end in self.parts]
        room = 1 - PART_GAP * (len(self.parts) - 1) - LEAST_PART * len(self.parts)
        widths = [LEAST_PART + room * weight / sum(weights) for weight in weights]
        self._places: list[tuple[float, float]] = []
        left = 0.0
        for width in widths:
            self._places.append((left, width))
            left += width + PART_GAP

    def place(self, address: int) -> float:
        """Where an address stands."""
        index = max(0, bisect_right([start for start, _ in self.parts], address) - 1)
        start, end = self.parts[index]
        left, width = self._places[index]
        return left + width * min(1.0, max(0.0, (address - start) / (end - start)))

    def drawn(self, spans: Iterable[Span]) -> tuple[tuple[float, float], ...]:
        """The stretches as places."""
        return _drawn([(self.place(start), self.place(end - 1)) for start, end in sorted(spans)])

    def ticks(self) -> list[tuple[float, int]]:
        """Where parts begin whose address has room to be written."""
        found: list[tuple[float, int]] = []
        for (start, _), (left, _) in zip(self.parts, self._places, strict=True):
            if left < LAST_TICK and (not found or left - found[-1][0] > TICK_ROOM):
                found.append((left, start))
        return found


def _parts(spans: Sequence[Span]) -> list[Span]:
    """Cut the addresses at their widest gaps, into at most MAX_PARTS parts."""
    merged: list[Span] = []
    for start, end in spans:
        if merged and start - merged[-1][1] < LEAST_GAP:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    gaps = sorted(
        ((after[0] - before[1], index) for index, (before, after) in enumerate(pairwise(merged))), reverse=True
    )
    cuts = sorted(index for _, index in gaps[: MAX_PARTS - 1])
    firsts = [0, *(cut + 1 for cut in cuts)]
    lasts = [*cuts, len(merged) - 1]
    return [(merged[first][0], merged[last][1]) for first, last in zip(firsts, lasts, strict=True)]


def _drawn(spans: Iterable[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Join what a column of the picture cannot part, so that a drawing has a few hundred marks at most."""
    out: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if out and start - out[-1][1] < 1 / COLUMNS:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return tuple(out)
