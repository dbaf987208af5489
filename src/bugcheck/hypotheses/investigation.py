"""Timeline, known issues, crashes → the Investigation: the read-only bundle that hypothesis rules look at.

Source: the evidence; see `timeline.timeline`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from bugcheck.evidence.evidence import CrashSeen, ModuleSeen
from bugcheck.hypotheses.hypothesis import Cite
from bugcheck.timeline.crashes import IncidentCrash
from bugcheck.timeline.hosts import Host
from bugcheck.timeline.store import PlacedFact
from bugcheck.timeline.timed_event import TimedEvent
from bugcheck.timeline.timeline import Timeline

MINUTE = timedelta(minutes=1)
LOOK_BACK = timedelta(days=31)
"""How long before the first crash events are looked at for what is usual."""


@dataclass(frozen=True, slots=True)
class IssueMatch:
    """A known issue that was compared with the incident: see `known_issues`.

    Attributes:
        id, title: of the issue. kind: "match" or "near_miss".
        driver: file name of the driver it is about, lower case, or "". product: or "".
        holds, fails, untested: its conditions, a sentence each.
        treatments: what helps, a sentence each. sources: who says so.
        effect: "crash", "privilege", … or "".
    """

    id: str
    title: str
    kind: str
    driver: str = ""
    product: str = ""
    holds: tuple[str, ...] = ()
    fails: tuple[str, ...] = ()
    untested: tuple[str, ...] = ()
    treatments: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    effect: str = ""
    category: str = ""


class Investigation:
    """What a hypothesis rule may look at.

    Attributes:
        timeline: all events and facts. issues: known issues that match or nearly do.
    """

    def __init__(self, timeline: Timeline, issues: Sequence[IssueMatch] = ()) -> None:
        """Take a settled timeline and the known issues compared with it."""
        self.timeline = timeline
        self.issues = tuple(issues)

    # --- the crashes ---

    @cached_property
    def crashes(self) -> list[IncidentCrash]:
        """Bug checks nobody asked for, of the hosts that failed, oldest first."""
        return [crash for crash in self.timeline.crashes if crash.is_crash]

    @cached_property
    def stops(self) -> list[IncidentCrash]:
        """Crashes, and unclean ends without a bug check."""
        return [crash for crash in self.timeline.crashes if not (crash.seen and crash.seen.manual)]

    @cached_property
    def times(self) -> list[datetime]:
        """When the crashes were, as far as known."""
        return [crash.time for crash in self.crashes if crash.time is not None]

    @cached_property
    def dated(self) -> list[tuple[datetime, str]]:
        """(time, host) of the crashes whose time is known."""
        return [(crash.time, crash.host) for crash in self.crashes if crash.time is not None]

    @cached_property
    def seen(self) -> list[CrashSeen]:
        """What dumps and logs show of the crashes."""
        return [crash.seen for crash in self.crashes if crash.seen is not None]

    @cached_property
    def failed(self) -> tuple[str, ...]:
        """Hosts that crashed, the one with the most crashes first."""
        counts = Counter(crash.host for crash in self.crashes)
        return tuple(host for host, _ in counts.most_common())

    @cached_property
    def others(self) -> list[Host]:
        """Hosts that did not crash."""
        return [host for host in self.timeline.hosts if host.name not in self.failed]

    @cached_property
    def blamed(self) -> list[tuple[str, str, list[CrashSeen]]]:
        """(image in lower case, as shown, crashes) of each module a verdict blames, the most blamed first."""
        found: dict[str, list[CrashSeen]] = {}
        for seen in self.seen:
            if seen.image and seen.level in ("high", "medium", "low"):
                found.setdefault(seen.image.lower(), []).append(seen)
        ordered = sorted(found.items(), key=lambda item: (-sum(seen.confidence for seen in item[1]), item[0]))
        return [(key, crashes[0].image or key, crashes) for key, crashes in ordered]

    def cite_crashes(self, crashes: Sequence[CrashSeen] = ()) -> tuple[Cite, ...]:
        """Cite the dumps and logs of these crashes (all without)."""
        wanted = {id(seen) for seen in crashes or self.seen}
        return tuple(
            Cite(source.evidence, source.where)
            for crash in self.crashes
            if crash.seen is not None and id(crash.seen) in wanted
            for source in crash.sources[:1]
        )

    def module(self, image: str) -> ModuleSeen | None:
        """A loaded module by file name, from the first crash that had it."""
        wanted = image.lower()
        return next((m for seen in self.seen for m in seen.modules if m.image.lower() == wanted), None)

    # --- facts and events ---

    def facts(self, *kinds: str, name: str = "", host: str | None = None) -> list[PlacedFact]:
        """See `Timeline.facts`."""
        return self.timeline.facts(*kinds, name=name, host=host)

    def of_failed(self, *kinds: str) -> list[PlacedFact]:
        """Facts of the hosts that crashed, and of those nobody owns."""
        return [each for each in self.facts(*kinds) if each.host in (*self.failed, "")]

    def window(self, crash: datetime, minutes: float) -> tuple[datetime, datetime]:
        """The minutes before a crash."""
        return crash - minutes * MINUTE, crash

    def span(self) -> tuple[datetime, datetime]:
        """The time that crashes were looked for in: from a month before the first to the last."""
        first, last = (self.times[0], self.times[-1]) if self.times else (datetime.max, datetime.max)
        known = self.timeline.span()
        start = max(first - LOOK_BACK, known[0]) if known and known[0] < first else first - LOOK_BACK
        return start, last

    def checks(self, hypothesis_id: str) -> list[PlacedFact]:
        """What people checked with regard to a hypothesis."""
        return [each for each in self.facts("check_result") if each.fact.fields.get("about") == hypothesis_id]

    def actions(self, hypothesis_id: str, *, whole: bool = True) -> list[TimedEvent]:
        """What people did about a hypothesis (without `whole` about any of a rule's), oldest first."""
        if whole:
            return list(self.timeline.events("action", fields={"treats": hypothesis_id}))
        done = self.timeline.events("action")
        return [each for each in done if each.fields.get("treats", "").partition(":")[0] == hypothesis_id]


def cite_fact(placed: PlacedFact) -> Cite:
    """Where a fact stands."""
    return Cite(placed.evidence, placed.fact.where)


def cite_event(event: TimedEvent) -> Cite:
    """Where an event stands."""
    return Cite(event.evidence, event.where)
