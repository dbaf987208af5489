"""Several crashes of one machine → one verdict: what repeats points at software, what scatters at hardware.

Source: the rule of thumb support people share (r/TechSupport BSOD guide: the same module and offset in all dumps is
software, all different is hardware; one dump alone proves little), Raymond Chen's warning against buckets too coarse or
too fine.

Folklore: one failing memory module shows as half a dozen different bug checks in a week, each with another victim; the
same bit flipped twice is as good as a memory test.  A machine is told from another by what does not change between
crashes: processor, processor count, kernel build.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

from bugcheck.findings.findings import Category
from bugcheck.verdict.blame import level_of
from bugcheck.verdict.crash_record import CrashRecord

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
        machine: the machine in words. records: its crashes, oldest first.
        category: what is blamed; module: debugger name of the module, or None.
        count: dumps that speak for it. confidence: 0 to 1; level: its word.
        because, against: sentences. changed: drivers that came, went or changed between the first dump and the last.
    """

    machine: str
    records: tuple[CrashRecord, ...]
    category: Category
    module: str | None
    image: str | None
    count: int
    confidence: float
    level: str
    because: tuple[str, ...]
    against: tuple[str, ...]
    changed: tuple[str, ...]


def combine(records: Iterable[CrashRecord]) -> list[CombinedVerdict]:
    """Group crashes by machine and judge each machine that has at least two; copies of one crash count once."""
    machines: dict[tuple[object, ...], dict[object, CrashRecord]] = {}
    for record in records:
        moment = (record.crash_time, record.code) if record.crash_time else record.path
        machines.setdefault(record.machine_key, {}).setdefault(moment, record)
    return [_judge(_by_time(group.values())) for group in machines.values() if len(group) >= ENOUGH]


def _by_time(group: Iterable[CrashRecord]) -> tuple[CrashRecord, ...]:
    return tuple(sorted(group, key=lambda record: record.crash_time.timestamp() if record.crash_time else 0.0))


def _judge(group: tuple[CrashRecord, ...]) -> CombinedVerdict:
    candidates = [_repeated(group, module) for module in _blamed_modules(group)]
    candidates.append(_hardware(group))
    confidence, category, module, count, because = max(candidates, key=lambda candidate: candidate[0])
    image = next((a.blame.image for a in group if module and a.blame.module == module), module)
    against = [reason for other in candidates for reason in other[4] if other[4] != because and other[0] > 0]
    if confidence < ENOUGH / 10:
        category, module, image, count, because = Category.UNKNOWN, None, None, 0, ()
    return CombinedVerdict(
        machine=group[0].machine,
        records=group,
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


def _blamed_modules(group: Sequence[CrashRecord]) -> list[str]:
    return sorted({record.blame.module for record in group if record.blame.module})


def _repeated(group: Sequence[CrashRecord], module: str) -> Candidate:
    """How far the dumps agree on one module: independent dumps add up, the same offset adds more."""
    hits = [record for record in group if record.blame.module == module]
    joint = 1 - prod(1 - record.blame.confidence for record in hits)
    share = len(hits) / len(group)
    places = Counter(record.place for record in hits)
    place, times = places.most_common(1)[0]
    bonus = 1 - (1 - REPEAT_WEIGHT) ** (times - 1) if place else 0.0
    confidence = min((1 - (1 - joint) * (1 - bonus)) * (0.5 + share / 2), CAP)
    because = [f"{module} is suspected in {len(hits)} of {len(group)} dumps"]
    if place and times > 1:
        because.append(f"{times} of them at the same place, {place}: what repeats is software")
    return confidence, Category.DRIVER, module, len(hits), tuple(because)


def _hardware(group: Sequence[CrashRecord]) -> Candidate:
    """Hardware findings of single dumps, flipped bits that repeat, and scattering over codes and places."""
    speaking = [record for record in group if record.blame.category is Category.HARDWARE]
    weights = [record.blame.confidence for record in speaking]
    because: list[str] = []
    if speaking:
        because.append(f"{len(speaking)} of {len(group)} dumps point at hardware by themselves")
    codes = {record.code for record in group}
    victims = {record.faulting_address for record in group}
    if len(codes) >= SCATTERED and len(victims) >= SCATTERED and len(_software(group)) < len(group) / 2:
        weights.append(SCATTER_WEIGHT)
        because.append(f"{len(codes)} different bug checks in {len(group)} dumps, with no place in common")
    if not weights:
        return 0.0, Category.HARDWARE, None, 0, ()
    confidence = min(1 - prod(1 - weight for weight in weights), CAP)
    return confidence, Category.HARDWARE, None, len(speaking), tuple(because)


def _software(group: Sequence[CrashRecord]) -> list[CrashRecord]:
    return [record for record in group if record.blame.module]


def _changed(first: CrashRecord, last: CrashRecord) -> Iterable[str]:
    """Drivers that came, went or changed between two dumps."""
    before, after = first.driver_stamps(), last.driver_stamps()
    for image in sorted(before.keys() | after.keys()):
        if image not in before:
            yield f"{image} is new"
        elif image not in after:
            yield f"{image} is gone"
        elif before[image] != after[image]:
            yield f"{image} was replaced (time stamp {before[image]} → {after[image]})"
