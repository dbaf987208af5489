"""116: a display driver that did not come back after a reset → that driver.

Source: bug check reference, 116: parameter 2 is a place in the driver responsible, parameter 3 the status of the last
operation that failed.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact
from bugcheck.findings.display_drivers import named_by_parameter
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.gaps import Gap
from bugcheck.knowledge.statuses import describe_status

RULE = "video_tdr_failure"


@bugcheck_rule(0x116)
def video_tdr_failure(crash: Crash) -> Iterator[Finding | Gap]:
    """The display driver that did not answer and could not be reset."""
    check = crash.bugcheck
    if check is None:
        return
    yield from named_by_parameter(crash, RULE, 2, "did not answer in time and could not be reset")
    status = check.parameters[2].value
    if status and status >> 32 in (0, 0xFFFF_FFFF):
        yield fact(RULE, f"the last operation of the reset failed with {describe_status(status)}", cite(check, 3))
