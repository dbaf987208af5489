"""133: a DPC that ran too long, or too many of them → what was running, and what waits in the queue.

Source: bug check reference, 133: parameter 1 is 0 for one routine (parameters 2 and 3: ticks taken and allowed), 1 for
too much time at DISPATCH_LEVEL in all (parameter 2: the watchdog period).

Folklore: with one routine the innermost driver on the stack is a good suspect; with many it is only the last one of a
crowd.  The watchdog speaks from a clock interrupt, so the interrupted code is below the interrupt's frames.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bugcheck.findings.accusation import accuse, cite, fact
from bugcheck.findings.findings import Citation, Crash, Finding, bugcheck_rule
from bugcheck.findings.stack_suspects import stack_suspect
from bugcheck.gaps import Gap
from bugcheck.machine.bugcheck import BugCheck
from bugcheck.machine.dpc import queued_dpcs

RULE = "dpc_watchdog_violation"
_SINGLE, _ALL = 0, 1
_WEIGHTS = {_SINGLE: 0.55, _ALL: 0.3}
_TICK_MILLISECONDS = 1000 / 64


@bugcheck_rule(0x133)
def dpc_watchdog_violation(crash: Crash) -> Iterator[Finding | Gap]:
    """One long routine or many, the driver that was running, and the queue of those that wait."""
    check = crash.bugcheck
    kind = check.parameters[0].value if check else -1
    if check is None or kind not in _WEIGHTS:
        return
    yield _time(check, kind)
    yield from _queue(crash)
    suspect = stack_suspect(crash)
    if suspect is None:
        yield Gap(
            "which driver's routine it was", "a driver outside Windows on the stack; a kernel memory dump has more"
        )
        return
    name = suspect.module.image
    run = "was running when one routine passed its limit" if kind == _SINGLE else "was running last"
    yield accuse(
        crash,
        RULE,
        suspect.module,
        f"{name} is the innermost driver on the stack that is not part of Windows: it {run}",
        _WEIGHTS[kind] * suspect.certainty,
        (*cite(check, 1), suspect.citation),
        clause="was running when the processor had been kept from other work for too long",
        refuted_by="other routines on the same processor that used up the time before, or hardware that interrupts "
        "without end",
    )


def _time(check: BugCheck, kind: int) -> Finding:
    first, second = check.parameters[1].value, check.parameters[2].value
    if kind == _ALL:
        text = f"the processor spent more than {_seconds(first)} at DISPATCH_LEVEL or above: the work of many routines "
        return fact(RULE, text + "together, or of code that stays there", cite(check, 1, 2))
    text = f"a single routine ran for {_seconds(first)}, allowed are {_seconds(second)}"
    return fact(RULE, text, cite(check, 1, 2, 3))


def _seconds(ticks: int) -> str:
    """Ticks of 1/64 s, Windows' usual clock, in words."""
    return (
        f"{ticks} ticks (about {ticks * _TICK_MILLISECONDS / 1000:.1f} s)" if ticks < 1 << 20 else f"{ticks:#x} ticks"
    )


def _queue(crash: Crash) -> Iterator[Finding]:
    processor = crash.machine.processors[0] if crash.machine.processors else None
    waiting = queued_dpcs(processor.prcb, crash.memory, crash.machine.layout) if processor else []
    owners = Counter(module.image for dpc in waiting if (module := crash.modules.at(dpc.routine)))
    if owners:
        words = ", ".join(f"{count} of {name}" for name, count in sorted(owners.items()))
        cited = tuple(
            Citation("memory", f"DPC {dpc.address:#x}", crash.modules.resolve(dpc.routine) or hex(dpc.routine))
            for dpc in waiting[:8]
        )
        yield fact(
            RULE, f"in the queue of processor {processor.number if processor else 0} wait routines: {words}", cited
        )
