"""1AB: an exception unwound into memory that is no valid stack → which stack it was, and where the registers stood.

Source: bug check reference, 1AB: parameter 1 the stack in use, 2 its kind, 3 the context being unwound.

Folklore: a stack pointer outside the thread's own stack is either a driver's switched stack or damage; with it inside,
the frame chain was overwritten.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.parameter_owners import accuse_owner
from bugcheck.gaps import Gap

RULE = "unwind_on_invalid_stack"


@bugcheck_rule(0x1AB)
def unwind_on_invalid_stack(crash: Crash) -> Iterator[Finding | Gap]:
    """Which stack was not valid, and who was on it."""
    check = crash.bugcheck
    if check is None:
        return
    kind = check.parameters[1]
    yield fact(RULE, f"the stack that was unwound: {kind.resolved or f'kind {kind.value:#x}'}", cite(check, 1, 2))
    context = crash.machine.context_record(check.parameters[2].value, "context record parameter 3")
    pointer = context.stack_pointer if context else None
    if context is not None and pointer is not None:
        where = "inside a stack the dump knows" if crash.machine.stack_at(pointer) else "on no stack the dump knows"
        place = crash.modules.resolve(context.instruction_pointer or 0) or "code of no module"
        yield fact(
            RULE, f"the exception's registers are in {place}, their stack pointer {pointer:#x} {where}", cite(check, 3)
        )
    clause = "is on the stack of an exception that could not be unwound"
    refuted = "a stack that something else had overwritten"
    yield from accuse_owner(crash, RULE, 0.4, clause=clause, refuted_by=refuted, stack_weight=0.35)
