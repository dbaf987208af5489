"""Bug check codes that people and tools raise → nobody is to blame.

Source: bug check reference (E2 by keyboard, 1C8 by power button, DEADDEAD by a debugger); code 0 is a debugger's or a
live dump's snapshot (corpus: kdlibcpp).
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.addresses import format_hex
from bugcheck.findings.findings import Citation, Crash, Finding, rule


@rule
def stopped_on_purpose(crash: Crash) -> Iterator[Finding]:
    """The system was stopped on purpose."""
    check = crash.bugcheck
    if check is None or not check.is_manual:
        return
    yield Finding(
        "stopped_on_purpose",
        f"{check.name} is raised on purpose, by a person or a tool: this is no crash",
        0.0,
        (Citation("field", "bug check code", format_hex(check.code)),),
        refuted_by="a driver that misuses the code",
    )
