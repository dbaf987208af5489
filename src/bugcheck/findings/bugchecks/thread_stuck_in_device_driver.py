"""EA: the thread that loops in a display driver → the driver its stack is full of.

Source: bug check reference, EA: parameter 1 is the thread, parameter 3 the driver's name where it is recorded.

Folklore: a small dump (100000EA) leaves parameter 3 empty and its stack ends at dxgkrnl, which raised the check.  The
words above belong to the stuck thread only when parameter 1 is the thread that was running; then the first driver
outside Windows among them is the one that loops (corpus: both EA dumps, atikmdag.sys from +0x40 on).
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import accuse, cite
from bugcheck.findings.display_drivers import REFUTED, display_drivers, is_display_driver
from bugcheck.findings.findings import Citation, Crash, Finding, bugcheck_rule
from bugcheck.findings.parameter_text import text_at
from bugcheck.findings.stack_suspects import stack_suspect, thread_suspect
from bugcheck.gaps import Gap
from bugcheck.machine.bugcheck import BugCheck

RULE = "thread_stuck_in_device_driver"
CLAUSE = "kept a thread in a loop, waiting for its hardware"
WHY = 0.75
"""How sure it is what the loop waits for: the bug check tells that there is one."""
_NAMED, _RUNNING, _MANY, _FEW = 0.8, 0.8, 0.65, 0.4
"""Weights of a driver that is named; whose words fill the stack of the stuck thread while it runs, or waits; of one."""


@bugcheck_rule(0xEA)
def thread_stuck_in_device_driver(crash: Crash) -> Iterator[Finding | Gap]:
    """The display driver a thread is stuck in."""
    check = crash.bugcheck
    if check is None:
        return
    named = text_at(check.parameters[2].value, crash.memory)
    module = crash.modules.named(named.rpartition("\\")[2]) if named else None
    if module is not None:
        text = f"the watchdog names {module.image} as the driver the thread is stuck in"
        cited = cite(check, 3)
        yield accuse(crash, RULE, module, text, _NAMED, cited, clause=CLAUSE, refuted_by=REFUTED, how_sure=WHY)
        return
    yield from _from_stack(crash, check)


def _from_stack(crash: Crash, check: BugCheck) -> Iterator[Finding | Gap]:
    thread, stuck = crash.machine.thread, check.parameters[0].value
    runs = thread is not None and thread.address == stuck
    suspect = stack_suspect(crash, crash.stack) if runs else thread_suspect(crash, stuck)
    if suspect is None or not is_display_driver(crash, suspect.module):
        names = ", ".join(module.image for module in display_drivers(crash)) or "none known"
        yield Gap("which driver the thread is stuck in", f"a display driver on its stack (loaded: {names})")
        return
    many = suspect.words >= 3
    seen = f"{suspect.words} addresses in it come first" if many else "it comes first"
    state = "the running one" if runs else "a waiting one"
    running = Citation("parameter", "parameter 1", f"thread {stuck:#x}, {state}")
    yield accuse(
        crash,
        RULE,
        suspect.module,
        f"the stuck thread is {state}, and of the drivers on its stack that are not part of Windows "
        f"{suspect.module.image} is the innermost: {seen}",
        (_RUNNING if runs else _MANY) if many else _FEW,
        (running, suspect.citation),
        clause=CLAUSE,
        refuted_by=REFUTED,
        how_sure=WHY,
    )
