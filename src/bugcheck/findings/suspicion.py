"""A module → how likely such a module is the cause when it is found at the fault.

Source: experience that WinDbg's documentation and the r/TechSupport BSOD guide share: the kernel, HAL, window manager
and file systems run everybody's requests, so they are found at faults that others prepared.  The list is
knowledge/rarely_guilty.txt; inbox drivers come from knowledge/drivers.tsv.
"""

from __future__ import annotations

from enum import Enum
from functools import cache
from pathlib import Path

from bugcheck import knowledge
from bugcheck.findings.findings import Crash
from bugcheck.machine.modules import Module


class Standing(Enum):
    """How a module stands before any evidence."""

    CORE = "core"
    INBOX = "inbox"
    UNKNOWN = "unknown"
    THIRD_PARTY = "third party"


@cache
def rarely_guilty() -> frozenset[str]:
    """Debugger names of modules that are found at faults others prepared."""
    text = (Path(knowledge.__path__[0]) / "rarely_guilty.txt").read_text("utf-8")
    lines = (line.partition("#")[0].strip().lower() for line in text.splitlines())
    return frozenset(line for line in lines if line)


def standing_of(module: Module, crash: Crash) -> Standing:
    """Classify a module of a kernel dump."""
    if module.name.lower() in rarely_guilty():
        return Standing.CORE
    facts = crash.driver_facts(module)
    if facts is None or facts.ships_with_windows is None:
        return Standing.UNKNOWN
    return Standing.INBOX if facts.ships_with_windows else Standing.THIRD_PARTY
