"""101: a processor that no longer answers → which one, and what it was running.

Source: bug check reference, 101: parameter 3 is its control block, 4 its number.

Folklore: the dump is taken on another processor, so the stack a debugger shows first belongs to the one that noticed.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import accuse, cite, fact, points_at
from bugcheck.findings.findings import Category, Crash, Finding, bugcheck_rule
from bugcheck.findings.stack_suspects import stack_suspect
from bugcheck.gaps import Gap
from bugcheck.machine.processors import Processor
from bugcheck.stack.stacks import stack_from

RULE = "clock_watchdog_timeout"


@bugcheck_rule(0x101)
def clock_watchdog_timeout(crash: Crash) -> Iterator[Finding | Gap]:
    """Which processor hung, and what it was running."""
    check = crash.bugcheck
    if check is None:
        return
    number, prcb = check.parameters[3].value, check.parameters[2].value
    text = f"processor {number} stopped answering the clock: it hangs with interrupts off, or is faulty"
    refuted = "code on that processor that keeps interrupts off"
    yield points_at(RULE, Category.HARDWARE, text, 0.3, cite(check, 3, 4), refuted)
    hung = next((processor for processor in crash.machine.processors if processor.prcb == prcb), None)
    if hung is None or hung.context is None:
        yield Gap(f"what processor {number} was running", "its registers; a kernel memory dump has them")
        return
    yield from _running(crash, hung)


def _running(crash: Crash, hung: Processor) -> Iterator[Finding]:
    check, context = crash.bugcheck, hung.context
    if check is None or context is None:
        return
    place = crash.modules.resolve(context.instruction_pointer or 0) or f"{context.instruction_pointer or 0:#x}"
    yield fact(RULE, f"processor {hung.number} was at {place}", cite(check, 3))
    suspect = stack_suspect(crash, stack_from(crash.machine, context, context.source, scan=crash.scan))
    if suspect is None:
        return
    yield accuse(
        crash,
        RULE,
        suspect.module,
        f"{suspect.module.image} is the innermost driver outside Windows on the stack of the processor that hangs",
        0.8 * suspect.certainty,
        (*cite(check, 3), suspect.citation),
        clause="was running on the processor that hangs",
        refuted_by="a processor that stopped by itself, whatever it was running",
    )
