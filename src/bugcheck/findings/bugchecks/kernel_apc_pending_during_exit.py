"""20: a thread that ended with its APCs disabled or pending → which way the count is wrong.

Source: bug check reference, 20: parameter 2 is the APC disable count, 16 bits signed; each KeEnterCriticalRegion takes
one off, each KeLeaveCriticalRegion gives one back.

Folklore: the driver that forgot to leave is gone from the stack; file system filters and redirectors are the usual
ones.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.gaps import Gap

RULE = "kernel_apc_pending_during_exit"


@bugcheck_rule(0x20)
def kernel_apc_pending_during_exit(crash: Crash) -> Iterator[Finding | Gap]:
    """Which way the APC count of the ending thread is wrong."""
    check = crash.bugcheck
    if check is None:
        return
    count = check.parameters[1].value & 0xFFFF
    signed = count - 0x1_0000 if count & 0x8000 else count
    if signed:
        more, less = ("entered", "left") if signed < 0 else ("left", "entered")
        times = "once" if abs(signed) == 1 else f"{abs(signed)} times"
        text = f"the thread had {more} critical regions {times} more than it had {less} them"
        yield fact(RULE, f"{text}: some driver's calls are unpaired", cite(check, 2))
    yield Gap("which driver's calls are unpaired", "the moment of the call; Driver Verifier checks for it")
