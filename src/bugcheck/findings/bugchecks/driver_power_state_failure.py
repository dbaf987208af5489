"""9F: the blocked power request → who holds it, and which driver below it has not finished.

Source: bug check reference, 9F (parameter 1: 1, 2, 3, 4, 500); IRP and device stack as machine/irp.py reads them.

Folklore: the request stops at a driver that waits for what is below it, so the holder is often a class driver of
Windows and the cause a driver further down.  The bus driver at the bottom is rarely guilty when it is Windows' own, but
a vendor's storage driver is the bus of its disks (corpus 9f.dmp: held at disk.sys, below it iaStorAC.sys).
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import accuse, cite, fact
from bugcheck.findings.device_owners import (
    OwnedDevice,
    chain_in_words,
    cite_device,
    device_owner,
    driver_image,
    holder_of,
    stack_owners,
)
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
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
    yield fact(RULE, chain_in_words(owners), (*cite(check, 2), *(cite_device(owner) for owner in owners)))
    holder = holder_of(owners, irp)
    if irp is not None and holder is not None:
        yield _held(check, irp, owners[holder])
    yield from _suspects(crash, check, owners, holder)


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
        place, weight = _place(owners, at, holder)
        what = "a power request that was not finished in time"
        yield accuse(
            crash,
            RULE,
            module,
            f"{owner.owner} {place} {what}, and is the first driver there that is not part of Windows",
            weight,
            (*cite(check, 2, 4), cite_device(owner)),
            clause=f"{place} {what}",
            refuted_by="the device itself not answering, or a driver of Windows in the same stack waiting for another",
        )
        return
    if holder is not None:
        text = f"from {owners[holder].owner} down every driver is part of Windows: the device itself may not answer"
        yield fact(RULE, text, (*cite(check, 4), cite_device(owners[-1])))


def _place(owners: tuple[OwnedDevice, ...], at: int, holder: int | None) -> tuple[str, float]:
    """Say how a driver stands to the request, and what that weighs."""
    if holder is None:
        return "is in the device stack of", _STACK
    if at == holder:
        return "holds", _HOLDER
    return f"stands below {owners[holder].owner}, which holds", _BELOW


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
