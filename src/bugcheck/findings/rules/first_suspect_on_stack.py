"""The telling stack → the first module on it that is not one of those found on everybody's stacks.

Source: WinDbg's documented walk ("Using the !analyze Extension": from the top frame down, the first whose owner is
known); which modules are passed over is our own list (knowledge/rarely_guilty.txt).

Folklore: who called is a hint and no proof: a driver that merely passed a request on stands on the stack too.  A frame
found by scanning weighs less than one found by unwind information.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.addresses import format_hex
from bugcheck.findings.findings import Category, Citation, Crash, Finding, rule
from bugcheck.findings.suspicion import Standing, standing_of
from bugcheck.stack.frame import Frame, Trust

WEIGHTS = {Standing.THIRD_PARTY: 0.4, Standing.UNKNOWN: 0.35, Standing.INBOX: 0.1}
SCANNED = 0.6
"""Factor for frames found by scanning."""
DEEPEST = 24
"""Levels that are looked at: further down are the callers of callers, who only asked for something."""


@rule
def first_suspect_on_stack(crash: Crash) -> Iterator[Finding]:
    """The first module on the stack that is not one of everybody's."""
    check = crash.bugcheck
    if check is None or check.is_manual or crash.telling_stack is None:
        return
    frame = _first_suspect(crash, crash.telling_stack.frames[:DEEPEST])
    if frame is None or frame.module is None or frame.index == 0:
        return  # level 0 is the faulting instruction's own module: another rule speaks of it
    weight = WEIGHTS[standing_of(frame.module, crash)] * (SCANNED if frame.trust is Trust.SCAN else 1)
    yield Finding(
        "first_suspect_on_stack",
        f"{frame.name} is the first on the stack (level {frame.index}) that is no part of Windows' core",
        round(weight, 2),
        (Citation("frame", f"level {frame.index}, found by {frame.trust.value}", format_hex(frame.ip)),),
        module=frame.module.name,
        category=Category.DRIVER,
        refuted_by="damage done earlier by code that is not on this stack",
    )


def _first_suspect(crash: Crash, frames: tuple[Frame, ...]) -> Frame | None:
    for frame in frames:
        if frame.module is not None and standing_of(frame.module, crash) is not Standing.CORE:
            return frame
    return None
