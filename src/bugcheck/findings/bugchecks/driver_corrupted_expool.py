"""C5: damaged pool met at raised IRQL → where it was met, and whose pool it may be.

Source: bug check reference, C5; findings/irql_faults.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.irql_faults import explain_irql_fault


@bugcheck_rule(0xC5)
def driver_corrupted_expool(crash: Crash) -> Iterator[Finding]:
    """What the address in damaged pool tells."""
    yield from explain_irql_fault(crash, "driver_corrupted_expool")
