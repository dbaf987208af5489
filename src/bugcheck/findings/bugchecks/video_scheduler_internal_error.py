"""119: a violation the graphics scheduler met → the display driver on the stack.

Source: bug check reference, 119: parameter 1 says what was wrong; most kinds are reports the driver should not make.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact
from bugcheck.findings.display_drivers import named_by_stack
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.gaps import Gap

RULE = "video_scheduler_internal_error"


@bugcheck_rule(0x119)
def video_scheduler_internal_error(crash: Crash) -> Iterator[Finding | Gap]:
    """What the graphics scheduler complains of, and whose driver was at work."""
    check = crash.bugcheck
    if check is None:
        return
    if check.subtype:
        yield fact(RULE, f"the graphics scheduler stopped because {check.subtype}", cite(check, 1))
    yield from named_by_stack(crash, RULE, "was at work when the graphics scheduler met a fatal violation")
