"""19: a damaged pool header → what the blocks say, and a single flipped bit where there is one.

Source: bug check reference, 19; findings/pool_blocks.py.

Folklore: the code that frees the block is the finder and hardly ever the culprit, so nobody on the stack is accused.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact, points_at
from bugcheck.findings.findings import Category, Crash, Finding, bugcheck_rule
from bugcheck.findings.pool_blocks import tell_blocks
from bugcheck.gaps import Gap
from bugcheck.machine.bugcheck import BugCheck

RULE = "bad_pool_header"
_FREE_LIST, _OVERRUN = 3, 0x21


@bugcheck_rule(0x19)
def bad_pool_header(crash: Crash) -> Iterator[Finding | Gap]:
    """What is damaged in the pool, and which blocks lie there."""
    check = crash.bugcheck
    if check is None:
        return
    damage = check.subtype or f"damage of kind {check.parameters[0].value:#x}"
    yield points_at(
        RULE,
        Category.CORRUPTION,
        f"the pool was damaged before it was noticed: {damage}",
        0.25,
        cite(check, 1),
        "the freeing driver itself having overrun its block, which Driver Verifier's special pool would show",
    )
    yield from tell_blocks(crash, RULE)
    yield from _links(check)
    yield Gap("who damaged the pool", "the moment of the write", "verifier /flags 0x1 /driver <suspected drivers>")


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
