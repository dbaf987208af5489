"""D5: freed special pool a driver touched → that driver.

Source: bug check reference, D5; findings/special_pool.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.special_pool import explain_special_pool
from bugcheck.gaps import Gap


@bugcheck_rule(0xD5)
def driver_page_fault_in_freed_special_pool(crash: Crash) -> Iterator[Finding | Gap]:
    """Which driver touched special pool after it was freed."""
    yield from explain_special_pool(
        crash, "driver_page_fault_in_freed_special_pool", "used memory after it had been freed"
    )
