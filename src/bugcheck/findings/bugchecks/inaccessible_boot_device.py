"""7B: the boot disk that could not be reached → its name, the status, and the storage drivers in between.

Source: bug check reference, 7B: parameter 1 is the UNICODE_STRING of the device's name or a device object, 2 a status.

Folklore: after a change of the controller's mode in the firmware (AHCI, RAID) or a new mainboard the driver does not
fit; that is configuration, no defect.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact, points_at
from bugcheck.findings.device_owners import device_owner
from bugcheck.findings.findings import Category, Crash, Finding, bugcheck_rule
from bugcheck.findings.parameter_text import text_at
from bugcheck.findings.storage_statuses import explain_disk_status, storage_drivers

RULE = "inaccessible_boot_device"


@bugcheck_rule(0x7B)
def inaccessible_boot_device(crash: Crash) -> Iterator[Finding]:
    """Which disk Windows could not start from, and why."""
    check = crash.bugcheck
    if check is None:
        return
    first, status = check.parameters[0].value, check.parameters[1].value
    name, owner = text_at(first, crash.memory), device_owner(crash, first)
    if name:
        yield fact(RULE, f"the boot device is {name}", cite(check, 1))
    elif owner is not None:
        yield fact(RULE, f"the boot device is an object of {owner.owner} that could not be mounted", cite(check, 1))
    if status:
        yield from explain_disk_status(RULE, status, cite(check, 2))
    yield from storage_drivers(crash, RULE)
    yield points_at(
        RULE,
        Category.CONFIGURATION,
        "Windows lost its boot disk: the controller's mode or driver may not fit the installation",
        0.2,
        cite(check, 1),
        "a disk that the firmware does not show either, which would be a defect",
    )
