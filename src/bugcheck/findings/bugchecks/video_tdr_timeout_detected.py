"""117: a display driver that was reset → that driver.

Source: bug check reference, 117: parameter 2 is a place in the driver responsible; the machine goes on.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.display_drivers import named_by_parameter
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.gaps import Gap


@bugcheck_rule(0x117)
def video_tdr_timeout_detected(crash: Crash) -> Iterator[Finding | Gap]:
    """The display driver that did not answer in time and was reset."""
    yield from named_by_parameter(crash, "video_tdr_timeout_detected", 2, "did not answer in time and was reset")
