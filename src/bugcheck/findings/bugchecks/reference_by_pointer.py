"""18: a wrong reference count of an object → what kind of object, and who lowered the count last.

Source: bug check reference, 18: parameter 1 is the object's type, 2 the object, 3 and 4 reserved.

Folklore: whoever releases once too often has mostly done so before; the release that is caught may be a lawful one.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.parameter_owners import accuse_owner
from bugcheck.findings.parameter_text import text_at
from bugcheck.gaps import Gap

RULE = "reference_by_pointer"


@bugcheck_rule(0x18)
def reference_by_pointer(crash: Crash) -> Iterator[Finding | Gap]:
    """Which kind of object has a wrong count, and who is on the stack."""
    check = crash.bugcheck
    if check is None:
        return
    kind = check.parameters[0].value
    name = text_at(kind + 2 * crash.memory.pointer_size, crash.memory) if kind else ""
    if name:
        yield fact(RULE, f"the object is a {name}", cite(check, 1, 2))
    clause = "is on the stack of the release of an object that had no reference left"
    refuted = "another driver that had released the object once too often before"
    yield from accuse_owner(crash, RULE, 0.5, clause=clause, refuted_by=refuted, stack_weight=0.35)
