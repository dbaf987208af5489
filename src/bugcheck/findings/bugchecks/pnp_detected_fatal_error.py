"""CA: a rule of plug and play that was broken → the driver whose device or object it was.

Source: bug check reference, CA; findings/parameter_owners.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.parameter_owners import accuse_owner, tell_texts
from bugcheck.gaps import Gap

RULE = "pnp_detected_fatal_error"


@bugcheck_rule(0xCA)
def pnp_detected_fatal_error(crash: Crash) -> Iterator[Finding | Gap]:
    """Which driver broke the rules of plug and play."""
    check = crash.bugcheck
    if check is None:
        return
    yield from tell_texts(crash, RULE)
    rule = check.subtype or f"a rule of kind {check.parameters[0].value:#x}"
    clause = f"broke the rules of plug and play: {rule}"
    yield from accuse_owner(
        crash, RULE, 0.65, clause=clause, refuted_by="a filter driver in the same stack", stack_weight=0.4
    )
