"""65: the memory manager's second start-up phase failed → memory or start-up files.

Source: bug check reference, 65 (its parameters are not published); the phase builds section objects and the page file's
structures, so it needs sound memory and sound system files.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, points_at
from bugcheck.findings.findings import Category, Crash, Finding, bugcheck_rule

RULE = "memory1_initialization_failed"


@bugcheck_rule(0x65)
def memory1_initialization_failed(crash: Crash) -> Iterator[Finding]:
    """What the failed start of the memory manager points at."""
    check = crash.bugcheck
    if check is None:
        return
    text = "the memory manager could not finish its start: bad or badly described memory is the first suspect"
    refuted = "a memory test without errors, with the start-up files repaired"
    yield points_at(RULE, Category.HARDWARE, text, 0.3, cite(check, 1, 2), refuted)
