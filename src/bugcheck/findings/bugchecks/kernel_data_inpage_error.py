"""7A: kernel data that could not be read back from disk → what the status of the read says.

Source: bug check reference, 7A: parameter 2 is the status, 4 the address.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.storage_statuses import explain_disk_status, storage_drivers

RULE = "kernel_data_inpage_error"


@bugcheck_rule(0x7A)
def kernel_data_inpage_error(crash: Crash) -> Iterator[Finding]:
    """Why a page of kernel data could not be read."""
    check = crash.bugcheck
    if check is None or not check.parameters[1].value:
        return
    yield from explain_disk_status(RULE, check.parameters[1].value, cite(check, 2))
    place = crash.modules.resolve(check.parameters[3].value)
    if place is not None:
        yield fact(RULE, f"the page is part of {place}, so it was to be read from that driver's file", cite(check, 4))
    yield from storage_drivers(crash, RULE)
