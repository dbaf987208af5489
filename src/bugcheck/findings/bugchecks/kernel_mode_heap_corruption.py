"""13A: a damaged kernel heap → what was found, and which side of a block it was written on.

Source: bug check reference, 13A: parameter 1 the kind, 2 the heap, 3 the place.

Folklore: whoever allocates or frees next finds the damage, so the stack names the finder (corpus 13a.dmp: a virus
scanner's request, on a machine with faulty memory).
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact, points_at
from bugcheck.findings.findings import Category, Crash, Finding, bugcheck_rule
from bugcheck.gaps import Gap

RULE = "kernel_mode_heap_corruption"


@bugcheck_rule(0x13A)
def kernel_mode_heap_corruption(crash: Crash) -> Iterator[Finding | Gap]:
    """What is damaged in the kernel heap."""
    check = crash.bugcheck
    if check is None:
        return
    damage = check.parameters[0].resolved or f"damage of kind {check.parameters[0].value:#x}"
    text = f"a kernel heap was damaged before it was noticed ({damage}); its finder is not its cause"
    refuted = "Driver Verifier's special pool catching the finder itself"
    yield points_at(RULE, Category.CORRUPTION, text, 0.25, cite(check, 1), refuted)
    if check.parameters[2].value:
        yield fact(RULE, f"the damage is at {check.parameters[2].value:#x}", cite(check, 2, 3))
    yield Gap("who damaged the heap", "the moment of the write", "verifier /flags 0x1 /driver <suspected drivers>")
