"""F4: a critical process or thread that ended → which one, how, and what the kernel says to it.

Source: bug check reference, F4: parameter 1 is 3 for a process, 6 for a thread, 2 the object, 3 its image's name, 4 a
message.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.critical_processes import explain_process, explain_thread
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.parameter_owners import tell_texts
from bugcheck.gaps import Gap

RULE = "critical_object_termination"
_EXPLAIN = {3: explain_process, 6: explain_thread}


@bugcheck_rule(0xF4)
def critical_object_termination(crash: Crash) -> Iterator[Finding | Gap]:
    """Which critical process or thread ended, and how."""
    check = crash.bugcheck
    if check is None:
        return
    yield from tell_texts(crash, RULE)
    explain = _EXPLAIN.get(check.parameters[0].value)
    if explain is not None and check.parameters[1].value:
        yield from explain(crash, RULE, check.parameters[1].value, 2)
