"""162: a lock released by a thread that does not hold it → the driver that called.

Source: bug check reference, 162: parameter 1 the thread, 2 the lock.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.parameter_owners import accuse_owner
from bugcheck.gaps import Gap

RULE = "kernel_auto_boost_invalid_lock_release"


@bugcheck_rule(0x162)
def kernel_auto_boost_invalid_lock_release(crash: Crash) -> Iterator[Finding | Gap]:
    """Who released a lock it does not hold."""
    check = crash.bugcheck
    if check is None:
        return
    place = crash.modules.resolve(check.parameters[1].value)
    if place is not None:
        yield fact(RULE, f"the lock lies in {place}", cite(check, 2))
    clause = "is on the stack of the release of a lock that was not held"
    refuted = "a lock that was taken by another thread on purpose"
    yield from accuse_owner(crash, RULE, 0.6, clause=clause, refuted_by=refuted, stack_weight=0.45)
