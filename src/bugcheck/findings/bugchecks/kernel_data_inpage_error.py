"""7A: kernel data that could not be read back from disk → what the status of the read says, and what the page was.

Source: bug check reference, 7A: parameter 2 is the status, 4 the address.

Folklore: since Windows 10 pages that were trimmed mostly come back from the compression store in memory, not from disk;
a page table is among them as often as data is (corpus 7a.dmp).
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.mapped_addresses import table_at
from bugcheck.findings.storage_statuses import explain_disk_status, storage_drivers
from bugcheck.machine.bugcheck import BugCheck

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
    yield from _page_table(crash, check)
    yield from storage_drivers(crash, RULE)


def _page_table(crash: Crash, check: BugCheck) -> Iterator[Finding]:
    mapped = table_at(crash, check.parameters[3].value)
    if mapped is None:
        return
    process = crash.machine.process
    whose = f" of {process.name}" if not mapped >> 63 and process is not None and process.name else ""
    text = f"the page is itself a page table: it maps the addresses from {mapped:#x} on{whose}"
    yield fact(RULE, text, cite(check, 4))
