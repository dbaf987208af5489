"""1D5: a plug and play operation that took too long → the service of the device.

Source: bug check reference, 1D5: parameter 1 holds the first characters of the service's name.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import accuse, cite, fact
from bugcheck.findings.findings import Crash, Finding, bugcheck_rule
from bugcheck.findings.stack_suspects import thread_suspect
from bugcheck.machine.bugcheck import BugCheck

RULE = "driver_pnp_watchdog"
_WEIGHT = 0.5


@bugcheck_rule(0x1D5)
def driver_pnp_watchdog(crash: Crash) -> Iterator[Finding]:
    """Whose device did not finish plug and play in time."""
    check = crash.bugcheck
    if check is None:
        return
    yield from _held_up(crash, check)
    start = _characters(check.parameters[0].value)
    if not start:
        return
    yield fact(RULE, f"the service of the device has a name that begins with '{start}'", cite(check, 1))
    fitting = [module for module in crash.modules if module.name.lower().startswith(start.lower())]
    if len(fitting) != 1:
        return
    module = fitting[0]
    yield accuse(
        crash,
        RULE,
        module,
        f"{module.image} is the only loaded driver whose name begins like the service that did not finish",
        _WEIGHT,
        cite(check, 1),
        clause="did not finish a plug and play operation in time",
        refuted_by="a service whose driver file has another name",
    )


def _held_up(crash: Crash, check: BugCheck) -> Iterator[Finding]:
    suspect = thread_suspect(crash, check.parameters[2].value)
    if suspect is None:
        return
    yield accuse(
        crash,
        RULE,
        suspect.module,
        f"{suspect.module.image} is the innermost driver outside Windows on the stack of the thread that is held up",
        _WEIGHT * suspect.certainty,
        (*cite(check, 3), suspect.citation),
        clause="is on the stack of the thread that did not finish a plug and play operation",
        refuted_by="another thread or device that it waits for itself",
    )


def _characters(value: int) -> str:
    """The characters packed into a pointer-sized number, wide or narrow; "" when they are none."""
    raw = value.to_bytes(8, "little")
    text = (raw[::2] if not any(raw[1::2]) else raw).partition(b"\0")[0].decode("latin-1")
    return text if len(text) >= 3 and text.isascii() and text.isprintable() else ""
