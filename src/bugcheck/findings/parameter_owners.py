"""A bug check's parameters → the driver they lead to: code in it, its image, its driver object or its device.

Source: parameter roles of knowledge/bugchecks.jsonl.

Folklore: where the kernel or Driver Verifier hands over an address in the driver it caught, that address is the best
evidence there is; a device object only says whose device it was.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.findings.accusation import accuse, cite, fact
from bugcheck.findings.device_owners import device_owner, driver_image
from bugcheck.findings.findings import Crash, Finding
from bugcheck.findings.parameter_text import text_at
from bugcheck.findings.stack_suspects import stack_suspect
from bugcheck.findings.suspicion import Standing, standing_of
from bugcheck.gaps import Gap
from bugcheck.machine.bugcheck import Parameter
from bugcheck.machine.modules import Module
from bugcheck.records import dataclass

_CODE_ROLES = ("instruction", "module", "function")
_SHARES = {**dict.fromkeys((*_CODE_ROLES, "string"), 1.0), "driver_object": 0.95, "device_object": 0.8}


@dataclass(frozen=True, slots=True)
class ParameterOwner:
    """A driver a parameter leads to; `share` of a rule's weight the way there carries, `words` say how it leads."""

    module: Module
    number: int
    share: float
    words: str


def parameter_owner(crash: Crash) -> ParameterOwner | None:
    """Find the driver the parameters lead to best, passing over those that run everybody's requests."""
    check = crash.bugcheck
    found = [
        owner
        for number, parameter in enumerate(check.parameters if check else (), 1)
        if (owner := _owner(crash, number, parameter)) and standing_of(owner.module, crash) is not Standing.CORE
    ]
    return max(found, key=lambda owner: (owner.share, -owner.number), default=None)


def _owner(crash: Crash, number: int, parameter: Parameter) -> ParameterOwner | None:
    module, words = _leads_to(crash, parameter)
    return ParameterOwner(module, number, _SHARES[parameter.role], words) if module else None


def _leads_to(crash: Crash, parameter: Parameter) -> tuple[Module | None, str]:
    value, meaning = parameter.value, parameter.meaning
    if not value:
        return None, ""
    if parameter.role in _CODE_ROLES:
        return crash.modules.at(value), f"{meaning}: {crash.modules.resolve(value)}"
    if parameter.role == "driver_object":
        name, module = driver_image(crash, value)
        return module, f"{meaning}: {name or hex(value)}"
    if parameter.role == "device_object":
        owner = device_owner(crash, value)
        return (owner.module, f"{meaning}: it belongs to {owner.owner}") if owner else (None, "")
    if parameter.role == "string":
        name = text_at(value, crash.memory).rpartition("\\")[2]
        return (crash.modules.named(name) if name else None), f"{meaning}: {name}"
    return None, ""


def accuse_owner(
    crash: Crash, rule: str, weight: float, *, clause: str, refuted_by: str, stack_weight: float = 0.0
) -> Iterator[Finding | Gap]:
    """Accuse the driver the parameters lead to, else (with `stack_weight`) the innermost one on the stack; or a gap."""
    check = crash.bugcheck
    owner = parameter_owner(crash)
    if check is not None and owner is not None:
        text = f"parameter {owner.number} leads to {owner.module.image} ({owner.words})"
        cited = cite(check, 1, owner.number)
        weight *= owner.share
        yield accuse(crash, rule, owner.module, text, weight, cited, clause=clause, refuted_by=refuted_by)
        return
    suspect = stack_suspect(crash) if stack_weight else None
    if suspect is not None:
        text = f"{suspect.module.image} is the innermost driver outside Windows on the stack"
        weight = stack_weight * suspect.certainty
        cited = (suspect.citation,)
        yield accuse(crash, rule, suspect.module, text, weight, cited, clause=clause, refuted_by=refuted_by)
        return
    yield Gap("which driver it was", "a parameter or a stack that leads to one; a kernel memory dump has more")


def tell_texts(crash: Crash, rule: str) -> Iterator[Finding]:
    """Tell the texts parameters point at."""
    check = crash.bugcheck
    for number, parameter in enumerate(check.parameters if check else (), 1):
        text = text_at(parameter.value, crash.memory) if parameter.role == "string" else ""
        if check is not None and text:
            yield fact(rule, f"parameter {number}, {parameter.meaning}: {text}", cite(check, number))
