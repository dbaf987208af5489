"""3D: an exception inside an interrupt handler → what its code tells.

Source: bug check reference, 3D: parameter 1 is the exception record, 2 the context; findings/unhandled_exceptions.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.unhandled_exceptions import explain_exception


@bugcheck_rule(0x3D)
def interrupt_exception_not_handled(crash: Crash) -> Iterator[Finding]:
    """What the exception inside an interrupt handler tells."""
    yield from explain_exception(crash, "interrupt_exception_not_handled")
