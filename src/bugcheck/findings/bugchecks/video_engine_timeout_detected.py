"""141: an engine of the graphics processor that was reset → its driver.

Source: bug check reference, 141: parameter 2 is a place in the driver responsible; the machine goes on.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.display_drivers import named_by_parameter
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.gaps import Gap


@bugcheck_rule(0x141)
def video_engine_timeout_detected(crash: Crash) -> Iterator[Finding | Gap]:
    """The display driver one of whose engines did not answer in time."""
    clause = "drives a graphics engine that did not answer in time"
    yield from named_by_parameter(crash, "video_engine_timeout_detected", 2, clause)
