"""10E: a state the video memory manager cannot recover from → the display driver on the stack.

Source: bug check reference, 10E: parameter 1 is a number of the manager's own.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact
from bugcheck.findings.display_drivers import named_by_stack
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.gaps import Gap

RULE = "video_memory_management_internal"


@bugcheck_rule(0x10E)
def video_memory_management_internal(crash: Crash) -> Iterator[Finding | Gap]:
    """What the video memory manager complains of, and whose driver was at work."""
    check = crash.bugcheck
    if check is None:
        return
    if check.subtype:
        yield fact(RULE, f"the video memory manager stopped because {check.subtype}", cite(check, 1))
    yield from named_by_stack(crash, RULE, "was at work when the video memory manager met a fatal state")
