"""A walked stack → levels of a page, with those folded away that say little about the cause.

Source: the list of owners of frames (knowledge/frames.txt): the kernel's own way into a bug check, and where the walk
for the blame ends.  Levels found by scanning are words that merely look like return addresses.  Folded is not gone: a
click, and every other format, shows them.
"""

from __future__ import annotations

from itertools import groupby

from bugcheck.findings.frame_owners import Owner, owner_of
from bugcheck.reports.page import Fold, Level, StackList
from bugcheck.stack.frame import Frame, Trust
from bugcheck.stack.stacks import NamedStack

SCANNED = "found by scanning the stack, may be left over from earlier calls"
KERNEL = "the kernel's own housekeeping"
LEAST_FOLDED = {SCANNED: 1, KERNEL: 2}
"""Neighbouring levels of a kind that are worth folding."""
MAX_LEVELS = 256
"""Levels drawn of one stack; a stack that ran full repeats itself."""


def stack_list(stack: NamedStack, blamed: str | None, prefix: str) -> StackList:
    """Arrange a stack; `prefix` and a level's number make its anchor, no anchors where it is empty."""
    items: list[Level | Fold] = []
    for reason, group in groupby(stack.frames[:MAX_LEVELS], key=fold_reason):
        levels = tuple(_level(frame, blamed, prefix) for frame in group)
        if levels[0].index and len(levels) >= LEAST_FOLDED.get(reason, MAX_LEVELS):
            items.append(Fold(reason, levels))
        else:
            items.extend(levels)
    ending = stack.ending
    if len(stack.frames) > MAX_LEVELS:
        ending = f"{len(stack.frames) - MAX_LEVELS} more levels: bugcheck stack lists them"
    return StackList(tuple(items), ending)


def fold_reason(frame: Frame) -> str:
    """Why a level is folded away, "" when it is not; the innermost never is."""
    if frame.trust is Trust.SCAN:
        return SCANNED
    owner = owner_of(frame.module.name, frame.symbol) if frame.module else Owner.SURE
    return KERNEL if owner in (Owner.IGNORE, Owner.STOP) else ""


def _level(frame: Frame, blamed: str | None, prefix: str) -> Level:
    details: list[str] = []
    if frame.line:
        details.append(f"{frame.line.file}:{frame.line.line}")
    if frame.inline:
        details.append("inlined")
    if frame.warning:
        details.append(frame.warning)
    return Level(
        index=frame.index,
        place=frame.name,
        detail="   ".join(details),
        found_by=frame.trust.value.replace("_", " "),
        anchor=f"{prefix}-{frame.index}" if prefix else "",
        blamed=frame.module is not None and frame.module.name == blamed,
    )
