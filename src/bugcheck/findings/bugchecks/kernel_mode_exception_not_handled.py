"""8E: an exception in kernel code of 32-bit Windows → what its code tells.

Source: bug check reference, 8E; findings/unhandled_exceptions.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.unhandled_exceptions import explain_exception


@bugcheck_rule(0x8E)
def kernel_mode_exception_not_handled(crash: Crash) -> Iterator[Finding]:
    """What an unhandled exception of kernel code tells (32-bit Windows)."""
    yield from explain_exception(crash, "kernel_mode_exception_not_handled")
