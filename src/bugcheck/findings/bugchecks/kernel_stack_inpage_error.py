"""77: a kernel stack that could not be read back → the status, or the signature that was not there.

Source: bug check reference, 77: parameter 1 is 0, 1, 2 for a page that came without its signature (parameter 2: what
stood there), else the status of the read, parameter 2 then the I/O status.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, points_at
from bugcheck.findings.findings import Category, Crash, Finding, bugcheck_rule
from bugcheck.findings.storage_statuses import explain_disk_status, storage_drivers

RULE = "kernel_stack_inpage_error"
_FROM_CACHE, _PARTLY = 0, 2


@bugcheck_rule(0x77)
def kernel_stack_inpage_error(crash: Crash) -> Iterator[Finding]:
    """Why a kernel stack could not be read back."""
    check = crash.bugcheck
    if check is None:
        return
    kind, found = check.parameters[0].value, check.parameters[1].value
    if kind > _PARTLY:
        yield from explain_disk_status(RULE, found or kind, cite(check, 2 if found else 1))
    else:
        cached = kind == _FROM_CACHE
        text = f"{check.subtype or 'the page came without the stack signature'}: {found:#x} stood there"
        category = Category.CORRUPTION if cached else Category.HARDWARE
        refuted = "a driver that overwrote the page in memory" if not cached else "a disk that returned wrong data"
        yield points_at(RULE, category, text, 0.3 if cached else 0.4, cite(check, 1, 2), refuted)
    yield from storage_drivers(crash, RULE)
