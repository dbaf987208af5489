"""1A: the kind of damage → whether memory, the disk or a driver's request is the likelier cause.

Source: bug check reference, 1A (parameter 1 selects the kind; its remarks name hardware or a driver for some).

Folklore: 41792 is a page table entry that should be zero; the rule on hardware speaks when one bit is set.  For 403
parameters 3 and 4 should be equal.  A process that happens to run is never the cause.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import accuse, cite, fact, points_at
from bugcheck.findings.address_kinds import kind_of_address
from bugcheck.findings.findings import Category, Citation, Crash, Finding, bugcheck_rule
from bugcheck.findings.mapped_addresses import mapped_by
from bugcheck.findings.page_frames import tell_frames
from bugcheck.findings.stack_suspects import stack_suspect
from bugcheck.gaps import Gap
from bugcheck.machine.bugcheck import BugCheck

RULE = "memory_management"
_DRIVERS_REQUEST = frozenset(
    (0x777, 0x1000, 0x1010, 0x1233, 0x1234, 0x1235, 0x1236, 0x1240, 0x1241, 0x4477, 0x5305, 0x15000, 0x15001, 0x41286,
     0x61946, 0x61948, 0x61949, 0x6194A)
)  # fmt: skip
"""Kinds where a driver asked for the impossible, so that the stack leads to it."""
_HARDWARE = {0x31: 0.4, 0x3F: 0.4, 0x5003: 0.4}
"""Kinds the reference itself puts down to hardware most of all; 3F is a page that came back changed from the disk."""
_ENTRY_KINDS = (0x41792, 0x41793)
_MISMATCH, _FAULT_UNDER_LOCK, _STACK_WEIGHT = 0x403, 0x41287, 0.5
_REFUTED = "the same kind of damage on other machines with the same driver"


@bugcheck_rule(0x1A)
def memory_management(crash: Crash) -> Iterator[Finding | Gap]:
    """What the memory manager found damaged, and what that points at."""
    check = crash.bugcheck
    if check is None:
        return
    yield from tell_frames(crash, RULE)
    kind = check.parameters[0].value
    if kind in _DRIVERS_REQUEST:
        yield from _request(crash, check)
    elif kind in _HARDWARE:
        text = f"{check.subtype}: memory or disk gave back something else than was stored"
        yield points_at(RULE, Category.HARDWARE, text, _HARDWARE[kind], cite(check, 1), _REFUTED)
    elif kind in _ENTRY_KINDS:
        yield from _damaged_entry(crash, check)
    elif kind == _MISMATCH:
        yield from _mismatch(check)
    elif kind == _FAULT_UNDER_LOCK and check.parameters[1].value:
        words = kind_of_address(check.parameters[1].value, crash.machine.architecture).words
        text = f"with the lock of a working set held, the memory manager's own code touched {words}"
        yield fact(RULE, text, cite(check, 1, 2))


def _request(crash: Crash, check: BugCheck) -> Iterator[Finding | Gap]:
    suspect = stack_suspect(crash)
    if suspect is None:
        yield Gap("which driver asked for it", "a driver outside Windows on the stack; Driver Verifier would name it")
        return
    yield accuse(
        crash,
        RULE,
        suspect.module,
        f"{check.subtype}, and {suspect.module.image} is the innermost driver outside Windows on the stack",
        _STACK_WEIGHT * suspect.certainty,
        (*cite(check, 1), suspect.citation),
        clause=f"is on the stack of a wrong request to the memory manager: {check.subtype}",
        refuted_by="a driver further down that made the request on its behalf",
    )


def _damaged_entry(crash: Crash, check: BugCheck) -> Iterator[Finding]:
    """Tell which address the damaged entry maps, and whose it is."""
    mapped = mapped_by(crash, check.parameters[1].value)
    if mapped is None:
        return
    process = crash.machine.process
    user = not mapped.address >> 63
    whose = f" of {process.name}" if user and process is not None and process.name else ""
    text = f"the damaged entry maps {mapped.address:#x}, {'a user-mode' if user else 'a kernel'} address{whose}"
    cited = (*cite(check, 2), Citation("memory", mapped.where, f"{mapped.address:#x}"))
    yield fact(RULE, text, cited)


def _mismatch(check: BugCheck) -> Iterator[Finding]:
    third, fourth = check.parameters[2].value, check.parameters[3].value
    bits = (third ^ fourth).bit_count()
    if bits == 1:
        text = f"page table and page frame disagree in one bit ({third:#x}, {fourth:#x})"
        yield points_at(RULE, Category.HARDWARE, text, 0.6, cite(check, 3, 4), _REFUTED)
    else:
        yield fact(RULE, f"page table and page frame disagree in {bits} bits", cite(check, 3, 4))
