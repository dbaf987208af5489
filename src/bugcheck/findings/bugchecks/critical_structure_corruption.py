"""109: kernel code or data that was changed → what, and what such changes come from.

Source: bug check reference, 109: parameter 4 says what, parameter 3 is an address for most kinds.

Folklore: the check runs minutes after the change, on any thread, so the stack tells nothing.  Three causes share the
code: a driver that patches the kernel, a debugger's breakpoint, and memory that flips bits.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact, points_at
from bugcheck.findings.findings import Category, Crash, Finding, bugcheck_rule
from bugcheck.gaps import Gap

RULE = "critical_structure_corruption"
_HARDWARE_TABLES = (7, 0x15, 0x16, 0x26)


@bugcheck_rule(0x109)
def critical_structure_corruption(crash: Crash) -> Iterator[Finding | Gap]:
    """What of the kernel was found changed."""
    check = crash.bugcheck
    if check is None:
        return
    changed = check.parameters[3].resolved or f"a region of kind {check.parameters[3].value:#x}"
    text = f"{changed} was found changed: by a driver that patches the kernel, or by faulty memory"
    refuted = "the changed bytes: one flipped bit is memory, a jump is a patch"
    yield points_at(RULE, Category.CORRUPTION, text, 0.3, cite(check, 4), refuted)
    if check.parameters[3].value in _HARDWARE_TABLES:
        yield fact(
            RULE, "registers of the processor are changed by code with privilege, not by faulty memory", cite(check, 4)
        )
        return
    place = crash.modules.resolve(check.parameters[2].value)
    if place is not None:
        yield fact(RULE, f"what changed belongs to {place}", cite(check, 3))
    yield Gap(
        "who changed it", "the changed bytes beside the original ones; a kernel memory dump and the image have them"
    )
