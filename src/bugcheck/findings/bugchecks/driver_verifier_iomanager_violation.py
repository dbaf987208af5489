"""C9: an I/O rule Driver Verifier saw broken → the driver whose code or device it names.

Source: bug check reference, C9: for most kinds parameter 2 is code of the driver, 3 the IRP, 4 the device.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.parameter_owners import accuse_owner
from bugcheck.gaps import Gap
from bugcheck.machine.bugcheck import BugCheck
from bugcheck.machine.irp import read_irp

RULE = "driver_verifier_iomanager_violation"
_NAMED, _ON_STACK = 0.75, 0.6


@bugcheck_rule(0xC9)
def driver_verifier_iomanager_violation(crash: Crash) -> Iterator[Finding | Gap]:
    """Which I/O rule Driver Verifier saw broken, with which request, and by which driver."""
    check = crash.bugcheck
    if check is None:
        return
    broken = check.subtype or f"rule {check.parameters[0].value:#x}"
    yield fact(RULE, f"Driver Verifier was on and caught a driver handling I/O: {broken}", cite(check, 1))
    yield from _request(crash, check)
    yield from accuse_owner(
        crash,
        RULE,
        _NAMED,
        clause=f"was caught by Driver Verifier: {broken}",
        refuted_by="another driver of the same device stack that changed the request before",
        stack_weight=_ON_STACK,
    )


def _request(crash: Crash, check: BugCheck) -> Iterator[Finding]:
    for number, parameter in enumerate(check.parameters, 1):
        irp = read_irp(parameter.value, crash.memory, crash.machine.io_layout) if parameter.role == "irp" else None
        current = irp.current if irp else None
        if current is not None:
            minor = f", {current.minor_name}" if current.minor_name else ""
            yield fact(RULE, f"the request is {current.major_name}{minor}", cite(check, number))
