"""1CA: clock ticks that were no longer handled → for how long, on which processor, and what it was running.

Source: bug check reference, 1CA: parameters 1 and 2 interrupt times (100 ns) when last fed and now, 4 the clock
processor.

Folklore: in a guest the host that paused or moved it looks just the same, so a guest's is weighed less.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import accuse, cite, fact, points_at
from bugcheck.findings.findings import Category, Crash, Finding, bugcheck_rule
from bugcheck.findings.stack_suspects import stack_suspect
from bugcheck.gaps import Gap
from bugcheck.stack.stacks import stack_from

RULE = "synthetic_watchdog_timeout"
_SECOND, _DAY = 10_000_000, 86_400


@bugcheck_rule(0x1CA)
def synthetic_watchdog_timeout(crash: Crash) -> Iterator[Finding | Gap]:
    """For how long no clock tick was handled, and what the clock processor was doing."""
    check = crash.bugcheck
    if check is None:
        return
    fed, now, number = check.parameters[0].value, check.parameters[1].value, check.parameters[3].value
    span = (now - fed) / _SECOND
    how_long = f" for {span:.1f} s" if 0 < span < _DAY else ""
    text = f"no clock tick was handled{how_long} on processor {number}: it hangs with interrupts off, or stood still"
    refuted = "a driver that keeps interrupts off there, or in a guest a host that paused it"
    yield points_at(RULE, Category.HARDWARE, text, 0.3, cite(check, 1, 2, 4), refuted)
    hung = next((each for each in crash.machine.processors if each.number == number), None)
    if hung is None or hung.context is None:
        yield Gap(f"what processor {number} was running", "its registers; a kernel memory dump has them")
        return
    place = crash.modules.resolve(hung.context.instruction_pointer or 0) or "code of no module"
    yield fact(RULE, f"processor {number} was at {place}", cite(check, 4))
    suspect = stack_suspect(crash, stack_from(crash.machine, hung.context, hung.context.source, scan=crash.scan))
    if suspect is not None:
        yield accuse(
            crash,
            RULE,
            suspect.module,
            f"{suspect.module.image} is the innermost driver outside Windows on the stack of that processor",
            0.7 * suspect.certainty,
            (*cite(check, 4), suspect.citation),
            clause="was running on the processor that no longer handled the clock",
            refuted_by="a processor that stopped by itself, whatever it was running",
        )
