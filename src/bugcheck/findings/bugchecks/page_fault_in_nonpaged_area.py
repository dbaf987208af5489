"""50: memory that is not mapped → what lies at the address, as far as the dump tells.

Source: bug check reference, 50; Windows' layout (KUSER_SHARED_DATA at 7ffe0000 in every process).

Folklore: KUSER_SHARED_DATA is mapped in every process that runs a program.  A fault there says nothing against a
pointer (corpus 111317-27812-01.dmp, where a tool invented a driver "shareduserdata.sys" for it).
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import accuse, cite, fact
from bugcheck.findings.findings import Citation, Crash, Finding, bugcheck_rule
from bugcheck.findings.mapped_addresses import mapped_by
from bugcheck.machine.bugcheck import BugCheck

RULE = "page_fault_in_nonpaged_area"
_SHARED_DATA, _SHARED_SIZE = 0x7FFE_0000, 0x1000
_OWN_IMAGE = 0.2


@bugcheck_rule(0x50)
def page_fault_in_nonpaged_area(crash: Crash) -> Iterator[Finding]:
    """What lies at the address that is not mapped."""
    check = crash.bugcheck
    if check is None:
        return
    address = check.parameters[0].value
    if _SHARED_DATA <= address < _SHARED_DATA + _SHARED_SIZE:
        text = (
            f"{address:#x} is in the page Windows shares with programs: the address itself is a good one, its mapping"
        )
        yield fact(RULE, f"{text} was missing or damaged where it was used", cite(check, 1))
        return
    yield from _entry(crash, check)
    yield from _in_image(crash)


def _entry(crash: Crash, check: BugCheck) -> Iterator[Finding]:
    """Tell that the address is a page table entry's, and whose: then it is the mapped address that is in question."""
    mapped = mapped_by(crash, check.parameters[0].value)
    if mapped is None:
        return
    text = (
        f"the address is where the page table entry of {mapped.address:#x} ({mapped.where}) would lie: "
        "the memory manager was asked for that address, and has no tables for it"
    )
    yield fact(RULE, text, (*cite(check, 1), Citation("register", mapped.where, f"{mapped.address:#x}")))


def _in_image(crash: Crash) -> Iterator[Finding]:
    check = crash.bugcheck
    target = crash.modules.at(check.parameters[0].value) if check else None
    if check is None or target is None:
        return
    place = crash.modules.resolve(check.parameters[0].value)
    user = crash.modules.at(crash.faulting_address) if crash.faulting_address else None
    if user is not target:
        yield fact(
            RULE, f"the address lies in the image of {target.image} ({place}), in a part not mapped", cite(check, 1)
        )
        return
    text = f"{target.image} used a part of its own image that is not mapped ({place}), such as discarded start-up code"
    clause = "used a part of its own image that is no longer mapped"
    refuted = "that part being mapped, which its section table would tell"
    yield accuse(crash, RULE, target, text, _OWN_IMAGE, cite(check, 1), clause=clause, refuted_by=refuted)
