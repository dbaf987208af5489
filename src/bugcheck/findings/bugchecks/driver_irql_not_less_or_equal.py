"""D1: memory a driver touched at raised IRQL → its own pageable part, or a jump to nowhere.

Source: bug check reference, D1; findings/irql_faults.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.irql_faults import explain_irql_fault


@bugcheck_rule(0xD1)
def driver_irql_not_less_or_equal(crash: Crash) -> Iterator[Finding]:
    """What a driver's invalid address at raised IRQL tells."""
    yield from explain_irql_fault(crash, "driver_irql_not_less_or_equal")
