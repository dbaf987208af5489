"""15F: a machine kept from its deepest sleep → what held it up, and the plug-in that vetoed.

Source: bug check reference, 15F: parameter 1 selects what, 4 is the callback of a plug-in for a veto.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.parameter_owners import accuse_owner, tell_texts
from bugcheck.gaps import Gap

RULE = "connected_standby_watchdog_timeout_livedump"


@bugcheck_rule(0x15F)
def connected_standby_watchdog_timeout_livedump(crash: Crash) -> Iterator[Finding | Gap]:
    """What kept the machine from its deepest sleep."""
    check = crash.bugcheck
    if check is None:
        return
    if check.subtype:
        yield fact(RULE, f"it was held up by {check.subtype}", cite(check, 1))
    yield from tell_texts(crash, RULE)
    clause = "kept the machine from its deepest sleep"
    refuted = "a device below it that would not rest"
    yield from accuse_owner(crash, RULE, 0.5, clause=clause, refuted_by=refuted)
