"""24: a fatal problem NTFS met → the exception behind it, and whether the disk is the matter.

Source: bug check reference, 24: parameter 2 the exception record, 3 the context, when there are any.

Folklore: NTFS is the finder.  In-page errors and damaged structures are the disk's, an access violation mostly memory's
or a filter driver's.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.storage_statuses import storage_drivers
from bugcheck.findings.unhandled_exceptions import explain_exception

RULE = "ntfs_file_system"


@bugcheck_rule(0x24)
def ntfs_file_system(crash: Crash) -> Iterator[Finding]:
    """Why NTFS gave up."""
    check = crash.bugcheck
    if check is None:
        return
    packed = check.parameters[0].value & 0xFFFF_FFFF
    text = f"NTFS gave up at line {packed & 0xFFFF} of its source file {packed >> 16:#x}"
    yield fact(RULE, text, cite(check, 1))
    yield from explain_exception(crash, RULE)
    yield from storage_drivers(crash, RULE)
