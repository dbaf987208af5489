"""CC: freed special pool that was touched → who touched it.

Source: bug check reference, CC; findings/special_pool.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.special_pool import explain_special_pool
from bugcheck.gaps import Gap


@bugcheck_rule(0xCC)
def page_fault_in_freed_special_pool(crash: Crash) -> Iterator[Finding | Gap]:
    """Who touched special pool after it was freed."""
    yield from explain_special_pool(
        crash, "page_fault_in_freed_special_pool", "used memory it, or its caller, had freed"
    )
