"""The telling stack → the first module on it that is not one of those found on everybody's stacks.

Source: WinDbg's documented walk ("Using the !analyze Extension": from the top frame down, the first whose owner is
known); whose frames are passed over, demoted or end the walk is our own list (knowledge/frames.txt).

A debugger's log that lost its stack still has the debugger's answer, made by the same walk with better lists.

Folklore: who called is a hint and no proof: a driver that merely passed a request on stands on the stack too.  A frame
found by scanning weighs less than one found by unwind information.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.addresses import format_hex
from bugcheck.findings.findings import Category, Citation, Crash, Finding, rule
from bugcheck.findings.frame_owners import Owner, owner_of, responsible_frame
from bugcheck.findings.suspicion import Standing, standing_of
from bugcheck.stack.frame import Frame, Trust

WEIGHTS = {Standing.THIRD_PARTY: 0.4, Standing.UNKNOWN: 0.35, Standing.INBOX: 0.1}
SCANNED = 0.6
"""Factor for frames found by scanning."""
OF_LOG = 0.35
DEEPEST = 24
"""Levels that are looked at: further down are the callers of callers, who only asked for something."""


@rule
def first_suspect_on_stack(crash: Crash) -> Iterator[Finding]:
    """The first module on the stack that is not one of everybody's."""
    if not _has_crashed(crash):
        return
    if crash.telling_stack is None:
        yield from _of_log(crash)
        return
    frame = responsible_frame(crash, crash.telling_stack.frames[:DEEPEST])
    if frame is None or frame.module is None or frame.index == 0 or _raised_it(crash, frame):
        return  # level 0 is the faulting instruction's own module, level 1 who raised the check: other rules' matter
    if frame.module is crash.modules.at(crash.faulting_address or 0):
        return  # levels of the module at fault are counted where that is told
    weight = WEIGHTS[standing_of(frame.module, crash)] * (SCANNED if frame.trust is Trust.SCAN else 1)
    own = "the kernel's" if crash.dump.is_kernel else "the system's"
    yield Finding(
        "first_suspect_on_stack",
        f"below {own} own levels, the first on the stack is {frame.name} (level {frame.index})",
        round(weight, 2),
        (Citation("frame", f"level {frame.index}, found by {frame.trust.value}", format_hex(frame.ip)),),
        module=frame.module.name,
        category=Category.DRIVER if crash.dump.is_kernel else Category.SOFTWARE,
        refuted_by="damage done earlier by code that is not on this stack",
    )


def _of_log(crash: Crash) -> Iterator[Finding]:
    """A debugger's log without its stack: whom the debugger, which had one, named."""
    log = crash.dump.log
    words = log.field("MODULE_NAME").split() if log is not None else []
    module = crash.modules.named(words[0]) if words else None
    standing = standing_of(module, crash) if module is not None else Standing.CORE
    if log is None or module is None or standing not in (Standing.THIRD_PARTY, Standing.UNKNOWN):
        return
    place = log.field("SYMBOL_NAME") or module.name
    yield Finding(
        "first_suspect_on_stack",
        f"the debugger that wrote the log names {place}; the stack it did so from is not in the log",
        OF_LOG,
        (Citation("field", "SYMBOL_NAME", place),),
        module=module.name,
        category=Category.DRIVER if crash.dump.is_kernel else Category.SOFTWARE,
        refuted_by="the stack, which would show who stands there only because others called",
        clause="is whom the debugger names",
    )


def _has_crashed(crash: Crash) -> bool:
    """A bug check that was not asked for; in a process an exception that a runtime raised for somebody."""
    check, exception = crash.bugcheck, crash.machine.exception
    if check is not None:
        return not check.is_manual
    module = crash.modules.at(exception.address) if exception else None
    return module is not None and owner_of(module.name) is Owner.LAST


def _raised_it(crash: Crash, frame: Frame) -> bool:
    """Tell whether a frame is the caller of KeBugCheckEx on the stack of the processor that stopped."""
    return frame.index == 1 and crash.telling_stack is crash.stack and crash.faulting_address is None
