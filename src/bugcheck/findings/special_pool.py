"""A fault in special pool → the driver whose instruction it was, which is caught in the act.

Source: bug check reference, C1, CC, D5, D6; Driver Verifier, "Special Pool", Microsoft driver documentation.

Folklore: special pool puts every block beside a page that faults, so the instruction that faults is the mistake itself
and not its late effect.  Still a routine of Windows may have been handed the bad pointer: then its caller did it.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact
from bugcheck.findings.findings import Crash, Finding
from bugcheck.findings.parameter_owners import accuse_owner
from bugcheck.gaps import Gap

_AT_FAULT, _ON_STACK = 0.5, 0.5


def explain_special_pool(crash: Crash, rule: str, did: str) -> Iterator[Finding | Gap]:
    """Accuse the driver at the faulting instruction, else the innermost on the stack. `did`: what it did."""
    check = crash.bugcheck
    if check is None:
        return
    yield fact(rule, "special pool was on, so the mistake was caught when it was made", cite(check, 1))
    yield from accuse_owner(
        crash,
        rule,
        _AT_FAULT,
        clause=f"{did}, caught by special pool",
        refuted_by="a pointer that another driver handed over",
        stack_weight=_ON_STACK,
    )
