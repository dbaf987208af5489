"""139: a fast-fail code → what was found damaged, where it was found, and whose code was at work.

Source: bug check reference, 139; the FAST_FAIL_… codes of winnt.h.

Folklore: the code that notices is seldom the code that damaged.  Only an overrun of a buffer on the stack (0, 2) is
found by the very function it happened in; a damaged list (3) was damaged by whoever owns or overran one of its entries.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import accuse, cite, fact
from bugcheck.findings.findings import Citation, Crash, Finding, bugcheck_rule
from bugcheck.findings.stack_suspects import stack_suspect
from bugcheck.findings.suspicion import Standing, standing_of
from bugcheck.gaps import Gap
from bugcheck.machine.bugcheck import BugCheck

RULE = "kernel_security_check_failure"
_OWN_FRAME = (0, 2)
_OWN, _NOTICED, _NEARBY = 0.6, 0.2, 0.3


@bugcheck_rule(0x139)
def kernel_security_check_failure(crash: Crash) -> Iterator[Finding | Gap]:
    """What the kernel found damaged, and the driver at work there."""
    check = crash.bugcheck
    if check is None:
        return
    damage = check.parameters[0].resolved or f"damage of kind {check.parameters[0].value:#x}"
    yield _where(crash, check, damage)
    yield from _suspect(crash, check, damage)


def _where(crash: Crash, check: BugCheck, damage: str) -> Finding:
    place = crash.faulting_address
    found = crash.modules.resolve(place) if place else None
    where = f", found at {found}" if found else ""
    cited = (Citation("address", "failing instruction", f"{place:#x}"),) if place else ()
    return fact(RULE, f"the system stopped itself because of damage: {damage}{where}", (*cite(check, 1), *cited))


def _suspect(crash: Crash, check: BugCheck, damage: str) -> Iterator[Finding | Gap]:
    place = crash.faulting_address
    module = crash.modules.at(place) if place else None
    if module is not None and place is not None and standing_of(module, crash) is not Standing.CORE:
        own = check.parameters[0].value in _OWN_FRAME
        yield accuse(
            crash,
            RULE,
            module,
            f"a check compiled into {module.image} failed at {crash.modules.resolve(place)}",
            _OWN if own else _NOTICED,
            (*cite(check, 1), Citation("address", "failing instruction", f"{place:#x}")),
            clause=f"found damage in what it works with: {damage}",
            refuted_by="another driver that wrote into its memory before",
        )
        return
    suspect = stack_suspect(crash)
    if suspect is None:
        yield Gap("who did the damage", "a driver outside Windows near the failure; Driver Verifier may catch it")
        return
    yield accuse(
        crash,
        RULE,
        suspect.module,
        f"{suspect.module.image} is the innermost driver outside Windows on the stack that ran into the damage",
        _NEARBY * suspect.certainty,
        (suspect.citation,),
        clause=f"was at work where damage was found: {damage}",
        refuted_by="any other driver that wrote into that memory before",
    )
