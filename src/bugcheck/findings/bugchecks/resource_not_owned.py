"""E3: a resource released by a thread that does not hold it → whose resource, and the driver that called.

Source: bug check reference, E3: parameter 1 the resource (ERESOURCE), 2 the thread.

Folklore: the release is the mistake itself or its echo: a path that released twice, or that never acquired; the caller
is in either case the first to ask.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.parameter_owners import accuse_owner
from bugcheck.gaps import Gap

RULE = "resource_not_owned"


@bugcheck_rule(0xE3)
def resource_not_owned(crash: Crash) -> Iterator[Finding | Gap]:
    """Who released a resource it does not hold."""
    check = crash.bugcheck
    if check is None:
        return
    place = crash.modules.resolve(check.parameters[0].value)
    if place is not None:
        yield fact(RULE, f"the resource lies in {place}", cite(check, 1))
    thread = crash.machine.thread
    if thread is not None and check.parameters[1].value not in (0, thread.address):
        yield fact(RULE, "the thread of parameter 2 is not the one that was running", cite(check, 2))
    clause = "is on the stack of the release of a resource that was not held"
    refuted = "a driver above it that took the resource in another thread"
    yield from accuse_owner(crash, RULE, 0.6, clause=clause, refuted_by=refuted, stack_weight=0.45)
