"""FE: a fatal error of the USB stack → whether the controller failed, and which one, or a client driver.

Source: bug check reference, FE: 5 is a hardware failure with the controller's PCI ids in parameter 3, 3 the
controller's driver giving up, 2 and 4 a client driver that sent a request twice.

Folklore: the PCI ids are vendor in the high and device in the low half, as the reference prints them.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact, points_at
from bugcheck.findings.device_owners import stack_owners
from bugcheck.findings.findings import Category, Crash, Finding, bugcheck_rule
from bugcheck.machine.bugcheck import BugCheck
from bugcheck.machine.irp import read_irp

RULE = "bugcode_usb_driver"
_CLIENT = {2: 3, 4: 2}
"""Kind → the parameter with the client's IRP."""


@bugcheck_rule(0xFE)
def bugcode_usb_driver(crash: Crash) -> Iterator[Finding]:
    """What failed in the USB stack."""
    check = crash.bugcheck
    if check is None:
        return
    kind = check.parameters[0].value
    if kind in (3, 5):
        ids = check.parameters[2].value
        which = f" (PCI ids {ids >> 16:04x}:{ids & 0xFFFF:04x})" if kind == 5 and 0 < ids < 1 << 32 else ""
        text = f"{check.subtype}{which}: the USB controller itself"
        refuted = "a driver that damages the controller's data in memory"
        yield points_at(RULE, Category.HARDWARE, text, 0.45, cite(check, 1, 3), refuted)
    elif kind in _CLIENT:
        yield from _client(crash, check, _CLIENT[kind])


def _client(crash: Crash, check: BugCheck, number: int) -> Iterator[Finding]:
    irp = read_irp(check.parameters[number - 1].value, crash.memory, crash.machine.io_layout)
    devices = {location.device_object for location in irp.locations if location.device_object} if irp else set[int]()
    for address in sorted(devices):
        owners = stack_owners(crash, address)
        if owners:
            names = ", ".join(owner.owner for owner in owners)
            yield fact(RULE, f"{check.subtype}; the device stack is, from the top, {names}", cite(check, number))
            return
