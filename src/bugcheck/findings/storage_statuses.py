"""The status of a failed read from disk → whether the disk, its connection, or something else is the matter.

Source: bug check reference, 7A and 77 (which lists the statuses); ntstatus.h.

Folklore: an access violation (C0000005) is no disk's answer: what was read, or the structures on the way, were damaged
in memory.  Insufficient resources (C000009A) is a shortage, not a defect.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import fact, points_at
from bugcheck.findings.findings import Category, Citation, Crash, Finding
from bugcheck.findings.suspicion import Standing, standing_of
from bugcheck.knowledge.statuses import describe_status
from bugcheck.machine.modules import Module

_REFUTED = "a cable, a controller's driver or its power management, which look the same as a failing disk"
_DISK: dict[int, tuple[str, float]] = {
    0xC000_009C: ("the disk could not read a sector", 0.65),
    0xC000_003F: ("the data read from disk fail their check (CRC)", 0.6),
    0xC000_016A: ("the disk operation failed even after a retry", 0.6),
    0xC000_0185: ("the device or its connection (cable, controller) failed", 0.6),
    0xC000_009D: ("the disk is no longer connected", 0.6),
    0xC000_000E: ("the device does not exist any more", 0.5),
    0xC000_00B5: ("the device did not answer in time", 0.5),
    0xC000_00C0: ("the device does not exist any more", 0.5),
    0xC000_0010: ("the disk path refused the request", 0.3),
    0xC000_0032: ("the file system structures on the disk are damaged", 0.4),
    0xC000_0102: ("a file on the disk is damaged", 0.4),
    0xC000_026E: ("the volume was dismounted", 0.3),
    0xC000_0098: ("the volume was changed from outside", 0.3),
}
_ACCESS_VIOLATION, _NO_RESOURCES = 0xC000_0005, 0xC000_009A


def explain_disk_status(rule: str, status: int, cited: tuple[Citation, ...]) -> Iterator[Finding]:
    """Say what the status of a failed read points at."""
    code = status & 0xFFFF_FFFF
    name = describe_status(code)
    if code in _DISK:
        words, weight = _DISK[code]
        yield points_at(rule, Category.HARDWARE, f"{words}: {name}", weight, cited, _REFUTED)
    elif code == _ACCESS_VIOLATION:
        text = f"the read failed with {name}, which no disk reports: it was met in memory, on the way to the disk"
        refuted = "the same address failing again, which would be a driver of the storage or file system stack"
        yield points_at(rule, Category.CORRUPTION, text, 0.2, cited, refuted)
    elif code == _NO_RESOURCES:
        text = f"the read failed for lack of memory ({name}), not because of the disk"
        yield points_at(rule, Category.SOFTWARE, text, 0.3, cited, "a pool that was not short, as `!vm` would show")
    else:
        yield fact(rule, f"the read ended with {name}", cited)


def storage_drivers(crash: Crash, rule: str) -> Iterator[Finding]:
    """Tell the storage drivers outside Windows that are loaded: they lie between the disk and Windows."""
    found = [module for module in crash.modules if _is_vendor_storage(crash, module)]
    if found:
        names = ", ".join(module.image for module in found)
        cited = tuple(Citation("module", "loaded", module.image) for module in found)
        yield fact(rule, f"storage drivers that are not part of Windows are loaded: {names}", cited)


def _is_vendor_storage(crash: Crash, module: Module) -> bool:
    facts = crash.driver_facts(module)
    known = facts is not None and facts.driver_class == "storage" and not facts.copy_for_dumps
    return known and standing_of(module, crash) is Standing.THIRD_PARTY
