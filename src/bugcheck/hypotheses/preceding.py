"""Events before each crash → a Prediction: observed, contradicted where files speak for the minutes, or untested.

Source: `timeline.periodicity` for what chance would do; `timeline.Coverage` for what silence means.

Folklore: one crash with an update before it says little on a host that updates hourly; four crashes with one before
each say much on a host that updates daily.  So what precedes a crash is compared with how often it happens anyway.
A log that covers the last of four crashes says nothing of the other three: it rules a cause out for that one alone.
Ten crashes of one evening share what went before them, and every crash soon after a boot has the boot's own events
before it; neither is ten witnesses.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import log10

from bugcheck.hypotheses.hypothesis import Cite, Prediction
from bugcheck.hypotheses.investigation import MINUTE, Investigation, cite_event
from bugcheck.hypotheses.predicting import decided, untested
from bugcheck.timeline.periodicity import Precedence, against_chance, combined, precedence
from bugcheck.timeline.timed_event import TimedEvent

USUAL = 0.2
"""Chance above which what precedes the crashes precedes anything."""
AT_BOOT = 60
"""Minutes up to which a boot's own events are taken for what goes before a crash soon after it."""
FREQUENT, LEAST = 0.05, 0.05
"""The part of its weight that what is so frequent keeps; the least that what is no accident adds."""
MOST_EVENTS = 200_000
MOST_LOOKED_AT = 50_000
"""Events that a filter in Python looks at to tell what is usual."""
CRASHED = "\0crashed"
"""As a host: the one that crashed, at each crash its own."""
Filter = Callable[[TimedEvent], bool]


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for before each crash.

    Attributes:
        kinds: of events. words: the events in words ("an update of virus definitions").
        minutes: before the crash. after: minutes behind it that count too: what firmware kept is told at the next boot.
        stops: stops without a bug check are looked at as well.
        host: whose events: a name, CRASHED, or None for any host's.
        fields, only: further tests of an event.
        telling: the part of its weight that such an event keeps however frequent: a sound machine has no such errors.
        told_by: kinds that files must all speak for before their silence counts; all of `kinds` without.
        told_of: hosts whose files must speak; without them `host`, and where that is None the host that crashed.
    """

    kinds: Collection[str]
    words: str
    minutes: float
    after: float = 0.0
    stops: bool = False
    host: str | None = CRASHED
    fields: Mapping[str, str] | None = None
    only: Filter | None = None
    telling: float = FREQUENT
    told_by: Collection[str] = ()
    told_of: Collection[str] = ()

    @property
    def window(self) -> timedelta:
        """The minutes as a length of time."""
        return (self.minutes + self.after) * MINUTE

    @property
    def length(self) -> str:
        """The minutes in words."""
        for unit, words in ((24 * 60, "days"), (60, "hours")):
            if self.minutes >= 2 * unit and not self.minutes % unit:
                return f"{self.minutes / unit:g} {words}"
        return f"{self.minutes:g} minutes"

    def place(self, crashed: str) -> str | None:
        """Whose events are looked at for a crash of this host."""
        return crashed if self.host == CRASHED else self.host


@dataclass(frozen=True, slots=True)
class _Looked:
    """What the evidence says of one crash.

    Attributes:
        hit: the event before it. covered: files speak for the time and show none, for every kind that counts.
        partly: they speak for one kind of events at least. files: which do.
    """

    time: datetime
    host: str
    hit: TimedEvent | None
    covered: bool
    partly: bool
    files: tuple[str, ...] = ()


def preceded(
    investigation: Investigation,
    sought: Sought,
    *,
    topic: str,
    expect: str,
    weight: float,
    against: float,
    necessary: bool = False,
    group: str = "",
    remedy: str = "",
) -> Prediction:
    """Predict that such events come in the minutes before each crash.

    Observed when they do more often than chance would have it; contradicted when files that speak for those minutes
    show none, and necessarily only when they speak for those before every crash; untested where nothing speaks.
    """
    everyone = investigation.stops if sought.stops else investigation.crashes
    crashes = [(crash.time, crash.host) for crash in everyone if crash.time is not None]
    if not crashes:
        return untested(topic, expect, "the time of no crash is known", remedy, weight, against)
    looked = [_look(investigation, sought, time + sought.after * MINUTE, host) for time, host in crashes]
    hits = [each for each in looked if each.hit is not None]
    told = [each for each in looked if each.hit is not None or each.covered or (hits and each.partly)]
    if not told:
        missing = f"nothing speaks for the {sought.length} before {_many(len(crashes))}: {sought.words}"
        return untested(topic, expect, missing, remedy or _how(investigation, sought), weight, against)
    unknown = len(everyone) - len(told)
    if hits:
        missed = sum(each.hit is None and each.covered for each in told) / len(told)
        found = _observed(sought, _compare(investigation, sought, told), missed, topic, expect, weight, against)
        nearest = f"{found.told}; {_nearest(hits)}" if len(hits) > 1 else found.told
        found = replace(found, told=nearest, group=group, citations=_cites(told))
    else:
        found = _missed(sought, told, unknown, topic, expect, weight, against, necessary, group)
    if unknown:
        silent = tuple(each.time for each in looked if each not in told)
        words = f"{found.told}; nothing speaks for {_the_other(unknown)}"
        found = replace(found, told=words, silent=silent, remedy=remedy or _how(investigation, sought))
    return replace(found, window=(told[0].time - sought.window, told[-1].time))


def speaks_for(
    investigation: Investigation, kinds: Collection[str], start: datetime, end: datetime, hosts: Collection[str]
) -> tuple[bool, tuple[str, ...]]:
    """Tell whether files speak for each of these kinds on each host throughout a time, and which files do."""
    files: dict[str, None] = {}
    for host in hosts:
        for kind in kinds:
            coverage = investigation.timeline.coverage((kind,), start, end, host)
            if not coverage.whole:
                return False, ()
            files.update(dict.fromkeys(coverage.evidence))
    return True, tuple(files)


def _look(investigation: Investigation, sought: Sought, time: datetime, crashed: str) -> _Looked:
    start = time - sought.window
    before = investigation.timeline.events(
        *sought.kinds,
        host=sought.place(crashed),
        start=start,
        end=time,
        fields=sought.fields,
        limit=MOST_EVENTS,
        newest_first=True,
    )
    hit = next((each for each in before if sought.only is None or sought.only(each)), None)
    place = sought.place(crashed)
    hosts = sought.told_of or (crashed if place is None else place,)
    covered, files = speaks_for(investigation, sought.told_by or sought.kinds, start, time, hosts)
    partly = covered or all(
        investigation.timeline.coverage(sought.told_by or sought.kinds, start, time, host).whole for host in hosts
    )
    return _Looked(time, crashed, hit, covered, partly, files)


def _compare(investigation: Investigation, sought: Sought, told: Sequence[_Looked]) -> Precedence:
    """Compare with chance, on each host by itself (what is usual on one is not on another), soon after a boot apart."""
    parts: list[Precedence] = []
    for place, crashed in dict.fromkeys((sought.place(each.host), each.host) for each in told):
        looked = [each for each in told if (sought.place(each.host), each.host) == (place, crashed)]
        boots = [each.start for each in investigation.timeline.sessions(crashed) if each.start is not None]
        near = looked if sought.minutes <= AT_BOOT and not sought.after else ()
        soon = [each for each in near if any(each.time - sought.window < boot <= each.time for boot in boots)]
        late = [each for each in looked if each not in soon]
        if late:
            parts.append(_any_time(investigation, sought, place, late))
        if soon:
            parts.append(_after_boots(investigation, sought, place, soon, boots))
    return combined(parts)


def _any_time(investigation: Investigation, sought: Sought, place: str | None, looked: Sequence[_Looked]) -> Precedence:
    """Hold the hits against the part of all time that has such an event before it; overlapping windows count once."""
    start, end = investigation.span()
    parts = investigation.timeline.coverage(sought.kinds, start, end, place).covered
    times = [each.time for each in looked]
    base = (min(parts[0][0], times[0]), max(parts[-1][1], times[-1])) if parts else (start, end)
    usual, base = _usual(investigation, sought, place, base)
    hits = [each.hit.time for each in looked if each.hit is not None]
    found = precedence(times, [*usual, *hits], sought.window, base)
    clusters: list[list[bool]] = []
    for before, each in zip([None, *looked], looked, strict=False):
        if before is None or each.time - before.time >= sought.window:
            clusters.append([])
        clusters[-1].append(each.hit is not None)
    alone = round(sum(sum(cluster) / len(cluster) for cluster in clusters))
    return Precedence(
        found.hits, found.crashes, found.expected, against_chance(alone, len(clusters), found.expected).chance
    )


def _after_boots(
    investigation: Investigation,
    sought: Sought,
    place: str | None,
    looked: Sequence[_Looked],
    boots: Sequence[datetime],
) -> Precedence:
    """Hold crashes soon after a boot against the boots: how many have such an event soon after them anyway."""
    times = sorted(_usual(investigation, sought, place, (boots[0], boots[-1] + sought.window))[0])
    with_one = sum(bisect_left(times, boot) < bisect_right(times, boot + sought.window) for boot in boots)
    return against_chance(sum(each.hit is not None for each in looked), len(looked), (with_one + 1) / (len(boots) + 2))


def _usual(
    investigation: Investigation, sought: Sought, place: str | None, base: tuple[datetime, datetime]
) -> tuple[list[datetime], tuple[datetime, datetime]]:
    """When such events were at all, and the time that tells it: of very many the latest do."""
    start, end = investigation.span()
    timeline = investigation.timeline
    if sought.only is None:
        times = timeline.times(*sought.kinds, host=place, start=start, end=end, fields=sought.fields, limit=MOST_EVENTS)
        oldest = times[-1] if len(times) == MOST_EVENTS else base[0]
        return times, (max(base[0], oldest), base[1])
    looked_at, oldest, times = 0, base[0], list[datetime]()
    events = timeline.events(
        *sought.kinds,
        host=place,
        start=start,
        end=end,
        fields=sought.fields,
        limit=MOST_LOOKED_AT,
        newest_first=True,
    )
    for event in events:
        looked_at, oldest = looked_at + 1, event.time
        if sought.only(event):
            times.append(event.time)
    return times, (max(base[0], oldest), base[1]) if looked_at == MOST_LOOKED_AT else base


def _missed(
    sought: Sought,
    told: Sequence[_Looked],
    unknown: int,
    topic: str,
    expect: str,
    weight: float,
    against: float,
    necessary: bool,
    group: str,
) -> Prediction:
    """None before any crash that files speak for; what is necessary is ruled out only where that is every crash."""
    crashes = len(told)
    which = f"{crashes} of {crashes + unknown} crashes" if unknown else _all(crashes)
    words = f"no {sought.words} in the {sought.length} before {which}, which the records cover"
    if unknown and necessary:
        words = f"{words}: this rules it out for {_those(crashes)} alone"
    share, needed = crashes / (crashes + unknown), necessary and not unknown
    cites = _cites(told)
    return decided(topic, expect, words, False, weight, against, cites, necessary=needed, group=group, share=share)


def _observed(
    sought: Sought, compared: Precedence, missed: float, topic: str, expect: str, weight: float, against: float
) -> Prediction:
    """Such events before some crashes: for it by how surely that is no accident, against it by the crashes without."""
    hits, crashes, chance = compared.hits, compared.crashes, compared.chance
    which = f"{hits} of {crashes} crashes" if crashes > 1 else "the crash"
    often = f"{sought.words} within {sought.length} before {which}"
    frequent = chance > USUAL
    share = sought.telling if frequent else min(1.0, max(0.3, -log10(max(chance, 1e-9)) / 2))
    value = round(weight * share * hits / crashes - against * missed, 2)
    if not frequent:
        value = max(value, LEAST)
        return _weighing(decided(topic, expect, f"{often}; by accident {_part(chance)}", True, weight, against), value)
    told = f"{often}, but such are so frequent that accident does as much ({_part(chance)})"
    if sought.telling > FREQUENT:
        told = f"{often}; accident would do as much ({_part(chance)}), but a sound machine has none"
    return _weighing(decided(topic, expect, told, value > 0, weight, against), value or -LEAST)


def _weighing(prediction: Prediction, value: float) -> Prediction:
    return replace(prediction, weight=value)


def _cites(told: Sequence[_Looked]) -> list[Cite]:
    hits = [cite_event(each.hit) for each in told if each.hit is not None]
    return hits or [Cite(file, "what it covers") for each in told for file in each.files]


def _nearest(hits: Sequence[_Looked]) -> str:
    """How long before the crashes the last of what went before them came."""
    ago = sorted(max(0.0, (each.time - each.hit.until) / MINUTE) for each in hits if each.hit is not None)
    low, high = f"{ago[0]:.0f}", f"{ago[-1]:.0f}"
    return f"the last {low if low == high else f'{low} to {high}'} minute{'s' * (high != '1')} before"


def _many(crashes: int) -> str:
    return "the crash" if crashes == 1 else f"the {crashes} crashes"


def _all(crashes: int) -> str:
    return "the crash" if crashes == 1 else f"any of {crashes} crashes"


def _those(crashes: int) -> str:
    return "that crash" if crashes == 1 else f"those {crashes} crashes"


def _the_other(crashes: int) -> str:
    return "the other crash" if crashes == 1 else f"the other {crashes}"


def _part(chance: float) -> str:
    if chance < 0.001:
        return "less than once in 1000 times"
    return f"in {chance:.1%} of cases" if chance < 0.1 else f"in {chance:.0%} of cases"


def _how(investigation: Investigation, sought: Sought) -> str:
    named = sought.host not in (None, CRASHED, "")
    host = sought.host if named else next(iter(investigation.failed), "")
    where = f" of {host}" if host else ""
    return f"add the logs{where} that would show {sought.words} for those minutes"
