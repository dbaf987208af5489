"""DE: pool that describes pages to be written to disk was damaged → an unknown writer, and how to catch it.

Source: bug check reference, DE: a driver has damaged pool memory that holds pages on their way to disk; the parameters
are not published, but where one leads to a pool block its header is told.

Folklore: the memory manager finds the damage when it writes the pages, long after; nobody on the stack is accused.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact, points_at
from bugcheck.findings.findings import Category, Crash, Finding, bugcheck_rule
from bugcheck.gaps import Gap
from bugcheck.machine.pool_header import pool_header_of

RULE = "pool_corruption_in_file_area"


@bugcheck_rule(0xDE)
def pool_corruption_in_file_area(crash: Crash) -> Iterator[Finding | Gap]:
    """What was damaged, and how its writer would be caught."""
    check = crash.bugcheck
    if check is None:
        return
    text = "memory that describes pages on their way to disk was overwritten before it was noticed"
    refuted = "Driver Verifier's special pool staying silent while it happens again, which would point at memory"
    yield points_at(RULE, Category.CORRUPTION, text, 0.25, cite(check, 1, 2), refuted)
    for number, parameter in enumerate(check.parameters, 1):
        layout = crash.machine.pool_layout
        header = pool_header_of(parameter.value, crash.memory, layout) if parameter.value else None
        if header is not None and header.is_plausible:
            block = f"parameter {number} leads to a pool block tagged '{header.tag_text}', {header.size:#x} bytes"
            yield fact(RULE, block, cite(check, number))
    yield Gap("who damaged the pool", "the moment of the write", "verifier /flags 0x1 /driver <suspected drivers>")
