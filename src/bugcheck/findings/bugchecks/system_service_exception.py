"""3B: an exception in a system service → what its code tells.

Source: bug check reference, 3B; findings/unhandled_exceptions.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.unhandled_exceptions import explain_exception


@bugcheck_rule(0x3B)
def system_service_exception(crash: Crash) -> Iterator[Finding]:
    """What the exception of a system service tells."""
    yield from explain_exception(crash, "system_service_exception")
