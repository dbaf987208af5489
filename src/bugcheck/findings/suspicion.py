"""A module → how likely such a module is the cause when it is found at the fault.

Source: experience that WinDbg's documentation and the r/TechSupport BSOD guide share: the kernel, HAL, window manager
and file systems run everybody's requests, so they are found at faults that others prepared.  The list is
knowledge/frames.txt (owner `last`); inbox drivers come from knowledge/drivers.tsv.
"""

from __future__ import annotations

from enum import Enum

from bugcheck.findings.address_kinds import is_kernel_address
from bugcheck.findings.findings import Crash
from bugcheck.findings.frame_owners import Owner, owner_of
from bugcheck.machine.modules import Module


class Standing(Enum):
    """How a module stands before any evidence."""

    CORE = "core"
    INBOX = "inbox"
    UNKNOWN = "unknown"
    THIRD_PARTY = "third party"


def standing_of(module: Module, crash: Crash) -> Standing:
    """Classify a module; what a process had loaded (debuggers' logs name it) never stops a system."""
    if crash.dump.is_kernel and module.base and not is_kernel_address(module.base, crash.machine.architecture):
        return Standing.CORE
    if owner_of(module.name) is Owner.LAST:
        return Standing.CORE
    facts = crash.driver_facts(module)
    if facts is None or facts.ships_with_windows is None:
        return Standing.UNKNOWN
    return Standing.INBOX if facts.ships_with_windows else Standing.THIRD_PARTY
