"""D6: memory beyond a block's end that a driver touched → that driver.

Source: bug check reference, D6; findings/special_pool.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.special_pool import explain_special_pool
from bugcheck.gaps import Gap


@bugcheck_rule(0xD6)
def driver_page_fault_beyond_end_of_allocation(crash: Crash) -> Iterator[Finding | Gap]:
    """Which driver went past the end of its block."""
    yield from explain_special_pool(
        crash, "driver_page_fault_beyond_end_of_allocation", "went past the end of its memory block"
    )
