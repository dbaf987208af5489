"""113: a violation the graphics kernel met → the display driver on the stack.

Source: bug check reference, 113; its parameters are not published.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.display_drivers import named_by_stack
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.gaps import Gap


@bugcheck_rule(0x113)
def video_dxgkrnl_fatal_error(crash: Crash) -> Iterator[Finding | Gap]:
    """Whose display driver was at work when the graphics kernel stopped."""
    clause = "was at work when the graphics kernel met a fatal violation"
    yield from named_by_stack(crash, "video_dxgkrnl_fatal_error", clause)
