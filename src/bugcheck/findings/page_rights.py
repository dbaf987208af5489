"""The page table entry of a forbidden access → what its bits say, and whose memory it was.

Source: bug check reference, BE and FC: parameter 1 is the address, 2 the entry; Intel SDM volume 3, paging: present is
bit 0, writable bit 1, no-execute bit 63 (PAE and x64).

Folklore: parameter 3 counts as reserved on current builds, but a trap frame still lies there (corpus be_0.dmp).
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import accuse, cite, fact
from bugcheck.findings.findings import Crash, Finding
from bugcheck.machine.bugcheck import BugCheck

_WEIGHT = 0.55
_PRESENT, _WRITABLE, _NO_EXECUTE = 1, 2, 1 << 63


def explain_page_rights(crash: Crash, rule: str, verb: str) -> Iterator[Finding]:
    """Tell what the page allows and what lies there. `verb`: what was tried, "write" or "execute"."""
    check = crash.bugcheck
    if check is None:
        return
    if crash.machine.architecture.value in ("x64", "x86") and check.parameters[1].value:
        yield _entry(check, rule, verb)
    place = crash.modules.resolve(check.parameters[0].value)
    if place is not None:
        yield fact(rule, f"the address lies in a loaded image: {place}", cite(check, 1))
    yield from _writer(crash, check, rule, verb)


def _writer(crash: Crash, check: BugCheck, rule: str, verb: str) -> Iterator[Finding]:
    """Name the code that was trapped, by the trap frame."""
    trapped = crash.machine.trap_frame(check.parameters[2].value)
    instruction = trapped.instruction_pointer if trapped else None
    module = crash.modules.at(instruction) if instruction else None
    if module is None or instruction is None or instruction == check.parameters[0].value:
        return
    place = crash.modules.resolve(instruction)
    yield accuse(
        crash,
        rule,
        module,
        f"the instruction that tried to {verb} there is in {module.image} ({place})",
        _WEIGHT,
        cite(check, 1, 3),
        clause=f"tried to {verb} memory that does not allow it",
        refuted_by="a pointer it was handed by another driver, or memory corruption by an unknown writer",
    )


def _entry(check: BugCheck, rule: str, verb: str) -> Finding:
    entry = check.parameters[1].value
    present = "present" if entry & _PRESENT else "not present"
    writable = "writable" if entry & _WRITABLE else "read-only"
    executable = "not executable" if entry & _NO_EXECUTE else "executable"
    allowed = entry & _WRITABLE if verb == "write" else not entry & _NO_EXECUTE
    odd = f", which would allow to {verb}: the entry has changed since, or is not this page's" if allowed else ""
    text = f"the page table entry says {present}, {writable}, {executable}{odd}"
    return fact(rule, text, cite(check, 2))
