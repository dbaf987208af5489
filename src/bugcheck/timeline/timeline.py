"""The event store, settled → a Timeline to ask: what happened when, on which host, and what is covered at all.

Source: the evidence; every answer carries the id of the file and the place in it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TypeVar, cast

from bugcheck.evidence.evidence import Evidence
from bugcheck.gaps import Gap
from bugcheck.timeline.crashes import IncidentCrash, merge_crashes
from bugcheck.timeline.hosts import Host, assign_hosts, hosts_of, short_name
from bugcheck.timeline.sessions import Session, sessions_of
from bugcheck.timeline.settle import mark_twins, settle_times
from bugcheck.timeline.skew import estimate_skews
from bugcheck.timeline.store import EventStore, PlacedFact, microseconds, moment_of
from bugcheck.timeline.timed_event import COLUMNS, TimedEvent, timed_event

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the evidence says about a window of time.

    Attributes:
        covered: parts of the window that some file speaks for, merged, oldest first.
        whole: they make up the window.
        evidence: ids of the files that speak for it.
        notes: what limits them.
    """

    covered: tuple[tuple[datetime, datetime], ...]
    whole: bool
    evidence: tuple[str, ...]
    notes: tuple[str, ...] = ()


class Timeline:
    """One order of all events over all hosts.

    Attributes:
        store: what it is read from; `settle` must have been called since records were added.
    """

    def __init__(self, store: EventStore) -> None:
        """Take a store."""
        self.store = store
        self._kept: dict[object, object] = {}

    def kept(self, key: object, make: Callable[[], Answer]) -> Answer:
        """What `make` answers, made once for a key and kept until the timeline is settled anew."""
        if key not in self._kept:
            self._kept[key] = make()
        return cast("Answer", self._kept[key])

    def settle(self) -> None:
        """Name hosts, set clocks right, tell duplicates apart; nothing new, nothing done. Raises StoreBusy."""
        if self.store.state("settled"):
            return
        database = self.store.database
        with self.store.writing():
            assign_hosts(self.store)
            database.execute("DELETE FROM clocks")
            hosts, _ = hosts_of(self.store)
            settle_times(self.store, hosts)
            if skews := estimate_skews(self.store, hosts):
                rows = [(host, skew.seconds, skew.source) for host, skew in skews.items()]
                database.executemany("INSERT INTO clocks VALUES(?,?,?)", rows)
                settle_times(self.store, hosts_of(self.store)[0])
            mark_twins(self.store)
            self.store.set_state("settled", "yes")
        for name in ("_hosts", "evidence", "crashes", "_sessions", "_span"):
            self.__dict__.pop(name, None)
        self._kept.clear()

    # --- who ---

    @cached_property
    def _hosts(self) -> tuple[list[Host], list[Gap]]:
        return hosts_of(self.store)

    @property
    def hosts(self) -> list[Host]:
        """Every host, by name."""
        return self._hosts[0]

    @property
    def gaps(self) -> list[Gap]:
        """What is not known of the hosts' clocks."""
        return self._hosts[1]

    def host(self, name: str) -> Host | None:
        """A host by any of its names."""
        return next((host for host in self.hosts if short_name(name) in host.names or host.name == name), None)

    # --- what there is ---

    @cached_property
    def evidence(self) -> list[Evidence]:
        """Every file, in the order they were read."""
        return self.store.evidence()

    def evidence_of(self, evidence_id: str) -> Evidence | None:
        """A file by its id."""
        return next((each for each in self.evidence if each.id == evidence_id), None)

    def facts(self, *kinds: str, name: str = "", host: str | None = None) -> list[PlacedFact]:
        """Facts of these kinds, perhaps of one name (in any case) and one host."""
        return self.kept(("facts", kinds, name, host), lambda: self.store.facts(*kinds, name=name, host=host))

    @cached_property
    def crashes(self) -> list[IncidentCrash]:
        """Every stop of every host, oldest first."""
        return merge_crashes(self.store)

    @cached_property
    def _sessions(self) -> dict[str, list[Session]]:
        times = {
            host.name: [crash.time for crash in self.crashes if crash.time and crash.host == host.name]
            for host in self.hosts
        }
        return {host: sessions_of(self.store, host, found) for host, found in times.items()}

    def sessions(self, host: str) -> list[Session]:
        """A host's boot sessions, oldest first."""
        return self._sessions.get(host, [])

    # --- what happened ---

    def events(
        self,
        *kinds: str,
        host: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        fields: Mapping[str, str] | None = None,
        limit: int = -1,
        newest_first: bool = False,
    ) -> Iterator[TimedEvent]:
        """Yield events in the order of time, duplicates once.

        Args:
            kinds: of these kinds; all without. host: of this one; "" is events nobody's.
            start, end: from and up to, inclusive, UTC; an event that goes on into the window counts.
            fields: these fields have these values, in any case.
            limit: at most so many. newest_first: backwards.
        """
        where, values = _where(kinds, host, start, end, fields)
        order = "DESC" if newest_first else "ASC"
        rows = self.store.database.execute(
            f"SELECT {COLUMNS} FROM events WHERE {where} ORDER BY utc {order},id {order} LIMIT ?", (*values, limit)
        )
        return map(timed_event, rows)

    def times(
        self,
        *kinds: str,
        host: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        fields: Mapping[str, str] | None = None,
        limit: int = -1,
    ) -> list[datetime]:
        """Only the times of events, newest first: cheap where there are many; arguments as of `events`."""
        where, values = _where(kinds, host, start, end, fields)
        rows = self.store.database.execute(
            f"SELECT utc FROM events WHERE {where} ORDER BY utc DESC LIMIT ?", (*values, limit)
        )
        return [moment_of(utc) for (utc,) in rows]

    def count(
        self,
        *kinds: str,
        host: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> int:
        """Count happenings (an event that stands for 40 counts 40); arguments as of `events`."""
        where, values = _where(kinds, host, start, end, fields)
        (total,) = self.store.database.execute(
            f"SELECT COALESCE(SUM(count),0) FROM events WHERE {where}", values
        ).fetchone()
        return total

    def event(self, number: int) -> TimedEvent | None:
        """An event by its number."""
        row = self.store.database.execute(f"SELECT {COLUMNS} FROM events WHERE id=?", (number,)).fetchone()
        return timed_event(row) if row else None

    def kinds(self, host: str | None = None) -> dict[str, int]:
        """How many events of each kind there are, duplicates once."""
        where, values = _where((), host, None, None, None)
        return dict(self.store.database.execute(f"SELECT kind,COUNT(*) FROM events WHERE {where} GROUP BY 1", values))

    def before(
        self, moment: datetime, *kinds: str, host: str | None = None, within: timedelta = timedelta(days=36500)
    ) -> TimedEvent | None:
        """The last event of these kinds up to a moment, not longer ago than `within`; None when there is none."""
        start = max(moment - within, moment_of(0)) if moment - moment_of(0) > within else moment_of(0)
        found = self.events(*kinds, host=host, start=start, end=moment, limit=1, newest_first=True)
        return next(found, None)

    def span(self) -> tuple[datetime, datetime] | None:
        """The time from the first to the last event or covered moment; None without any."""
        return self._span

    @cached_property
    def _span(self) -> tuple[datetime, datetime] | None:
        first, last = self.store.database.execute(
            "SELECT MIN(first),MAX(last) FROM (SELECT (SELECT MIN(utc) FROM events) AS first,"
            "(SELECT MAX(utc) FROM events) AS last UNION ALL SELECT MIN(utc_start),MAX(utc_finish) FROM spans)"
        ).fetchone()
        return (moment_of(first), moment_of(last)) if first is not None else None

    # --- what silence means ---

    def coverage(self, kinds: Collection[str], start: datetime, end: datetime, host: str | None = None) -> Coverage:
        """Tell which parts of a window some file speaks for with regard to at least one of these kinds."""
        low, high = microseconds(start), microseconds(end)
        tests = " OR ".join("kinds LIKE ?" for _ in kinds) or "1"
        values: list[object] = [f"% {kind} %" for kind in kinds]
        if host is not None:
            tests, values = f"({tests}) AND host=?", [*values, host]
        rows = self.store.database.execute(
            f"SELECT utc_start,utc_finish,evidence,note FROM spans WHERE ({tests}) "
            "AND utc_start<=? AND utc_finish>=? ORDER BY utc_start",
            (*values, high, low),
        ).fetchall()
        merged: list[tuple[int, int]] = []
        for first, last, _, _ in rows:
            first, last = max(first, low), min(last, high)
            if merged and first <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], last))
            else:
                merged.append((first, last))
        return Coverage(
            tuple((moment_of(first), moment_of(last)) for first, last in merged),
            merged == [(low, high)],
            tuple(dict.fromkeys(evidence for _, _, evidence, _ in rows)),
            tuple(dict.fromkeys(note for *_, note in rows if note)),
        )


def _where(
    kinds: Collection[str],
    host: str | None,
    start: datetime | None,
    end: datetime | None,
    fields: Mapping[str, str] | None,
) -> tuple[str, list[object]]:
    tests, values = ["twin IS NULL", "utc IS NOT NULL"], list[object]()
    if kinds:
        tests.append(f"kind IN ({','.join('?' * len(kinds))})")
        values += kinds
    if host is not None:
        tests.append("host=?")
        values.append(host)
    if end is not None:
        tests.append("utc<=?")
        values.append(microseconds(end))
    if start is not None:
        tests.append("utc+span>=?")
        values.append(microseconds(start))
        tests.append("utc>=?")  # no event goes on for longer than a day, and this test can use the index
        values.append(microseconds(start) - 86_400_000_000)
    for name, value in (fields or {}).items():
        tests.append("json_extract(fields,?)=? COLLATE NOCASE")
        values += [f"$.{name}", value]
    return " AND ".join(tests), values
