"""5C: the hardware abstraction layer did not start → firmware or hardware it could not set up.

Source: bug check reference, 5C (its parameters are not published; the reference calls the cause firmware or hardware
most often, above all ACPI tables of virtual machines and new boards).
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, points_at
from bugcheck.findings.findings import Category, Crash, Finding, bugcheck_rule
from bugcheck.gaps import Gap

RULE = "hal_initialization_failed"


@bugcheck_rule(0x5C)
def hal_initialization_failed(crash: Crash) -> Iterator[Finding | Gap]:
    """What kept the hardware abstraction layer from starting."""
    check = crash.bugcheck
    if check is None:
        return
    text = "Windows could not set up the board: its firmware's tables or one of its basic chips are the suspects"
    refuted = "the same board starting with the firmware it had before, or another version of Windows"
    yield points_at(RULE, Category.HARDWARE, text, 0.3, cite(check, 1, 2), refuted)
    numbers = ", ".join(f"{parameter.value:#x}" for parameter in check.parameters)
    yield Gap(f"which step failed (parameters {numbers})", "the meaning of the parameters, which is not published")
