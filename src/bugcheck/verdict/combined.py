"""Several crashes of one machine → one verdict: what repeats points at software, what scatters at hardware.

Source: the rule of thumb support people share (r/TechSupport BSOD guide: the same module and offset in all dumps is
software, all different is hardware; one dump alone proves little), Raymond Chen's warning against buckets too coarse or
too fine.

Folklore: one failing memory module shows as half a dozen different bug checks in a week, each with another victim; the
same bit flipped twice is as good as a memory test.  A machine is told from another by what does not change between
crashes: processor and processor count; across updates of Windows the drivers' names tell.  A driver that was replaced
and goes on being found at the crashes leaves the part it drives as a suspect.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import prod

from bugcheck.findings.findings import Category
from bugcheck.records import dataclass
from bugcheck.verdict.blame import level_of
from bugcheck.verdict.crash_record import CrashRecord
from bugcheck.verdict.crash_series import changes_between, repeated_bits, trend_of

ENOUGH = 2
FLOOR = 0.2
SCATTERED = 3
"""Different bug checks in different places from which on scattering itself is a hint."""
SCATTER_WEIGHT = 0.35
REPEAT_WEIGHT = 0.3
"""Weight of each further dump that shows the same module at the same offset."""
SAME_BIT_WEIGHT = 0.5
"""Weight of each further dump with the same changed bit: 15 bits are looked at, so chance repeats one in 15."""
CAP = 0.95
SAME_DRIVERS = 0.75
"""Share of the drivers' names from which two crashes under different updates of Windows are taken for one machine's."""


@dataclass(frozen=True, slots=True)
class CombinedVerdict:
    """One verdict over several dumps of a machine.

    Attributes:
        machine: the machine in words. records: its crashes, oldest first.
        category: what is blamed; module: debugger name of the module, or None.
        count: dumps that speak for it. confidence: 0 to 1; level: its word.
        because, against: sentences. trend: sentences about when and how often.
        changed: drivers that came, went or changed, with the crashes between which they did.
        bits: number of a changed bit → in how many dumps, most frequent first.
        would_change_our_mind: sentences.
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
    trend: tuple[str, ...] = ()
    bits: tuple[tuple[int, int], ...] = ()
    would_change_our_mind: tuple[str, ...] = ()


def combine(records: Iterable[CrashRecord]) -> list[CombinedVerdict]:
    """Group crashes by machine and judge each machine that has at least two; copies of one crash count once."""
    machines: dict[tuple[object, ...], list[dict[object, CrashRecord]]] = {}
    for record in records:
        moment = (record.crash_time, record.code) if record.crash_time else record.path
        alike = machines.setdefault(record.machine_key, [])
        group = next((each for each in alike if _is_of(record, each.values())), None)
        if group is None:
            alike.append({moment: record})
        else:
            group.setdefault(moment, record)
    groups = (group for alike in machines.values() for group in alike)
    return [_judge(_by_time(group.values())) for group in groups if len(group) >= ENOUGH]


def _is_of(record: CrashRecord, group: Iterable[CrashRecord]) -> bool:
    """Tell whether a crash is of the machine of these, on the same hardware: the same Windows or the same drivers."""
    first = next(iter(group))
    return record.kernel_version == first.kernel_version or _share_drivers(record, first)


def _share_drivers(one: CrashRecord, other: CrashRecord) -> bool:
    mine, theirs = one.driver_stamps().keys(), other.driver_stamps().keys()
    return len(mine & theirs) >= SAME_DRIVERS * len(mine | theirs)


