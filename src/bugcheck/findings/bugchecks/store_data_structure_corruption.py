"""1C7: damaged data in the store of compressed memory → which page, and a single flipped bit where hashes tell.

Source: bug check reference, 1C7; it names bad memory and stray DMA as usual causes.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, points_at
from bugcheck.findings.findings import Category, Crash, Finding, bugcheck_rule

RULE = "store_data_structure_corruption"


@bugcheck_rule(0x1C7)
def store_data_structure_corruption(crash: Crash) -> Iterator[Finding]:
    """What is damaged in the store of compressed memory."""
    check = crash.bugcheck
    if check is None:
        return
    text = f"{check.subtype or 'stored pages changed'}: memory that nobody should write changed by itself"
    refuted = "Driver Verifier catching a driver, or DMA remapping catching a device, that writes there"
    yield points_at(RULE, Category.HARDWARE, text, 0.4, cite(check, 1), refuted)
