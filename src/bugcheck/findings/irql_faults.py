"""A memory access at raised IRQL → what the address tells beyond its being invalid.

Source: bug check reference, 0A, D1, C5 (parameter 1 address, 2 IRQL, 3 access, 4 instruction); "Making Drivers
Pageable", Microsoft driver documentation.

Folklore: an address inside a driver's own image that faults at DISPATCH_LEVEL is its pageable code or data.  Parameter
4 equal to parameter 1 is a call or jump to nowhere: the caller is on the stack, not at the instruction.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.addresses import format_hex
from bugcheck.findings.accusation import accuse, cite, fact
from bugcheck.findings.findings import Crash, Finding
from bugcheck.findings.stack_suspects import stack_suspect
from bugcheck.machine.bugcheck import BugCheck

_OWN_IMAGE, _JUMPED = 0.3, 0.4


def explain_irql_fault(crash: Crash, rule: str) -> Iterator[Finding]:
    """Tell pageable code or data of the driver itself, and a jump to a bad address."""
    check = crash.bugcheck
    if check is None:
        return
    address, instruction = check.parameters[0].value, check.parameters[3].value
    if instruction and address == instruction and crash.modules.at(address) is None:
        yield from _jump(crash, check, rule)
        return
    yield from _in_image(crash, check, rule)


def _in_image(crash: Crash, check: BugCheck, rule: str) -> Iterator[Finding]:
    target = crash.modules.at(check.parameters[0].value)
    user = crash.modules.at(check.parameters[3].value)
    if target is None:
        return
    place = crash.modules.resolve(check.parameters[0].value)
    if user is None or user is not target:
        text = f"the address lies in the image of {target.image} ({place}), in a part that was not in memory"
        yield fact(rule, text, cite(check, 1))
        return
    yield accuse(
        crash,
        rule,
        user,
        f"{user.image} used a part of its own image that was not in memory ({place}): pageable code or data",
        _OWN_IMAGE,
        cite(check, 1, 2, 4),
        clause="used its own pageable code or data at an IRQL that forbids it",
        refuted_by="that part of the image being resident, which its section table would tell",
    )


def _jump(crash: Crash, check: BugCheck, rule: str) -> Iterator[Finding]:
    address = format_hex(check.parameters[0].value)
    if any(check.parameters[0].value in module for module in crash.machine.unloaded_modules):
        return  # the rule on unloaded modules speaks
    suspect = stack_suspect(crash)
    if suspect is None:
        yield fact(rule, f"the processor was sent to {address}, where no code is", cite(check, 1, 4))
        return
    yield accuse(
        crash,
        rule,
        suspect.module,
        f"the processor was sent to {address}, where no code is; {suspect.module.image} is the innermost driver "
        "outside Windows on the stack",
        _JUMPED * suspect.certainty,
        (*cite(check, 1, 4), suspect.citation),
        clause="is on the stack of a call through a bad pointer",
        refuted_by="a pointer that someone else had overwritten",
    )
