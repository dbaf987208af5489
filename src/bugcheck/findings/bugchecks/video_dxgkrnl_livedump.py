"""193: a problem the graphics kernel noted → the display driver on the stack.

Source: bug check reference, 193: a live dump, the machine goes on; parameter 1 is the reason.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.display_drivers import named_by_stack
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.gaps import Gap


@bugcheck_rule(0x193)
def video_dxgkrnl_livedump(crash: Crash) -> Iterator[Finding | Gap]:
    """Whose display driver was at work when the graphics kernel noted a problem."""
    clause = "was at work when the graphics kernel noted a problem"
    yield from named_by_stack(crash, "video_dxgkrnl_livedump", clause)
