"""C1: special pool used wrongly → who freed or asked for it.

Source: bug check reference, C1; findings/special_pool.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.special_pool import explain_special_pool
from bugcheck.gaps import Gap


@bugcheck_rule(0xC1)
def special_pool_detected_memory_corruption(crash: Crash) -> Iterator[Finding | Gap]:
    """Who broke the rules of special pool."""
    yield from explain_special_pool(
        crash, "special_pool_detected_memory_corruption", "wrote outside its block or used special pool wrongly"
    )