def _by_time(group: Iterable[CrashRecord]) -> tuple[CrashRecord, ...]:
    return tuple(sorted(group, key=lambda record: record.crash_time.timestamp() if record.crash_time else 0.0))


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A cause that could explain the crashes together. `doubts`: what its own evidence leaves open."""

    confidence: float
    category: Category
    module: str | None = None
    count: int = 0
    because: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    refuted_by: tuple[str, ...] = ()


_NOTHING = _Candidate(0.0, Category.UNKNOWN)


def _judge(group: tuple[CrashRecord, ...]) -> CombinedVerdict:
    candidates = [*(_repeated(group, module) for module in _blamed_modules(group)), _hardware(group)]
    best = max(candidates, key=lambda candidate: candidate.confidence)
    others = [candidate for candidate in candidates if candidate is not best and candidate.confidence > 0]
    against = (*best.doubts, *(reason for other in others for reason in other.because))
    best = best if best.confidence >= FLOOR else _NOTHING
    image = next((each.blame.image for each in group if best.module and each.blame.module == best.module), best.module)
    return CombinedVerdict(
        machine=group[0].machine,
        records=group,
        category=best.category,
        module=best.module,
        image=image,
        count=best.count,
        confidence=round(best.confidence, 2),
        level=level_of(best.confidence),
        because=best.because,
        against=against,
        changed=tuple(changes_between(group)),
        trend=tuple(trend_of(group)),
        bits=repeated_bits(group),
        would_change_our_mind=best.refuted_by,
    )


def _blamed_modules(group: Sequence[CrashRecord]) -> list[str]:
    return sorted({record.blame.module for record in group if record.blame.module})


def _repeated(group: Sequence[CrashRecord], module: str) -> _Candidate:
    """How far the dumps agree on one module: independent dumps add up, the same offset adds more."""
    hits = [record for record in group if record.blame.module == module]
    image = hits[0].blame.image or module
    joint = 1 - prod(1 - record.blame.confidence for record in hits)
    share = len(hits) / len(group)
    places = Counter(record.place for record in hits)
    place, times = places.most_common(1)[0]
    bonus = 1 - (1 - REPEAT_WEIGHT) ** (times - 1) if place else 0.0
    confidence = min((1 - (1 - joint) * (1 - bonus)) * (0.5 + share / 2), CAP)
    because = [f"{image} is suspected in {len(hits)} of {len(group)} dumps"]
    if place and times > 1:
        because.append(f"{times} of them stop at the same place, {place}: what repeats is software")
    doubts = tuple(_outlived(hits, image))
    refuted = (f"the same crashes with {image} removed, or replaced by another version",)
    return _Candidate(confidence, Category.DRIVER, module, len(hits), tuple(because), doubts, refuted)


def _outlived(hits: Sequence[CrashRecord], image: str) -> Iterator[str]:
    """Tell that the suspected driver was replaced and is suspected still."""
    stamps = [record.driver_stamps().get(image.lower()) for record in hits]
    versions = list(dict.fromkeys(stamp for stamp in stamps if stamp))
    if len(versions) > 1:
        yield (
            f"{image} is suspected in {len(versions)} different builds: a new one did not end the crashes, "
            "so the hardware it drives stays a suspect"
        )


def _hardware(group: Sequence[CrashRecord]) -> _Candidate:
    """Hardware findings of single dumps, changed bits that repeat, and scattering over codes and places."""
    speaking = [record for record in group if record.blame.category is Category.HARDWARE]
    weights = [record.blame.confidence for record in speaking]
    because: list[str] = []
    for bit, times in repeated_bits(group):
        if times > 1:
            weights += [SAME_BIT_WEIGHT] * (times - 1)
            because.append(f"the same bit, {bit}, is changed in {times} of {len(group)} dumps, each at another place")
    if speaking:
        because.append(f"{len(speaking)} of {len(group)} dumps point at hardware by themselves")
    codes = {record.code for record in group}
    victims = {record.faulting_address for record in group}
    named = [record for record in group if record.blame.module]
    if len(codes) >= SCATTERED and len(victims) >= SCATTERED and len(named) < len(group) / 2:
        weights.append(SCATTER_WEIGHT)
        because.append(f"{len(codes)} different bug checks in {len(group)} dumps, with no place in common")
    if not weights:
        return _Candidate(0.0, Category.HARDWARE)
    confidence = min(1 - prod(1 - weight for weight in weights), CAP)
    refuted = (
        "a memory test without any error over several passes",
        "the same crashes with other memory fitted and overclocking off",
    )
    return _Candidate(confidence, Category.HARDWARE, None, len(speaking), tuple(because), (), refuted)
