"""Several analyses of one machine → one verdict: what repeats points at software, what scatters at hardware.

Source: the rule of thumb support people share (r/TechSupport BSOD guide: the same module and offset in all dumps is software,
all different is hardware; one dump alone proves little), Raymond Chen's warning against buckets too coarse or too fine.

Folklore: one failing memory module shows as half a dozen different bug checks in a week, each with another victim; the same
bit flipped twice is as good as a memory test.  A machine is told from another by what does not change between crashes:
processor, processor count, kernel build.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

from bugcheck.findings.findings import Category
from bugcheck.verdict.analysis import Analysis
from bugcheck.verdict.blame import level_of

ENOUGH = 2
SCATTERED = 3
"""Different bug checks in different places from which on scattering itself is a hint."""
SCATTER_WEIGHT = 0.35
REPEAT_WEIGHT = 0.3
"""Weight of each further dump that shows the same module at the same offset."""
CAP = 0.95


@dataclass(frozen=True, slots=True)
class CombinedVerdict:
    """One verdict over several dumps of a machine.

    Attributes:
        machine: the machine in words. analyses: its dumps, oldest first.
        category: what is blamed; module: debugger name of the module, or None.
        count: dumps that speak for it. confidence: 0 to 1; level: its word.
        because, against: sentences. changed: drivers that came, went or changed between the first dump and the last.
    """

    machine: str
    analyses: tuple[Analysis, ...]
    category: Category
    module: str | None
    image: str | None
    count: int
    confidence: float
    level: str
    because: tuple[str, ...]
    against: tuple[str, ...]
    changed: tuple[str, ...]


def combine(analyses: Iterable[Analysis]) -> list[CombinedVerdict]:
    """Group analyses by machine and judge each machine that has at least two dumps of a crash."""
    machines: dict[tuple[object, ...], list[Analysis]] = {}
    for analysis in analyses:
        key = machine_key(analysis)
        if key is not None:
            machines.setdefault(key, []).append(analysis)
    return [_judge(_by_time(group)) for group in machines.values() if len(group) >= ENOUGH]


def machine_key(analysis: Analysis) -> tuple[object, ...] | None:
    """What tells one machine from another; None for user dumps and for stops on purpose."""
    system, check = analysis.system, analysis.bugcheck
    if system is None or check is None or check.is_manual:
        return None
    return analysis.machine.architecture, system.cpu, system.processors, system.build, system.kernel_version


def _by_time(group: list[Analysis]) -> tuple[Analysis, ...]:
    def moment(analysis: Analysis) -> float:
        time = analysis.system.crash_time if analysis.system else None
        return time.timestamp() if time else 0.0

    return tuple(sorted(group, key=moment))


def _judge(group: tuple[Analysis, ...]) -> CombinedVerdict:
    candidates = [_repeated(group, module) for module in _blamed_modules(group)]
    candidates.append(_hardware(group))
    confidence, category, module, count, because = max(candidates, key=lambda candidate: candidate[0])
    image = next((a.blame.image for a in group if module and a.blame.module == module), module)
    against = [reason for other in candidates for reason in other[4] if other[4] != because and other[0] > 0]
    if confidence < ENOUGH / 10:
        category, module, image, count, because = Category.UNKNOWN, None, None, 0, ()
    return CombinedVerdict(
        machine=_machine_words(group[0]),
        analyses=group,
        category=category,
        module=module,
        image=image,
        count=count,
        confidence=round(confidence, 2),
        level=level_of(confidence),
        because=because,
        against=tuple(against),
        changed=tuple(_changed(group[0], group[-1])),
    )


Candidate = tuple[float, Category, str | None, int, tuple[str, ...]]


def _blamed_modules(group: Sequence[Analysis]) -> list[str]:
    return sorted({analysis.blame.module for analysis in group if analysis.blame.module})


def _repeated(group: Sequence[Analysis], module: str) -> Candidate:
    """How far the dumps agree on one module: independent dumps add up, the same offset adds more."""
    hits = [analysis for analysis in group if analysis.blame.module == module]
    joint = 1 - prod(1 - analysis.blame.confidence for analysis in hits)
    share = len(hits) / len(group)
    places = Counter(_place(analysis) for analysis in hits)
    place, times = places.most_common(1)[0]
    bonus = 1 - (1 - REPEAT_WEIGHT) ** (times - 1) if place else 0.0
    confidence = min((1 - (1 - joint) * (1 - bonus)) * (0.5 + share / 2), CAP)
    because = [f"{module} is suspected in {len(hits)} of {len(group)} dumps"]
    if place and times > 1:
        because.append(f"{times} of them at the same place, {place}: what repeats is software")
    return confidence, Category.DRIVER, module, len(hits), tuple(because)


def _place(analysis: Analysis) -> str | None:
    if analysis.blame.symbol:
        return analysis.blame.symbol
    stack = analysis.crash.telling_stack
    frames = stack.frames if stack else ()
    return next((frame.name for frame in frames if frame.module and frame.module.name == analysis.blame.module), None)


def _hardware(group: Sequence[Analysis]) -> Candidate:
    """Hardware findings of single dumps, flipped bits that repeat, and scattering over codes and places."""
    weights: list[float] = []
    because: list[str] = []
    speaking = [a for a in group if a.blame.category is Category.HARDWARE]
    for analysis in speaking:
        weights.append(analysis.blame.confidence)
    if speaking:
        because.append(f"{len(speaking)} of {len(group)} dumps point at hardware by themselves")
    codes = {analysis.bugcheck.code for analysis in group if analysis.bugcheck}
    victims = {analysis.crash.faulting_address for analysis in group}
    if len(codes) >= SCATTERED and len(victims) >= SCATTERED and len(_software(group)) < len(group) / 2:
        weights.append(SCATTER_WEIGHT)
        because.append(f"{len(codes)} different bug checks in {len(group)} dumps, with no place in common")
    if not weights:
        return 0.0, Category.HARDWARE, None, 0, ()
    confidence = min(1 - prod(1 - weight for weight in weights), CAP)
    return confidence, Category.HARDWARE, None, len(speaking), tuple(because)


def _software(group: Sequence[Analysis]) -> list[Analysis]:
    return [analysis for analysis in group if analysis.blame.module]


def _machine_words(analysis: Analysis) -> str:
    system = analysis.system
    assert system is not None
    return ", ".join(part for part in (system.os, system.cpu or "", f"{system.processors} CPUs") if part)


def _changed(first: Analysis, last: Analysis) -> Iterable[str]:
    """Drivers that came, went or changed between two dumps; dump-stack copies left out."""
    before, after = _drivers(first), _drivers(last)
    for image in sorted(before.keys() | after.keys()):
        if image not in before:
            yield f"{image} is new"
        elif image not in after:
            yield f"{image} is gone"
        elif before[image] != after[image]:
            yield f"{image} was replaced (time stamp {before[image]:08x} → {after[image]:08x})"


def _drivers(analysis: Analysis) -> dict[str, int]:
    return {
        module.image.lower(): module.time_date_stamp
        for module in analysis.modules
        if not module.image.lower().startswith(("dump_", "hiber_"))
    }
