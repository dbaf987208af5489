"""Two stacks → how alike they are, and which level of one stands for which of the other.

An alignment of sequences with gaps (Needleman and Wunsch, 1970), levels near the fault weighing more, as in published
work on deduplicating crash reports (TraceSim, Vasiliev et al. 2020: levels far from the top are shared by many
crashes).  A level found by scanning counts half: it may be left over.
"""

from __future__ import annotations

from bugcheck.findings.frame_owners import is_crash_path
from bugcheck.records import dataclass
from bugcheck.stack.frame import Frame, Trust

MAX_LEVELS = 64
"""Levels compared of each stack: the alignment costs their product."""
FADING = 0.12
"""How fast levels lose weight with their distance from the fault."""
SCAN_WEIGHT = 0.5
ONLY_MODULE = 0.35
"""How alike two levels are that lie in one module at places that cannot be compared."""


@dataclass(frozen=True, slots=True)
class StackMatch:
    """The comparison of two stacks.

    Attributes:
        similarity: 0 to 1. levels: how many levels the shorter one offered.
        pairs: levels of both side by side, None where the other has nothing to match.
    """

    similarity: float
    levels: int
    pairs: tuple[tuple[Frame | None, Frame | None], ...]


def match_stacks(first: tuple[Frame, ...], second: tuple[Frame, ...]) -> StackMatch:
    """Align two stacks, innermost level first; the kernel's way into the bug check is left out."""
    ours, theirs = telling_frames(first)[:MAX_LEVELS], telling_frames(second)[:MAX_LEVELS]
    table = _table(ours, theirs)
    whole = (_whole(ours) + _whole(theirs)) / 2
    similarity = table[0][0] / whole if whole else 0.0
    return StackMatch(min(1.0, similarity), min(len(ours), len(theirs)), tuple(_pairs(ours, theirs, table)))


def telling_frames(frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """The levels without those that every bug check has, and without inlined expansions."""
    return tuple(frame for frame in frames if not frame.inline and not is_crash_path(frame))


def likeness(ours: Frame, theirs: Frame) -> float:
    """How surely two levels are the same place: 1 by name or by offset in the same build, less by module alone."""
    a, b = ours.module, theirs.module
    if a is None or b is None:
        return 0.5 if a is b and ours.ip == theirs.ip else 0.0
    if a.name.lower() != b.name.lower():
        return 0.0
    if ours.symbol and theirs.symbol:
        return 1.0 if ours.symbol == theirs.symbol else 0.0
    if Trust.LOG in (ours.trust, theirs.trust) and not (ours.symbol or theirs.symbol):
        return 1.0 if ours.offset == theirs.offset else ONLY_MODULE  # a log tells offsets, but no image
    same_build = (a.time_date_stamp, a.size) == (b.time_date_stamp, b.size)
    if not same_build:
        return ONLY_MODULE
    return 1.0 if ours.ip - a.base == theirs.ip - b.base else 0.0


def _weight(frame: Frame, index: int) -> float:
    return (SCAN_WEIGHT if frame.trust is Trust.SCAN else 1.0) / (1 + FADING * index)


def _whole(frames: tuple[Frame, ...]) -> float:
    return sum(_weight(frame, index) for index, frame in enumerate(frames))


def _gain(ours: tuple[Frame, ...], theirs: tuple[Frame, ...], i: int, j: int) -> float:
    alike = likeness(ours[i], theirs[j])
    return alike * (_weight(ours[i], i) + _weight(theirs[j], j)) / 2 if alike else 0.0


def _table(ours: tuple[Frame, ...], theirs: tuple[Frame, ...]) -> list[list[float]]:
    """Best sums from each pair of places on; the last row and column are 0."""
    best = [[0.0] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
    for i in reversed(range(len(ours))):
        for j in reversed(range(len(theirs))):
            gain = _gain(ours, theirs, i, j)
            best[i][j] = max(best[i + 1][j], best[i][j + 1], gain + best[i + 1][j + 1] if gain else 0.0)
    return best


def _pairs(
    ours: tuple[Frame, ...], theirs: tuple[Frame, ...], best: list[list[float]]
) -> list[tuple[Frame | None, Frame | None]]:
    """Walk the table along the best sums."""
    i = j = 0
    found: list[tuple[Frame | None, Frame | None]] = []
    while i < len(ours) and j < len(theirs):
        gain = _gain(ours, theirs, i, j)
        if gain and best[i][j] == gain + best[i + 1][j + 1]:
            found.append((ours[i], theirs[j]))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            found.append((ours[i], None))
            i += 1
        else:
            found.append((None, theirs[j]))
            j += 1
    return [*found, *((frame, None) for frame in ours[i:]), *((None, frame) for frame in theirs[j:])]
