"""C2: a bad request to the pool → the caller, and what the pool block says of itself.

Source: bug check reference, C2; findings/pool_blocks.py.

Folklore: the caller broke the rule for most kinds; for a damaged header (1, 2, 4) it only freed what another damaged.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.parameter_owners import accuse_owner
from bugcheck.findings.pool_blocks import tell_blocks
from bugcheck.gaps import Gap

RULE = "bad_pool_caller"
_NAMED, _ON_STACK, _DAMAGED = 0.7, 0.5, 0.3
_HEADER_KINDS = (1, 2, 4)


@bugcheck_rule(0xC2)
def bad_pool_caller(crash: Crash) -> Iterator[Finding | Gap]:
    """What was wrong with the request to the pool, and who made it."""
    check = crash.bugcheck
    if check is None:
        return
    wrong = check.subtype or f"a request of kind {check.parameters[0].value:#x}"
    yield fact(RULE, f"the pool refused a request: {wrong}", cite(check, 1))
    yield from tell_blocks(crash, RULE)
    damaged = check.parameters[0].value in _HEADER_KINDS
    yield from accuse_owner(
        crash,
        RULE,
        _NAMED,
        clause=f"asked the pool for something it must not: {wrong}" if not damaged else "met damaged pool",
        refuted_by="another driver that damaged the block, or handed over a wrong pointer to it",
        stack_weight=_DAMAGED if damaged else _ON_STACK,
    )
