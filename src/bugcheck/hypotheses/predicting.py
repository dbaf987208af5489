"""Events, findings, facts and people's checks → Predictions: the few ways in which hypotheses meet evidence.

Source: `timeline.periodicity` for what chance would do.

Folklore: one crash with an update before it says little on a host that updates hourly; four crashes with one before
each say much on a host that updates daily.  So what precedes a crash is compared with how often it happens anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import log10

from bugcheck.evidence.evidence import CrashSeen, FindingSeen
from bugcheck.hypotheses.hypothesis import Cite, Outcome, Prediction
from bugcheck.hypotheses.investigation import MINUTE, Investigation, cite_event, cite_fact
from bugcheck.timeline.periodicity import Precedence, precedence
from bugcheck.timeline.store import PlacedFact
from bugcheck.timeline.timed_event import TimedEvent

USUAL = 0.2
"""Chance above which what precedes the crashes precedes anything."""
MOST_EVENTS, MOST_CITES = 200_000, 8
MOST_LOOKED_AT = 50_000
"""Events that a filter in Python looks at to tell what is usual."""
Filter = Callable[[TimedEvent], bool]


def untested(topic: str, expect: str, missing: str, remedy: str, weight: float, against: float) -> Prediction:
    """A prediction nothing speaks about yet."""
    return Prediction(topic, expect, Outcome.UNTESTED, missing, 0.0, weight, -against, remedy=remedy)


def decided(
    topic: str,
    expect: str,
    told: str,
    holds: bool,
    weight: float,
    against: float,
    citations: Sequence[Cite] = (),
    *,
    necessary: bool = False,
    group: str = "",
    share: float = 1.0,
) -> Prediction:
    """A prediction that was looked at; `share` (0 to 1) scales what it adds."""
    outcome = Outcome.OBSERVED if holds else Outcome.CONTRADICTED
    value = round((weight if holds else -against) * share, 2)
    cited = tuple(dict.fromkeys(citations))[:MOST_CITES]
    return Prediction(topic, expect, outcome, told, value, weight, -against, necessary, group, citations=cited)


def preceded(
    investigation: Investigation,
    kinds: Collection[str],
    *,
    topic: str,
    expect: str,
    words: str,
    minutes: float,
    weight: float,
    against: float,
    host: str | None = None,
    fields: Mapping[str, str] | None = None,
    only: Filter | None = None,
    necessary: bool = False,
    group: str = "",
    remedy: str = "",
) -> Prediction:
    """Predict that events of these kinds come in the minutes before each crash.

    Observed when they do more often than chance would have it; contradicted when files that speak for those minutes
    show none; untested where nothing speaks for them.

    Args:
        words: the events in words ("an update of virus definitions").
        host: whose events; None is any host's. fields, only: further tests of an event.
    """
    times, timeline = investigation.times, investigation.timeline
    if not times:
        return untested(topic, expect, "the time of no crash is known", remedy, weight, against)
    start, end = investigation.span()
    window = minutes * MINUTE
    hits: dict[datetime, TimedEvent] = {}
    for time in times:
        before = timeline.events(
            *kinds, host=host, start=time - window, end=time, fields=fields, limit=MOST_EVENTS, newest_first=True
        )
        if (found := next((each for each in before if only is None or only(each)), None)) is not None:
            hits[time] = found
    covered = [time for time in times if timeline.coverage(kinds, time - window, time, host).whole]
    if not hits and not covered:
        missing = f"nothing speaks for the {minutes:g} minutes before {_many(times)}: {words}"
        return untested(topic, expect, missing, remedy or _how(words, host), weight, against)
    looked = sorted({*hits, *covered})
    parts = timeline.coverage(kinds, start, end, host).covered
    base = (min(parts[0][0], looked[0]), max(parts[-1][1], looked[-1])) if parts else (start, end)
    usual, base = _usual(investigation, kinds, host, fields, only, base)
    compared = precedence(looked, [*usual, *(event.time for event in hits.values())], window, base)
    cites = [cite_event(event) for event in hits.values()] or _covering(investigation, kinds, covered, window, host)
    prediction = _judged(topic, expect, words, minutes, weight, against, compared, cites, necessary, group)
    if len(hits) > 1:
        prediction = replace(prediction, told=f"{prediction.told}; {_nearest(hits)}")
    if len(looked) < len(times):
        silent = f"{prediction.told} (nothing speaks for {len(times) - len(looked)} more)"
        prediction = replace(prediction, told=silent)
    return _with_window(prediction, (looked[0] - window, looked[-1]))


def _judged(
    topic: str,
    expect: str,
    words: str,
    minutes: float,
    weight: float,
    against: float,
    compared: Precedence,
    cites: Sequence[Cite],
    necessary: bool,
    group: str,
) -> Prediction:
    hits, crashes = compared.hits, compared.crashes
    if not hits:
        told = f"no {words} in the {minutes:g} minutes before {_all(crashes)}, which the records cover"
        return decided(topic, expect, told, False, weight, against, cites, necessary=necessary, group=group)
    often = (
        f"{words} within {minutes:g} minutes before {hits} of {crashes} crashes"
        if crashes > 1
        else (f"{words} within {minutes:g} minutes before the crash")
    )
    if compared.chance <= USUAL:
        share = min(1.0, max(0.3, -log10(max(compared.chance, 1e-9)) / 2))
        told = f"{often}; by accident {_part(compared.chance)}"
        return decided(topic, expect, told, True, weight, against, cites, group=group, share=share)
    told = f"{often}, but such are so frequent that accident does as much ({_part(compared.chance)})"
    return decided(topic, expect, told, True, weight, against, cites, group=group, share=0.05)


def _nearest(hits: Mapping[datetime, TimedEvent]) -> str:
    """How long before the crashes the last of what went before them came."""
    ago = sorted(max(0.0, (time - event.until) / MINUTE) for time, event in hits.items())
    low, high = f"{ago[0]:.0f}", f"{ago[-1]:.0f}"
    return f"the last {low if low == high else f'{low} to {high}'} minute{'s' * (high != '1')} before"


def _with_window(prediction: Prediction, window: tuple[datetime, datetime]) -> Prediction:
    return replace(prediction, window=window)


def _usual(
    investigation: Investigation,
    kinds: Collection[str],
    host: str | None,
    fields: Mapping[str, str] | None,
    only: Filter | None,
    base: tuple[datetime, datetime],
) -> tuple[list[datetime], tuple[datetime, datetime]]:
    """When such events were at all, and the time that tells it: of very many the latest do."""
    start, end = investigation.span()
    timeline = investigation.timeline
    if only is None:
        times = timeline.times(*kinds, host=host, start=start, end=end, fields=fields, limit=MOST_EVENTS)
        oldest = times[-1] if len(times) == MOST_EVENTS else base[0]
        return times, (max(base[0], oldest), base[1])
    looked_at, oldest, times = 0, base[0], list[datetime]()
    events = timeline.events(
        *kinds, host=host, start=start, end=end, fields=fields, limit=MOST_LOOKED_AT, newest_first=True
    )
    for event in events:
        looked_at, oldest = looked_at + 1, event.time
        if only(event):
            times.append(event.time)
    return times, (max(base[0], oldest), base[1]) if looked_at == MOST_LOOKED_AT else base


def _covering(
    investigation: Investigation, kinds: Collection[str], times: Sequence[datetime], window: timedelta, host: str | None
) -> list[Cite]:
    found = [investigation.timeline.coverage(kinds, time - window, time, host).evidence for time in times]
    return [Cite(evidence, "what it covers") for each in found for evidence in each]


def _many(times: Sequence[datetime]) -> str:
    return "the crash" if len(times) == 1 else f"the {len(times)} crashes"


def _all(crashes: int) -> str:
    return "the crash" if crashes == 1 else f"any of {crashes} crashes"


def _part(chance: float) -> str:
    if chance < 0.001:
        return "less than once in 1000 times"
    return f"in {chance:.1%} of cases" if chance < 0.1 else f"in {chance:.0%} of cases"


def _how(words: str, host: str | None) -> str:
    where = f" of {host}" if host else ""
    return f"add the logs{where} that would show {words} for those minutes"


def found_in_dumps(
    investigation: Investigation,
    rules: Collection[str],
    *,
    topic: str,
    expect: str,
    weight: float,
    against: float,
    group: str = "",
    only: Callable[[CrashSeen, FindingSeen], bool] | None = None,
    necessary: bool = False,
) -> Prediction:
    """Predict that the analysis of a crash makes a finding of one of these rules (or that `only` accepts).

    Contradicted when dumps were analysed and none does; untested without a dump.
    """
    seen = investigation.seen
    if not seen:
        missing = "no dump or debugger's log of a crash is among the evidence"
        remedy = "add C:/Windows/MEMORY.DMP or C:/Windows/Minidump"
        return untested(topic, expect, missing, remedy, weight, against)
    hits = [
        (crash, finding)
        for crash in seen
        for finding in crash.findings
        if (not rules or finding.rule in rules) and (only is None or only(crash, finding))
    ]
    if not hits:
        told = f"nothing of the kind in {'the dump' if len(seen) == 1 else f'any of {len(seen)} dumps'}"
        cites = investigation.cite_crashes()
        return decided(topic, expect, told, False, weight, against, cites, group=group, necessary=necessary)
    crashes = {id(crash): crash for crash, _ in hits}
    strongest = max((finding for _, finding in hits), key=lambda finding: finding.weight)
    share = len(crashes) / len(seen) if len(seen) > 1 else 1.0
    often = f" (in {len(crashes)} of {len(seen)} dumps)" if len(seen) > 1 else ""
    cites = investigation.cite_crashes(list(crashes.values()))
    return decided(
        topic, expect, f"{strongest.statement}{often}", True, weight, against, cites, group=group, share=max(0.3, share)
    )


def checked(
    investigation: Investigation, hypothesis_id: str, *, topic: str, expect: str, weight: float, against: float
) -> list[Prediction]:
    """What people found when they checked: "negative" contradicts, "positive" is observed."""
    found: list[Prediction] = []
    for each in investigation.checks(hypothesis_id):
        result = each.fact.value.lower()
        holds = _positive(result)
        if holds is None:
            continue
        by = each.fact.fields.get("by", "")
        told = f"{by or 'a person'} checked: {each.fact.name}: {each.fact.value}"
        found.append(
            decided(topic, expect, told, holds, weight, against, [cite_fact(each)], group=f"check:{each.fact.name}")
        )
    return found


def _positive(result: str) -> bool | None:
    negative = (
        "negative",
        "none",
        "nothing",
        "no ",
        "not found",
        "clean",
        "unmodified",
        "ruled out",
        "阴性",
        "未发现",
        "排除",
        "無",
        "无",
    )
    positive = ("positive", "found", "infected", "yes", "modified", "阳性", "发现")
    if result in ("no", "ok") or any(word in result for word in negative):
        return False
    return True if any(word in result for word in positive) else None


def after_action(
    investigation: Investigation, hypothesis_id: str, *, weight: float, against: float
) -> list[Prediction]:
    """What happened after a person had treated the suspected cause: a crash after it contradicts, necessarily."""
    found: list[Prediction] = []
    for action in investigation.actions(hypothesis_id):
        if "undo" in action.fields and action.fields["undo"].lower() in ("done", "undone"):
            continue
        later = [time for time in investigation.times if time > action.time]
        expect = "no crash after the suspected cause was taken away"
        if later:
            came = "a crash came" if len(later) == 1 else f"{len(later)} crashes came"
            told = f"{came} all the same after this: {action.text}"
            found.append(
                decided("after treatment", expect, told, False, weight, against, [cite_event(action)], necessary=True)
            )
    return found


def network_on_stack(
    investigation: Investigation, modules: frozenset[str], code: str, *, where: str, weight: float, against: float
) -> Prediction:
    """Predict that network code is on a crashed stack of three levels or more.

    Args:
        modules: debugger names of the modules that are such code. code: what it is called ("network code").
        where: where it is missed, in words ("the crashed stack").
    """
    topic, expect = "network on the stack", f"{code} is on the crashed stack"
    stacks = [seen.stack for seen in investigation.seen if len(seen.stack) >= 3]
    if not stacks:
        return untested(topic, expect, "the stack of no crash is known", "add a dump, with symbols", weight, against)
    found = {place.partition("!")[0].partition("+")[0].lower() for stack in stacks for place in stack} & modules
    told = f"{', '.join(sorted(found))} on the stack" if found else f"no {code} is on {where}"
    return decided(topic, expect, told, bool(found), weight, against, investigation.cite_crashes())


def cites_of(facts: Sequence[PlacedFact]) -> list[Cite]:
    """Cite facts."""
    return [cite_fact(each) for each in facts]
