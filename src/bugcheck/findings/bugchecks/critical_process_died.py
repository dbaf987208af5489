"""EF: a critical process or thread that died → which one, and how it ended.

Source: bug check reference, EF: parameter 1 is the process, or with parameter 2 = 1 the thread.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.critical_processes import explain_process, explain_thread
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.gaps import Gap

RULE = "critical_process_died"
_THREAD = 1


@bugcheck_rule(0xEF)
def critical_process_died(crash: Crash) -> Iterator[Finding | Gap]:
    """Which critical process died, and how."""
    check = crash.bugcheck
    address = check.parameters[0].value if check else 0
    if check is None or not address:
        return
    explain = explain_thread if check.parameters[1].value == _THREAD else explain_process
    yield from explain(crash, RULE, address, 1)
