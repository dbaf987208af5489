"""C4: a rule Driver Verifier saw broken → the driver it was checking.

Source: bug check reference, C4; findings/parameter_owners.py.

Folklore: Driver Verifier stops the system inside the call that broke the rule, so the driver is the first one on the
stack below the verifier's own code, and a small dump records it as the broken driver.  Verifier only checks the drivers
it was told to, which makes a find by it strong evidence.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.parameter_owners import accuse_owner, tell_texts
from bugcheck.gaps import Gap

RULE = "driver_verifier_detected_violation"
_NAMED, _ON_STACK = 0.75, 0.65


@bugcheck_rule(0xC4)
def driver_verifier_detected_violation(crash: Crash) -> Iterator[Finding | Gap]:
    """Which rule Driver Verifier saw broken, and by which driver."""
    check = crash.bugcheck
    if check is None:
        return
    broken = check.subtype or f"rule {check.parameters[0].value:#x}"
    yield fact(RULE, f"Driver Verifier was on and caught a driver in the act: {broken}", cite(check, 1))
    yield from tell_texts(crash, RULE)
    yield from accuse_owner(
        crash,
        RULE,
        _NAMED,
        clause=f"was caught by Driver Verifier: {broken}",
        refuted_by="a filter or library driver in between that made the call on its behalf",
        stack_weight=_ON_STACK,
    )
