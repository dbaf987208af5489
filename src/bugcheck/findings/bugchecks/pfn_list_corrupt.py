"""4E: the kind of damage of the page frame list → a driver's unlock, or memory.

Source: bug check reference, 4E: 7 and 9A are driver mistakes, 8D is most likely hardware, 99 either.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, points_at
from bugcheck.findings.findings import Category, Crash, Finding, bugcheck_rule
from bugcheck.findings.page_frames import tell_frames
from bugcheck.findings.parameter_owners import accuse_owner
from bugcheck.gaps import Gap

RULE = "pfn_list_corrupt"
_DRIVERS, _HARDWARE, _EITHER = (7, 0x9A), 0x8D, 0x99


@bugcheck_rule(0x4E)
def pfn_list_corrupt(crash: Crash) -> Iterator[Finding | Gap]:
    """What is wrong with the page frame list, and what that points at."""
    check = crash.bugcheck
    if check is None:
        return
    yield from tell_frames(crash, RULE)
    kind = check.parameters[0].value
    if kind in _DRIVERS:
        clause = f"is on the stack of a wrong request: {check.subtype}"
        refuted = "an earlier mistake of another driver with the same page"
        yield from accuse_owner(crash, RULE, 0.6, clause=clause, refuted_by=refuted, stack_weight=0.4)
    elif kind in (_HARDWARE, _EITHER):
        weight = 0.45 if kind == _HARDWARE else 0.25
        category = Category.HARDWARE if kind == _HARDWARE else Category.CORRUPTION
        refuted = "Driver Verifier catching a driver that writes to pages it has freed"
        yield points_at(RULE, category, check.subtype or "the list is damaged", weight, cite(check, 1, 2), refuted)
