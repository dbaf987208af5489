"""19: a damaged pool header → what the blocks say, a flipped bit where there is one, and for two kinds who freed it.

Source: bug check reference, 19 (kind 21: typically the call stack has overrun the block it frees; 22: the call stack is
trying to free a pointer that was freed before or never allocated); findings/pool_blocks.py.

Folklore: for all other kinds the code that frees the block is the finder and hardly ever the culprit, so nobody on the
stack is accused.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import accuse, cite, fact, points_at
from bugcheck.findings.findings import Category, Crash, Finding, bugcheck_rule
from bugcheck.findings.pool_blocks import tell_blocks
from bugcheck.findings.stack_suspects import stack_suspect
from bugcheck.gaps import Gap
from bugcheck.machine.bugcheck import BugCheck

RULE = "bad_pool_header"
_FREE_LIST, _OVERRUN, _NOT_ALLOCATED = 3, 0x21, 0x22
_FREERS = {
    _OVERRUN: (0.5, "frees a block whose end was overwritten", "another driver that wrote into that block's end"),
    _NOT_ALLOCATED: (0.6, "frees memory that is not allocated", "another driver that freed the same block before"),
}
"""Kinds whose usual culprit is who frees the block: weight, what it did, and what would clear it."""


@bugcheck_rule(0x19)
def bad_pool_header(crash: Crash) -> Iterator[Finding | Gap]:
    """What is damaged in the pool, which blocks lie there, and who freed what it must not."""
    check = crash.bugcheck
    if check is None:
        return
    damage = check.subtype or f"damage of kind {check.parameters[0].value:#x}"
    freer = _freer(crash, check)
    if freer is not None:
        yield fact(RULE, f"the pool refused to free a block: {damage}", cite(check, 1, 2))
        yield freer
    else:
        yield _damaged(check, damage)
    yield from tell_blocks(crash, RULE)
    yield from _links(check)
    yield Gap("who damaged the pool", "the moment of the write", "verifier /flags 0x1 /driver <suspected drivers>")


def _damaged(check: BugCheck, damage: str) -> Finding:
    return points_at(
        RULE,
        Category.CORRUPTION,
        f"the pool was damaged before it was noticed: {damage}",
        0.25,
        cite(check, 1),
        "the freeing driver itself having overrun its block, which Driver Verifier's special pool would show",
    )


def _freer(crash: Crash, check: BugCheck) -> Finding | None:
    """The driver that frees, where the kind of damage points at it and it is on the stack."""
    told = _FREERS.get(check.parameters[0].value)
    suspect = stack_suspect(crash) if told else None
    if told is None or suspect is None:
        return None
    weight, clause, refuted = told
    return accuse(
        crash,
        RULE,
        suspect.module,
        f"{suspect.module.image} is the innermost driver outside Windows on the stack that {clause}",
        weight * suspect.certainty,
        (*cite(check, 1, 2), suspect.citation),
        clause=clause,
        refuted_by=refuted,
    )


def _links(check: BugCheck) -> Iterator[Finding]:
    """For a broken free list the three values should be equal; one bit of difference is memory's signature."""
    if check.parameters[0].value != _FREE_LIST:
        return
    entry, forward, backward = (parameter.value for parameter in check.parameters[1:])
    for number, link in ((3, forward), (4, backward)):
        if link and (entry ^ link).bit_count() == 1:
            text = f"a link of the free list differs from what it must be in one bit ({entry:#x}, {link:#x})"
            refuted = "a driver that sets or clears single bits in memory it no longer owns"
            yield points_at(RULE, Category.HARDWARE, text, 0.5, cite(check, 2, number), refuted)
        elif link != entry:
            yield fact(RULE, f"a link of the free list reads {link:#x} where {entry:#x} should be", cite(check, number))
