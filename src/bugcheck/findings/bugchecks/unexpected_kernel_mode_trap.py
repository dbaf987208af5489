"""7F: the processor's trap → what it means, and whether it is the hardware's.

Source: bug check reference, 7F; Intel SDM volume 3 chapter 6 for the trap numbers.

Folklore: a double fault (8) is mostly a kernel stack that ran out; a non-maskable interrupt (2) or machine check (12)
is raised by hardware.  The rule on stacks tells who used the stack up.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact, points_at
from bugcheck.findings.findings import Category, Citation, Crash, Finding, bugcheck_rule
from bugcheck.knowledge.kernel_names import trap_name

RULE = "unexpected_kernel_mode_trap"
_DOUBLE_FAULT = 8
_HARDWARE = {2: 0.45, 0x12: 0.6}
_GUARD = 0x1000


@bugcheck_rule(0x7F)
def unexpected_kernel_mode_trap(crash: Crash) -> Iterator[Finding]:
    """What the trap means."""
    check = crash.bugcheck
    if check is None:
        return
    trap = check.parameters[0].value
    name = trap_name(trap) if trap < 0x100 else None
    words = f"{name[0]}, {name[1]}" if name else f"trap {trap:#x}"
    if trap in _HARDWARE:
        text = f"the hardware raised the trap: {words}"
        refuted = "a button or a management card that raises it on purpose"
        yield points_at(RULE, Category.HARDWARE, text, _HARDWARE[trap], cite(check, 1), refuted)
        return
    yield fact(RULE, f"the processor raised {words}", cite(check, 1))
    if trap == _DOUBLE_FAULT:
        yield from _stack(crash)


def _stack(crash: Crash) -> Iterator[Finding]:
    """Compare the stack pointer with the thread's stack."""
    thread, pointer = crash.machine.thread, crash.context.stack_pointer if crash.context else None
    if thread is None or pointer is None or not thread.stack_limit or not thread.stack_base:
        return
    if thread.stack_limit - _GUARD <= pointer < thread.stack_limit + 0x200:
        text = f"the kernel stack is used up: {thread.stack_base - thread.stack_limit:#x} bytes, none left"
        yield fact(RULE, text, (Citation("register", "stack pointer", f"{pointer:#x}"),))
