"""9F: the blocked power request → who holds it, and which driver below it has not finished.

Source: bug check reference, 9F (parameter 1: 1, 2, 3, 4, 500); IRP and device stack as machine/irp.py reads them.

Folklore: the request stops at a driver that waits for what is below it, so the holder is often a class driver of
Windows and the cause a driver further down.  The bus driver at the bottom is rarely guilty when it is Windows' own, but
a vendor's storage driver is the bus of its disks (corpus 9f.dmp: held at disk.sys, below it iaStorAC.sys).
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.addresses import format_hex
from bugcheck.findings.accusation import accuse, cite, fact
from bugcheck.findings.device_owners import OwnedDevice, device_owner, driver_image, instance_path, stack_owners
from bugcheck.findings.findings import Citation, Crash, Finding, bugcheck_rule
from bugcheck.findings.stack_suspects import thread_suspect
from bugcheck.findings.suspicion import Standing, standing_of
from bugcheck.gaps import Gap
from bugcheck.machine.bugcheck import BugCheck
from bugcheck.machine.irp import Irp, PowerRequest, read_irp

RULE = "driver_power_state_failure"
_HOLDER, _BELOW, _STACK, _FINISHED, _WAITS = 0.65, 0.6, 0.4, 0.65, 0.6
_BLOCKED, _PNP = 3, 4
_WRONG = {1: 2, 2: 3, 0x500: 4}
"""Kind of failure → the parameter that names the device at fault."""


@bugcheck_rule(0x9F)
def driver_power_state_failure(crash: Crash) -> Iterator[Finding | Gap]:
    """The driver that did not finish a power request, or finished it wrongly."""
    check = crash.bugcheck
    if check is None:
        return
    kind = check.parameters[0].value
    if kind == _BLOCKED:
        yield from _blocked(crash, check)
    elif kind in _WRONG:
        yield from _wrong(crash, check, _WRONG[kind])
    elif kind == _PNP:
        yield from _plug_and_play(crash, check)


def _blocked(crash: Crash, check: BugCheck) -> Iterator[Finding | Gap]:
    irp = read_irp(check.parameters[3].value, crash.memory, crash.machine.io_layout)
    current = irp.current if irp else None
    owners = stack_owners(crash, current.device_object if current else check.parameters[1].value)
    owners = owners or stack_owners(crash, check.parameters[1].value)
    if not owners:
        yield Gap("which driver holds the power request", "the device objects; a kernel memory dump has them")
        return
    yield _chain(check, owners)
    holder = _holder(owners, irp)
    if irp is not None and holder is not None:
        yield _held(check, irp, owners[holder])
    yield from _suspects(crash, check, owners, holder)


def _chain(check: BugCheck, owners: tuple[OwnedDevice, ...]) -> Finding:
    names, path = ", ".join(owner.owner for owner in owners), instance_path(owners)
    of = f" of {path}" if path else ""
    cited = (*cite(check, 2), *(_cite(owner) for owner in owners))
    return fact(RULE, f"the device stack{of} consists, from the top, of {names}", cited)


def _cite(owner: OwnedDevice) -> Citation:
    return Citation("field", f"device object {format_hex(owner.device.address)}", owner.owner)


def _holder(owners: tuple[OwnedDevice, ...], irp: Irp | None) -> int | None:
    current = irp.current if irp else None
    if current is None:
        return None
    return next((at for at, owner in enumerate(owners) if owner.device.address == current.device_object), None)


def _held(check: BugCheck, irp: Irp, holder: OwnedDevice) -> Finding:
    current = irp.current
    asked = current.parameters if current else None
    to = f" to go to {asked.state} ({asked.action})" if isinstance(asked, PowerRequest) else ""
    return fact(RULE, f"the power request{to} has come down to {holder.owner} and stays there", cite(check, 4))


def _suspects(crash: Crash, check: BugCheck, owners: tuple[OwnedDevice, ...], holder: int | None) -> Iterator[Finding]:
    """Accuse the holder, or else the first driver outside Windows below it; above it drivers have done their part."""
    first = 0 if holder is None else holder
    for at, owner in enumerate(owners[first:], first):
        module = owner.module
        if module is None or standing_of(module, crash) not in (Standing.THIRD_PARTY, Standing.UNKNOWN):
            continue
        place, weight = ("holds", _HOLDER) if at == holder else ("stands below the driver that holds", _BELOW)
        if holder is None:
            place, weight = "is in the device stack of", _STACK
        what = "a power request that was not finished in time"
        yield accuse(
            crash,
            RULE,
            module,
            f"{owner.owner} {place} {what}, and is the first driver there that is not part of Windows",
            weight,
            (*cite(check, 2, 4), _cite(owner)),
            clause=f"{place} {what}",
            refuted_by="the device itself not answering, or a driver of Windows in the same stack waiting for another",
        )
        return
    if holder is not None:
        text = f"from {owners[holder].owner} down every driver is part of Windows: the device itself may not answer"
        yield fact(RULE, text, (*cite(check, 4), _cite(owners[-1])))


def _wrong(crash: Crash, check: BugCheck, number: int) -> Iterator[Finding | Gap]:
    value = check.parameters[number - 1].value
    owner = device_owner(crash, value) if value else None
    module = owner.module if owner else None
    if module is None and check.parameters[0].value == 2:
        module = driver_image(crash, check.parameters[3].value)[1]
    if module is None:
        yield Gap("whose device it is", f"the device object {value:#x} and its driver; a kernel memory dump has them")
        return
    yield accuse(
        crash,
        RULE,
        module,
        f"{check.subtype}: the device belongs to {module.image}",
        _FINISHED,
        cite(check, 1, number),
        clause=f"broke the rules of power management: {check.subtype}",
        refuted_by="a filter driver that touched the same request",
    )


def _plug_and_play(crash: Crash, check: BugCheck) -> Iterator[Finding | Gap]:
    seconds, thread = check.parameters[1].value, check.parameters[2].value
    yield fact(RULE, f"thread {thread:#x} held the plug and play lock for over {seconds} seconds", cite(check, 2, 3))
    suspect = thread_suspect(crash, thread)
    if suspect is None:
        yield Gap("what that thread waits for", "its stack; a kernel memory dump has it")
        return
    yield accuse(
        crash,
        RULE,
        suspect.module,
        f"{suspect.module.image} is the innermost driver outside Windows on the stack of the thread with the lock",
        _WAITS * suspect.certainty,
        (*cite(check, 3), suspect.citation),
        clause="is on the stack of the thread that kept the plug and play lock",
        refuted_by="another thread or device that it waits for itself",
    )
