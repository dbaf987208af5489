"""A pattern or a range of pointers → the addresses where it occurs, streamed.

Source: no format; WinDbg's `s` and `!search` are the models.

Ranges come from `PhysicalMemory.ranges()`, `VirtualRuns.ranges()` or `TranslatedSpace.ranges()`; memory is read 1 MiB
at a time with enough overlap for a match across the seam, so a search costs the same few megabytes however large the
dump.  A hole inside a range is stepped over and ends any match.

Folklore: a kernel dump maps far more than it holds; page tables may claim petabytes.  A search gives up after stepping
over HOLE_LIMIT holes and says so.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import TypeVar

from bugcheck.errors import UsageError
from bugcheck.gaps import Gap
from bugcheck.memory.address_space import AddressSpace

Hit = TypeVar("Hit")
Chunks = Iterator[tuple[int, bytes]]
CHUNK = 1 << 20
"""Bytes read at a time."""
HIT_LIMIT = 10_000
"""Hits a search yields unless told otherwise."""
HOLE_LIMIT = 1 << 20
"""Holes a search steps over."""
PATTERN_LIMIT = 1 << 16
"""Longest pattern in bytes."""


def search_bytes(
    space: AddressSpace,
    ranges: Iterable[tuple[int, int]],
    pattern: bytes,
    *,
    alignment: int = 1,
    limit: int = HIT_LIMIT,
    gaps: list[Gap] | None = None,
) -> Iterator[int]:
    """Yield each address where `pattern` occurs, overlapping occurrences included, ascending within a range.

    Args:
        ranges: (address, size) in bytes. alignment: only addresses that are multiples of it.
        limit: hits after which the search stops, leaving a Gap in `gaps`.

    Raises:
        UsageError: the pattern is empty or longer than PATTERN_LIMIT.
    """
    if not 0 < len(pattern) <= PATTERN_LIMIT:
        raise UsageError(f"a search pattern has 1 to {PATTERN_LIMIT} bytes, not {len(pattern)}")
    hits = _occurrences(_chunks(space, ranges, len(pattern), gaps), pattern, 0, alignment, len(pattern))
    return _limited((address for address, _ in hits), limit, gaps, f"occurrences of {pattern[:16].hex(' ')}")


def search_pointers_into(
    space: AddressSpace,
    ranges: Iterable[tuple[int, int]],
    start: int,
    end: int,
    *,
    limit: int = HIT_LIMIT,
    gaps: list[Gap] | None = None,
) -> Iterator[tuple[int, int]]:
    """Yield (address, value) of each aligned pointer whose value lies in [start, end).

    The bytes that all such pointers share at their upper end are searched for; the values are then compared one by one.
    `limit` and `gaps` are as in `search_bytes`.

    Raises:
        UsageError: the range is empty or exceeds the pointer's width.
    """
    width = space.pointer_size
    if not 0 <= start < end <= 1 << 8 * width:
        raise UsageError(f"{start:#x} to {end:#x} is no range of {width}-byte pointers")
    return _limited(
        _pointers(_chunks(space, ranges, width, gaps), width, start, end),
        limit,
        gaps,
        f"pointers into {start:#x} to {end:#x}",
    )


def _pointers(chunks: Chunks, width: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    low, high = start.to_bytes(width, "little"), (end - 1).to_bytes(width, "little")
    differing = next((width - i for i in range(width) if low[width - 1 - i] != high[width - 1 - i]), 0)
    if differing < width:
        candidates = _occurrences(chunks, low[differing:], differing, width, width)
        values = ((address, int.from_bytes(data, "little")) for address, data in candidates)
    else:
        values = _all_pointers(chunks, width)
    return ((address, value) for address, value in values if start <= value < end)


def _all_pointers(chunks: Chunks, width: int) -> Iterator[tuple[int, int]]:
    form = {4: "<%dI", 8: "<%dQ"}[width]
    for address, data in chunks:
        skip = -address % width
        count = (len(data) - skip) // width
        values = struct.unpack_from(form % count, data, skip) if count > 0 else ()
        for index, value in enumerate(values):
            yield address + skip + index * width, value


def _occurrences(chunks: Chunks, pattern: bytes, lead: int, alignment: int, width: int) -> Iterator[tuple[int, bytes]]:
    """Yield (address, its `width` bytes) where `pattern` stands `lead` bytes after an aligned address."""
    for base, data in chunks:
        position = data.find(pattern, lead)
        while position >= 0:
            begin = position - lead
            if begin + width <= len(data) and (base + begin) % alignment == 0:
                yield base + begin, data[begin : begin + width]
            position = data.find(pattern, position + 1)


def _chunks(
    space: AddressSpace, ranges: Iterable[tuple[int, int]], width: int, gaps: list[Gap] | None
) -> Iterator[tuple[int, bytes]]:
    """Yield (address, bytes) such that each `width` bytes that lie together occur whole in exactly one chunk."""
    kept = b""
    expected = -1
    holes = 0
    for start, size in ranges:
        position = start
        while position < start + size:
            data = space.read_up_to(position, min(CHUNK, start + size - position))
            if not data:
                holes += 1
                if holes > HOLE_LIMIT:
                    _note(gaps, "search of memory", f"all from {position:#x}, after {HOLE_LIMIT} holes")
                    return
                position += space.hole(position)
                continue
            kept = kept if position == expected else b""
            yield position - len(kept), kept + data
            position += len(data)
            expected = position
            kept = (kept + data)[1 - width :] if width > 1 else b""


def _limited(hits: Iterator[Hit], limit: int, gaps: list[Gap] | None, what: str) -> Iterator[Hit]:
    for count, hit in enumerate(hits):
        if count >= limit:
            _note(gaps, what, f"all beyond the first {limit}")
            return
        yield hit


def _note(gaps: list[Gap] | None, what: str, missing: str) -> None:
    if gaps is not None:
        gaps.append(Gap(what, missing, "search a smaller range"))
