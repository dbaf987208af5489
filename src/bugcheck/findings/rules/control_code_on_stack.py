"""Arguments on the stack and IRPs → what a process asked of which driver when the system stopped.

Source: NtDeviceIoControlFile(handle, event, routine, context, status block, control code, …), Microsoft; inside nt it
hands all its arguments on in the same order (the story dump's stack; NtFsControlFile does likewise).

Folklore: a number on a stack that looks like a control code proves nothing, so this rule does not guess (see
`findings.stack_control_codes`).  What was asked is a fact, no accusation, and the process only asked.

A debugger's log has no memory and shows three arguments (four on 64 bits), not six.  There a driver that stands above
NtDeviceIoControlFile, and hands a function of its own a word that is a control code of FILE_DEVICE_UNKNOWN or a
published one, is taken to have got it from the request (the story's line RapDrv+0x5a20).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bugcheck.addresses import format_hex
from bugcheck.dump.dump import Architecture
from bugcheck.findings.findings import Citation, Crash, Finding, rule
from bugcheck.findings.stack_control_codes import is_plausible, passed_on_code
from bugcheck.findings.suspicion import Standing, standing_of
from bugcheck.machine.modules import Module
from bugcheck.stack.frame import Frame

if TYPE_CHECKING:  # 5 ms, needed by few dumps
    from bugcheck.machine.control_code import ControlCode

MASK32, UNKNOWN_DEVICE = 0xFFFF_FFFF, 0x22
REQUESTS = ("NtDeviceIoControlFile", "NtFsControlFile")
MAX_FRAMES = 64


@rule
def control_code_on_stack(crash: Crash) -> Iterator[Finding]:
    """A device control request on the stack, or the IRP a parameter names."""
    if not crash.dump.is_kernel:
        return
    yield from _request(crash)
    check = crash.bugcheck
    for number, parameter in enumerate(check.parameters if check else (), 1):
        if parameter.role == "irp" and parameter.value:
            yield from _irp(crash, parameter.value, number)


def _request(crash: Crash) -> Iterator[Finding]:
    stack = crash.telling_stack
    if stack is None or crash.machine.architecture not in (Architecture.X86, Architecture.X86_PAE, Architecture.X64):
        return
    frames = stack.frames[:MAX_FRAMES]
    if crash.dump.log is not None:
        yield from _told(crash, frames)
        return
    for index in range(len(frames) - 2):
        found = passed_on_code(crash, frames[index : index + 3])
        if found is not None:
            code, place = found
            citation = Citation("memory", f"argument on the stack {place:#x}", format_hex(code.value))
            yield _finding(crash, frames, index, code, citation)
            return


def _told(crash: Crash, frames: tuple[Frame, ...]) -> Iterator[Finding]:
    """Find the control code among the words a debugger's log shows for the driver's own functions."""
    from bugcheck.machine.control_code import ControlCode

    asked = next((f.index for f in frames if f.symbol in REQUESTS and f.module and f.module.name == "nt"), 0)
    for index, frame in enumerate(frames[:asked]):
        if frame.module is None or standing_of(frame.module, crash) is Standing.CORE:
            continue
        for number, word in enumerate(frame.arguments, 1):
            code = ControlCode(word) if word <= MASK32 else None
            if code is not None and (code.names or (code.device_type == UNKNOWN_DEVICE and is_plausible(code))):
                place = f"level {frame.index}, argument {number}"
                yield _finding(crash, frames, index + 1, code, Citation("frame", place, format_hex(word)))
                return


def _finding(crash: Crash, frames: tuple[Frame, ...], index: int, code: ControlCode, citation: Citation) -> Finding:
    driver = next((f.module for f in reversed(frames[:index]) if f.module and f.module.name != "nt"), None)
    target = f" to {driver.name}" if driver else ""
    process = crash.machine.process
    asker = f", asked by {process.name}" if process is not None and process.name else ""
    if driver is not None and process is not None and _same_product(crash, driver, process.name):
        asker += ", a program of the product the driver belongs to"
    by = f" while {process.name} asked it for something by device control" if process and process.name else ""
    return Finding(
        "control_code_on_stack",
        f"a device control request{target} was under way: {code}{asker}",
        0.0,
        (citation,),
        module=driver.name if driver else None,
        refuted_by="a stale stack: frames that are not those of this request",
        clause=by.strip() if driver else "",
    )


def _same_product(crash: Crash, driver: Module, process: str) -> bool:
    facts = crash.driver_facts(driver)
    stem = process.lower().partition(".")[0]
    return facts is not None and len(stem) >= 4 and stem in facts.product.lower().replace(" ", "")


def _irp(crash: Crash, address: int, number: int) -> Iterator[Finding]:
    from bugcheck.machine.irp import DeviceControl, read_irp

    irp = read_irp(address, crash.memory, crash.machine.io_layout)
    if irp is None:
        return
    location = irp.current
    text = f"the IRP of parameter {number} has {irp.stack_count} stack location{'s' if irp.stack_count > 1 else ''}"
    if irp.is_complete:
        text += " and is complete"
    elif location is not None:
        what = " ".join(part for part in (location.major_name, location.minor_name) if part)
        text += f"; number {location.number} has it: {what}"
        if isinstance(location.parameters, DeviceControl):
            text += f", {location.parameters.code}"
        owner = crash.machine.describe(location.completion_routine) if location.completion_routine else None
        text += f", to be completed by {owner}" if owner else ""
    yield Finding(
        "control_code_on_stack",
        text,
        0.0,
        (Citation("parameter", f"parameter {number}", format_hex(irp.address)),),
        refuted_by="an IRP that was reused since",
    )
