"""1A1: a callout of the window manager that did not come back → the driver on the stack of the thread that holds it up.

Source: bug check reference, 1A1: parameter 1 the thread; the machine goes on.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import accuse, cite
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.stack_suspects import stack_suspect, thread_suspect
from bugcheck.gaps import Gap

RULE = "win32k_callout_watchdog_livedump"


@bugcheck_rule(0x1A1)
def win32k_callout_watchdog_livedump(crash: Crash) -> Iterator[Finding | Gap]:
    """Whose code the thread is in that holds up the window manager."""
    check = crash.bugcheck
    if check is None:
        return
    address, current = check.parameters[0].value, crash.machine.thread
    runs = current is not None and current.address == address
    suspect = stack_suspect(crash, crash.stack) if runs else thread_suspect(crash, address)
    if suspect is None:
        yield Gap("what holds up the window manager", "the stack of the thread of parameter 1")
        return
    yield accuse(
        crash,
        RULE,
        suspect.module,
        f"{suspect.module.image} is the innermost driver outside Windows on the stack of the thread that is held up",
        0.5 * suspect.certainty,
        (*cite(check, 1), suspect.citation),
        clause="is on the stack of a thread that holds up the window manager",
        refuted_by="another thread or device that it waits for itself",
    )
