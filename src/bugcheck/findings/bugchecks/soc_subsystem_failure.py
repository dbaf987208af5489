"""14B: a part of the system-on-chip that failed → hardware or its firmware.

Source: bug check reference, 14B: parameter 1 details of the failure, 4 data of the vendor.  The details start with the
name of the subsystem, where they hold readable text.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, points_at
from bugcheck.findings.findings import Category, Crash, Finding, bugcheck_rule
from bugcheck.findings.parameter_text import text_at
from bugcheck.gaps import Gap

RULE = "soc_subsystem_failure"


@bugcheck_rule(0x14B)
def soc_subsystem_failure(crash: Crash) -> Iterator[Finding | Gap]:
    """Which part of the chip failed."""
    check = crash.bugcheck
    if check is None:
        return
    name = text_at(check.parameters[0].value, crash.memory)
    which = f" ('{name}')" if name else ""
    text = f"a part of the system-on-chip{which} failed and could not be restarted: the chip or its firmware"
    refuted = "firmware of the maker that mends it"
    yield points_at(RULE, Category.HARDWARE, text, 0.5, cite(check, 1), refuted)
    if check.parameters[3].value:
        yield Gap("what the chip's maker recorded (parameter 4)", "the maker's own tool")
