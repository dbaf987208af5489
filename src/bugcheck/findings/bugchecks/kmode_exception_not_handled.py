"""1E: an exception in kernel code → what its code tells.

Source: bug check reference, 1E; findings/unhandled_exceptions.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.unhandled_exceptions import explain_exception


@bugcheck_rule(0x1E)
def kmode_exception_not_handled(crash: Crash) -> Iterator[Finding]:
    """What an unhandled exception of kernel code tells."""
    yield from explain_exception(crash, "kmode_exception_not_handled")
