"""153: a thread that ended with a lock still on its list → what is wrong with the entry, and the driver on the stack.

Source: bug check reference, 153: parameter 1 the thread, 2 the entry, 3 its state (1 still names a lock, 2 and 3 a
damaged thread pointer, 4 boosts left).

Folklore: states 2 and 3 are damage of the entry and accuse nobody; with 1 and 4 somebody did not release, and only a
system thread's own driver is still on its stack.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import cite, fact, points_at
from bugcheck.findings.findings import Category, Crash, Finding, bugcheck_rule
from bugcheck.findings.parameter_owners import accuse_owner
from bugcheck.gaps import Gap

RULE = "kernel_lock_entry_leaked_on_thread_termination"
_DAMAGED = (2, 3)


@bugcheck_rule(0x153)
def kernel_lock_entry_leaked_on_thread_termination(crash: Crash) -> Iterator[Finding | Gap]:
    """Which lock was not released, or what is damaged."""
    check = crash.bugcheck
    if check is None:
        return
    state = check.parameters[2]
    words = state.resolved or f"state {state.value:#x}"
    if state.value in _DAMAGED:
        refuted = "a thread pointer that a driver changed on purpose"
        text = f"the lock entry of the thread that ended is damaged: {words}"
        yield points_at(RULE, Category.CORRUPTION, text, 0.3, cite(check, 1, 2, 3), refuted)
        return
    yield fact(RULE, f"the thread ended without releasing a lock: {words}", cite(check, 1, 2, 3))
    clause = "is on the stack of a thread that ended with a lock still held"
    refuted = "a lock that another driver took in this thread"
    yield from accuse_owner(crash, RULE, 0.5, clause=clause, refuted_by=refuted, stack_weight=0.35)
