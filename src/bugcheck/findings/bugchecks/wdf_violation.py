"""10D: a rule of the driver framework that was broken → the driver that called.

Source: bug check reference, 10D; findings/parameter_owners.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.parameter_owners import accuse_owner, tell_texts
from bugcheck.gaps import Gap

RULE = "wdf_violation"


@bugcheck_rule(0x10D)
def wdf_violation(crash: Crash) -> Iterator[Finding | Gap]:
    """Which driver broke the rules of the driver framework."""
    check = crash.bugcheck
    if check is None:
        return
    yield from tell_texts(crash, RULE)
    rule = check.subtype or f"a rule of kind {check.parameters[0].value:#x}"
    clause = f"broke the rules of the driver framework: {rule}"
    yield from accuse_owner(
        crash, RULE, 0.65, clause=clause, refuted_by="another driver in between that made the call", stack_weight=0.5
    )
