"""A debugger's log → the stacks it shows, as Frames: nothing is walked.

Source: STACK_TEXT, read in dump/log/stack.py.

Folklore: STACK_TEXT is one stack: from the bug check (then the fault's own is the part above the trap frame's stack
pointer), or, where the debugger went to the trap frame or context first, that of the fault already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bugcheck.dump.log.stack import Symbol, parse_symbol
from bugcheck.machine.context import Context
from bugcheck.machine.machine import Machine
from bugcheck.stack.frame import Frame, Trust

if TYPE_CHECKING:
    from bugcheck.dump.log.facts import LogFacts, LogFrame

ENDING = "the log's stack ends here"
STOPPED, FAULT = "log", "fault"
NEAR = 0x1000
"""Bytes above the stack pointer within which the frame of the fault begins."""


def log_frames(machine: Machine, log: LogFacts, *, fault: bool) -> tuple[Context, tuple[Frame, ...]] | None:
    """The stack of the stop or of the fault as the log shows it; None where it shows none."""
    context = machine.fault_context
    start = _fault_index(log, context)
    if not fault:
        lines = log.frames if start != 0 else ()
        context = Context(machine.architecture, "log", {})
    else:
        lines = _from_fault(machine, log, context, start)
    if context is None or not lines:
        return None
    return context, tuple(_frame(machine, index, line) for index, line in enumerate(lines))


def _fault_index(log: LogFacts, context: Context | None) -> int | None:
    """Level at which the fault's own stack begins in STACK_TEXT."""
    stack = context.stack_pointer if context else None
    if context is None or stack is None:
        return None
    for index, frame in enumerate(log.frames):
        if not frame.inline and stack <= frame.frame_address < stack + NEAR:
            return _with_inlined(log, index)
    first = next(iter(log.frames), None)
    return 0 if first is not None and first.ip and first.ip == context.instruction_pointer else None


def _with_inlined(log: LogFacts, index: int) -> int:
    while index and log.frames[index - 1].inline:
        index -= 1
    return index


def _from_fault(machine: Machine, log: LogFacts, context: Context | None, start: int | None) -> tuple[LogFrame, ...]:
    ip = context.instruction_pointer if context else None
    if start is None or ip is None:
        return ()
    if start == 0 or log.frames[start].inline:
        first = log.frames[start]
        return (first._replace(ip=first.ip or ip), *log.frames[start + 1 :])
    first = log.frames[start]
    symbol = parse_symbol(machine.describe(ip) or "") or Symbol("", "", 0)
    own = first._replace(ip=ip, module=symbol.module, function=symbol.function, offset=symbol.offset, warning="")
    if first.module.lower() == own.module.lower() or not own.module:
        return (own._replace(warning=first.warning), *log.frames[start + 1 :])
    stack = (context.stack_pointer if context else None) or 0
    return (own._replace(frame_address=stack, return_address=first.ip, arguments=()), *log.frames[start:])


def _frame(machine: Machine, index: int, line: LogFrame) -> Frame:
    module = machine.modules.named(line.module) if line.module else None
    return Frame(
        index=index,
        ip=line.ip,
        return_address=line.return_address,
        frame_address=line.frame_address,
        arguments=line.arguments,
        module=module,
        symbol=line.function or None,
        offset=line.offset,
        trust=Trust.LOG,
        inline=line.inline,
        warning=line.warning,
    )
