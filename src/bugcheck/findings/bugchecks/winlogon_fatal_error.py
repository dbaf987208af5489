"""C000021A: a process Windows cannot run without → which one failed, with which status.

Source: bug check reference, C000021A: parameter 1 is a text, 2 the status.

Folklore: winlogon and csrss fail because of what was loaded into them or because system files do not fit together, so
the process that is current is no culprit.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact, points_at
from bugcheck.findings.findings import Category, Crash, Finding, bugcheck_rule
from bugcheck.findings.parameter_owners import tell_texts
from bugcheck.knowledge.statuses import describe_status, status_words

RULE = "winlogon_fatal_error"


@bugcheck_rule(0xC000_021A)
def winlogon_fatal_error(crash: Crash) -> Iterator[Finding]:
    """Which process failed, and with which status."""
    check = crash.bugcheck
    if check is None:
        return
    yield from tell_texts(crash, RULE)
    status = check.parameters[1].value & 0xFFFF_FFFF
    if status:
        words = status_words(status)
        more = f": {words.rstrip('.')}" if words else ""
        yield fact(RULE, f"it failed with {describe_status(status)}{more}", cite(check, 2))
    text = "a process that Windows needs failed: its files, or what else was loaded into it, are the first suspects"
    refuted = "a disk or memory that damages files while they are read"
    yield points_at(RULE, Category.SOFTWARE, text, 0.25, cite(check, 1, 2), refuted)
