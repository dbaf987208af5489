"""A double fault, or a stack pointer at its limit → a kernel stack that ran out, and who filled it.

Source: bug check 7F with parameter 8 (Microsoft: "kernel stack overflow" is its common cause), 2B and 1AA; limits from
the thread's KTHREAD.  Sums: `findings/stack_usage.py`.

Folklore: the driver on top of an exhausted stack is only the last of many; so a module is accused only when it alone
fills most of the stack (recursion), never for being last.  A double fault has other causes too: without the stack
pointer near the limit the rule does not say "exhausted".
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.addresses import format_hex
from bugcheck.findings.accusation import accuse
from bugcheck.findings.findings import Category, Citation, Crash, Finding, rule
from bugcheck.findings.stack_usage import StackUsage, scanned_share, usage_by_module
from bugcheck.gaps import Gap

DOUBLE_FAULT_CHECKS = {0x7F: 8, 0x2B: None, 0x1AA: None}
"""Bug check → value its first parameter must have, None for any."""
NEAR = 0x200
"""Bytes above the limit where a call or two more fault."""
BELOW = 0x2000
"""Bytes below the limit that still are this stack's guard page."""
MOSTLY = 0.6
SHOWN = 4


@rule
def stack_exhaustion(crash: Crash) -> Iterator[Finding | Gap]:
    """A kernel stack that ran out, with the modules that use most of it."""
    if not crash.dump.is_kernel:
        return
    double_fault, room = _is_double_fault(crash), _room(crash)
    exhausted = room is not None and -BELOW <= room <= NEAR
    if not double_fault and not exhausted:
        return
    stack = crash.telling_stack
    frames = stack.frames if stack else ()
    users = usage_by_module(frames)
    if not users:
        yield Gap("which drivers filled the kernel stack", "the stack's memory")
    statement = _opening(room, exhausted) + _listing(users)
    citations = _citations(crash, room)
    top = users[0] if users else None
    module = crash.modules.named(top.name) if top and top.name else None
    total = sum(user.size for user in users)
    if exhausted and top and module and top.size > MOSTLY * total and scanned_share(frames) < 0.5:
        yield accuse(
            crash,
            "stack_exhaustion",
            module,
            statement,
            0.45,
            citations,
            clause=f"used {top.size:,} bytes of a kernel stack that ran out",
            refuted_by="frames that were found by scanning and belong to another module",
        )
        return
    yield Finding(
        "stack_exhaustion",
        statement,
        0.0,
        citations,
        category=Category.SOFTWARE if exhausted else Category.UNKNOWN,
        refuted_by="a stack pointer that was damaged rather than used up",
    )


def _is_double_fault(crash: Crash) -> bool:
    check = crash.bugcheck
    if check is None or check.code not in DOUBLE_FAULT_CHECKS:
        return False
    wanted = DOUBLE_FAULT_CHECKS[check.code]
    return wanted is None or check.parameters[0].value == wanted


def _room(crash: Crash) -> int | None:
    """Bytes from the stack's limit to the stack pointer at the fault; None where either is unknown or elsewhere."""
    thread, context = crash.machine.thread, crash.context
    pointer = context.stack_pointer if context else None
    limit, base = (thread.stack_limit, thread.stack_base) if thread else (None, None)
    if not limit or not base or pointer is None or not limit - BELOW <= pointer < base:
        return None
    return pointer - limit


def _opening(room: int | None, exhausted: bool) -> str:
    if room is None:
        return "a double fault, whose common cause is a kernel stack that ran out"
    if not exhausted:
        return f"a double fault with {room:,} bytes of the kernel stack still free: it had not run out"
    side = "above" if room >= 0 else "below"
    return f"the kernel stack ran out: the stack pointer was {abs(room):,} bytes {side} its limit"


def _listing(users: list[StackUsage]) -> str:
    if not users:
        return ""
    shown = (
        f"{user.name or 'code of no module'} {user.size:,} bytes in {user.frames} frame{'s' if user.frames > 1 else ''}"
        for user in users[:SHOWN]
    )
    return "; used by " + ", ".join(shown)


def _citations(crash: Crash, room: int | None) -> tuple[Citation, ...]:
    cited: list[Citation] = []
    if crash.bugcheck is not None:
        cited.append(Citation("field", "bug check code", format_hex(crash.bugcheck.code)))
    thread, context = crash.machine.thread, crash.context
    if room is not None and thread is not None and context is not None:
        cited.append(Citation("register", "stack pointer", format_hex(context.stack_pointer or 0)))
        cited.append(Citation("field", "KTHREAD.StackLimit", format_hex(thread.stack_limit or 0)))
    return tuple(cited)
