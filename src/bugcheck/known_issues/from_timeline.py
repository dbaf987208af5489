"""A Timeline and one of its crashes → a Situation.

Source: the case's evidence; every answer cites the file's id and the place in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from bugcheck.known_issues.crash_facts import facts_of_seen, fault_of_parameters
from bugcheck.known_issues.drivers_seen import fact_stem
from bugcheck.known_issues.situation import CrashFacts, SeenEvent, SeenFact, Situation
from bugcheck.timeline.crashes import IncidentCrash
from bugcheck.timeline.timed_event import TimedEvent
from bugcheck.timeline.timeline import Timeline


def situation_of(timeline: Timeline, crash: IncidentCrash | None, host: str | None = None) -> Situation:
    """Make a situation of a crash and its host, or of a host alone.

    Args:
        timeline: settled. crash: one of its crashes, or None.
        host: whose facts and events count; by default the crash's.
    """
    name = host if host is not None else crash.host if crash else ""

    def facts(kind: str) -> Sequence[SeenFact]:
        return timeline.kept(("seen facts", kind, name), lambda: _seen_facts(timeline, kind, name))

    def named(kind: str) -> Mapping[str, Sequence[SeenFact]]:
        return timeline.kept(("facts by stem", kind, name), lambda: _by_stem(facts(kind)))

    def events(kinds: Sequence[str], start: datetime | None, end: datetime | None) -> Iterator[SeenEvent]:
        found = timeline.events(*kinds, host=name, start=start, end=end, newest_first=True)
        return map(_seen_event, found)

    def covered(kinds: Sequence[str], start: datetime | None, end: datetime | None) -> bool:
        whole = timeline.span()
        first, last = start or (whole and whole[0]), end or (whole and whole[1])
        if first is None or last is None or first >= last or not kinds:
            return False
        return all(timeline.coverage([kind], first, last, host=name).whole for kind in kinds)

    return Situation(_crash_facts(crash) if crash else None, facts, events, covered, name, named)


def _seen_facts(timeline: Timeline, kind: str, host: str) -> list[SeenFact]:
    """The facts of a kind, each once: a hundred dumps of one machine list the same drivers."""
    found = {
        (placed.fact.name.casefold(), placed.fact.value, placed.fact.fields.get("path", "")): placed
        for placed in reversed(timeline.facts(kind, host=host))
    }
    return [SeenFact(placed.fact, placed.evidence) for placed in reversed(found.values())]


def _by_stem(facts: Sequence[SeenFact]) -> dict[str, list[SeenFact]]:
    index: dict[str, list[SeenFact]] = {}
    for seen in facts:
        index.setdefault(fact_stem(seen), []).append(seen)
    return index


def _seen_event(event: TimedEvent) -> SeenEvent:
    return SeenEvent(
        event.time, event.kind, event.text, event.where, event.source, event.code, event.fields, event.evidence
    )


def _crash_facts(crash: IncidentCrash) -> CrashFacts:
    place = crash.sources[0] if crash.sources else None
    evidence, where = (place.evidence, place.where) if place else ("", "")
    if crash.seen is not None:
        return facts_of_seen(crash.seen, evidence)
    fault = fault_of_parameters(crash.code, crash.parameters)
    return CrashFacts(crash.code, crash.parameters, crash.time, fault=fault, evidence=evidence, where=where)
