"""Findings → Blame: which module or part is blamed, and how sure.

Independent findings for the same thing add up as 1 - (1-a)(1-b)…, so no single one makes a certainty.  Where no finding
is direct evidence by itself, and the stack that would tell more was not walked beyond its first level, the confidence
stays at `NO_STACK_CAP`: addresses and parameters alone carry no more.  A cause of another kind that has evidence of its
own (a driver at the fault, yet a changed bit in the address it used) takes up to half of the confidence away.
"""

from __future__ import annotations

from math import prod

from bugcheck.findings.findings import Category, Crash, Finding
from bugcheck.records import dataclass

NO_STACK_CAP, CAP = 0.75, 0.95
DIRECT = 0.7
"""Weight from which a finding is direct evidence: the driver stopped the system itself, the hardware reported."""
DOUBT = 0.5
"""Share of the confidence that a certain rival of another kind would take away."""
FLOOR = 0.2
"""Below this nothing is blamed."""
_LEVELS = ((0.8, "high"), (0.5, "medium"), (FLOOR, "low"))


@dataclass(frozen=True, slots=True)
class Blame:
    """Who or what is blamed.

    Attributes:
        module: debugger name, image: file name; None when no module is blamed.
        category: what kind of thing it is.
        symbol: the address that led to it, as text, or None.
        confidence: 0 to 1. level: high, medium, low, none.
        because, against, would_change_our_mind: sentences.
        clause: what the module did, to stand behind its name.
        mechanism: 0 to 1, how sure it is that this is what happened; never more than the confidence.
        rules: names of the rules behind `because`.
    """

    module: str | None
    image: str | None
    category: Category
    symbol: str | None
    confidence: float
    level: str
    because: tuple[str, ...]
    against: tuple[str, ...]
    would_change_our_mind: tuple[str, ...]
    clause: str = ""
    mechanism: float = 0.0
    rules: tuple[str, ...] = ()

    @property
    def mechanism_level(self) -> str:
        """The word for `mechanism`."""
        return level_of(self.mechanism)


def level_of(confidence: float) -> str:
    """Put a confidence into a word."""
    return next((word for least, word in _LEVELS if confidence >= least), "none")


def weigh(crash: Crash, findings: list[Finding]) -> Blame:
    """Blame what the findings together speak for most, or nothing."""
    groups: dict[tuple[str | None, Category], list[Finding]] = {}
    for finding in findings:
        if finding.weight > 0:
            key = (finding.module, Category.UNKNOWN) if finding.module else (None, finding.category)
            groups.setdefault(key, []).append(finding)
    ranked = sorted(groups.values(), key=_joint_weight, reverse=True)
    if not ranked or _joint_weight(ranked[0]) < FLOOR:
        return _nobody(findings)
    blame = _blame(crash, ranked[0], ranked[1:])
    return blame if blame.confidence >= FLOOR else _nobody(findings)


def _joint_weight(group: list[Finding]) -> float:
    return 1 - prod(1 - finding.weight for finding in group)


def _doubt(group: list[Finding], rivals: list[list[Finding]]) -> float:
    """What is left of the confidence when a cause of another kind has evidence too: drivers against hardware."""
    named = group[0].module is not None
    others = [_joint_weight(rival) for rival in rivals if (rival[0].module is not None) != named]
    strongest = max(others, default=0.0)
    return 1 - DOUBT * strongest if strongest >= FLOOR else 1.0


def _blame(crash: Crash, group: list[Finding], rivals: list[list[Finding]]) -> Blame:
    best = group[0]
    stack = crash.telling_stack
    seen = best.weight >= DIRECT or (stack is not None and len(stack.frames) > 1)
    confidence = min(_joint_weight(group), CAP if seen else NO_STACK_CAP) * _doubt(group, rivals)
    module = crash.modules.named(best.module) if best.module else None
    address = crash.faulting_address
    at_fault = module is not None and address in module
    told = next((finding for finding in group if finding.clause), None)
    return Blame(
        module=best.module,
        image=module.image if module else best.module,
        category=best.category,
        symbol=crash.modules.resolve(address) if at_fault and address is not None else None,
        confidence=round(confidence, 2),
        level=level_of(confidence),
        because=tuple(finding.statement for finding in group),
        against=tuple(finding.statement for rival in rivals for finding in rival),
        would_change_our_mind=tuple(dict.fromkeys(f.refuted_by for f in group if f.refuted_by)),
        clause=told.clause if told else "",
        mechanism=round(confidence * (told.how_sure if told else 1.0), 2),
        rules=tuple(finding.rule for finding in group),
    )


def _nobody(findings: list[Finding]) -> Blame:
    return Blame(
        module=None,
        image=None,
        category=Category.UNKNOWN,
        symbol=None,
        confidence=0.0,
        level="none",
        because=(),
        against=tuple(finding.statement for finding in findings if finding.weight > 0),
        would_change_our_mind=(),
    )
