"""7E: an exception in a system thread → what its code tells, and whose thread it was.

Source: bug check reference, 7E; findings/unhandled_exceptions.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.unhandled_exceptions import explain_exception, explain_system_thread

RULE = "system_thread_exception_not_handled"


@bugcheck_rule(0x7E)
def system_thread_exception_not_handled(crash: Crash) -> Iterator[Finding]:
    """What the exception of a system thread tells, and which driver started the thread."""
    yield from explain_exception(crash, RULE)
    yield from explain_system_thread(crash, RULE)
