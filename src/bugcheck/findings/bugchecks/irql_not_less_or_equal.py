"""0A: memory touched at raised IRQL → whether the kernel was sent there, or used a driver's pageable part.

Source: bug check reference, 0A; findings/irql_faults.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.irql_faults import explain_irql_fault


@bugcheck_rule(0x0A)
def irql_not_less_or_equal(crash: Crash) -> Iterator[Finding]:
    """What an invalid address at raised IRQL tells."""
    yield from explain_irql_fault(crash, "irql_not_less_or_equal")
