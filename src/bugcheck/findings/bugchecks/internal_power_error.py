"""A0: a fatal error of the power manager → the driver whose device or routine it names.

Source: bug check reference, A0; findings/parameter_owners.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.parameter_owners import accuse_owner, tell_texts
from bugcheck.gaps import Gap

RULE = "internal_power_error"


@bugcheck_rule(0xA0)
def internal_power_error(crash: Crash) -> Iterator[Finding | Gap]:
    """Which driver the power manager's error leads to."""
    check = crash.bugcheck
    if check is None:
        return
    yield from tell_texts(crash, RULE)
    rule = check.subtype or f"a rule of kind {check.parameters[0].value:#x}"
    clause = f"is named by the power manager: {rule}"
    yield from accuse_owner(
        crash, RULE, 0.5, clause=clause, refuted_by="firmware that describes the device wrongly", stack_weight=0.0
    )
