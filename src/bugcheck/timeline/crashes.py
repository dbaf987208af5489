"""Dumps, and what logs tell of stops after the restart → the crashes of the incident, each once.

Source: a dump's header holds the time of the stop; event 1001 (BugCheck, WER), Kernel-Power 41 and EventLog 6008 are
written at the next boot.

Folklore: 6008 quotes the last time the old session's clock was saved, up to a minute (on old systems five) before the
stop; 41 has a code of 0 when the power simply went, or when the dump was not written.  Several records of one restart
tell of one stop, and a stop of a machine with both a full and a small dump is seen in both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from bugcheck.evidence.evidence import CrashSeen
from bugcheck.timeline.hosts import hosts_of
from bugcheck.timeline.sessions import boots_of
from bugcheck.timeline.store import EventStore, StoredCrash, fields_of, moment_of

ONE_STOP = timedelta(minutes=2)
"""Two dumps closer than this with the same code are of one stop."""
REPORT_DELAY = timedelta(minutes=30)
"""How long after a boot its records of the last stop may come."""
LONGEST_DOWN = timedelta(days=14)
"""How long before a boot the stop it tells of may lie."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a crash is told: evidence id and place."""

    evidence: str
    where: str


@dataclass(frozen=True, slots=True)
class IncidentCrash:
    """One stop of one host.

    Attributes:
        host: "" when nobody knows. time: UTC; None when nothing tells.
        exact: the time is a dump's own; else it is the last sign of life or the time of the report.
        code: bug check without the small-dump bit, None when no code is known. parameters: of it.
        seen: what the best dump or log shows, or None when only events tell of it.
        number: of `seen` in the store, or None. sources: everything that tells of it.
    """

    host: str
    time: datetime | None
    exact: bool
    code: int | None
    parameters: tuple[int, ...]
    seen: CrashSeen | None
    number: int | None
    sources: tuple[Source, ...]

    @property
    def is_crash(self) -> bool:
        """A bug check that nobody asked for; a lost session without a code is none for sure."""
        return self.code is not None and not (self.seen is not None and self.seen.manual)


@dataclass(frozen=True, slots=True)
class _Report:
    """An event that tells of a stop before it: `at` is the time it names, if any."""

    time: datetime
    at: datetime | None
    code: int | None
    parameters: tuple[int, ...]
    source: Source


def merge_crashes(store: EventStore) -> list[IncidentCrash]:
    """List every stop of every host once, oldest first; those of processes are left out."""
    stored = [crash for crash in store.crashes() if crash.seen.code is not None]
    rows = store.database.execute("SELECT DISTINCT host FROM events WHERE kind IN ('bugcheck','unexpected_shutdown')")
    hosts = {crash.host for crash in stored} | {host or "" for (host,) in rows}
    zones = {each.name: each.zone for each in hosts_of(store)[0] if each.zone_source}
    found: list[IncidentCrash] = []
    for host in sorted(hosts):
        dumps = _merge_dumps([crash for crash in stored if crash.host == host])
        found += _with_reports(host, dumps, _reports(store, host, zones.get(host)), boots_of(store, host))
    return sorted(found, key=lambda crash: (crash.time is None, crash.time or datetime.max, crash.host))


def _merge_dumps(dumps: list[StoredCrash]) -> list[IncidentCrash]:
    found: list[IncidentCrash] = []
    for dump in dumps:
        seen, source = dump.seen, Source(dump.evidence, dump.seen.where)
        twin = next((index for index, each in enumerate(found) if _one_stop(each, seen)), None)
        if twin is None:
            known = seen.time is not None
            crash = IncidentCrash(dump.host, seen.time, known, seen.code, seen.parameters, seen, dump.number, (source,))
            found.append(crash)
            continue
        first = found[twin]
        better = first.seen is None or len(seen.stack) > len(first.seen.stack)
        found[twin] = IncidentCrash(
            first.host,
            first.time or seen.time,
            first.exact or seen.time is not None,
            first.code,
            first.parameters or seen.parameters,
            seen if better else first.seen,
            dump.number if better else first.number,
            (*first.sources, source),
        )
    return found


def _one_stop(crash: IncidentCrash, seen: CrashSeen) -> bool:
    if crash.code != seen.code:
        return False
    if crash.time and seen.time:
        return abs(crash.time - seen.time) <= ONE_STOP
    return _words(crash.parameters) == _words(seen.parameters) and bool(seen.parameters)


def _words(parameters: tuple[int, ...]) -> tuple[int, ...]:
    """Parameters as 32-bit words: a debugger's log may show them sign-extended, an event not."""
    return tuple(value & 0xFFFF_FFFF for value in parameters)


def _reports(store: EventStore, host: str, zone: tzinfo | None) -> list[_Report]:
    rows = store.database.execute(
        "SELECT utc,fields,evidence,place,local,raw FROM events WHERE kind IN ('bugcheck','unexpected_shutdown') "
        "AND host=? AND twin IS NULL ORDER BY utc",
        (host,),
    ).fetchall()
    found: list[_Report] = []
    for utc, text, evidence, place, _, _ in rows:
        fields = fields_of(text)
        code = _number(fields.get("code", ""))
        numbers = (_number(each) for each in fields.get("parameters", "").replace(",", " ").split())
        parameters = tuple(each for each in numbers if each is not None)
        at = _moment(fields.get("at", ""), zone)
        source = Source(evidence, place)
        found.append(_Report(moment_of(utc), at, (code & ~0x1000_0000) if code else None, parameters, source))
    return found


def _number(text: str) -> int | None:
    try:
        return int(text, 16 if text.lower().startswith("0x") else 10)
    except ValueError:
        return None


def _moment(text: str, zone: tzinfo | None) -> datetime | None:
    """Read an ISO time; one without an offset is the host's wall clock, and left out when its zone is not known."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return moment.replace(tzinfo=zone).astimezone(UTC) if zone is not None else None
    return moment


def _with_reports(
    host: str, dumps: list[IncidentCrash], reports: list[_Report], boots: list[datetime]
) -> list[IncidentCrash]:
    """Add what events tell to the dumps' crashes; those of no dump become crashes of their own."""
    found = list(dumps)
    for report in reports:
        index = _told_by(found, report, boots)
        if index is None:
            time = report.at or _last_boot(report.time, boots)
            found.append(IncidentCrash(host, time, False, report.code, report.parameters, None, None, (report.source,)))
            continue
        crash = found[index]
        found[index] = IncidentCrash(
            host,
            crash.time if crash.exact else min(filter(None, (crash.time, report.at)), default=crash.time),
            crash.exact,
            crash.code if crash.code is not None else report.code,
            crash.parameters or report.parameters,
            crash.seen,
            crash.number,
            (*crash.sources, report.source),
        )
    return found


def _told_by(crashes: list[IncidentCrash], report: _Report, boots: list[datetime]) -> int | None:
    """Which crash a report is about: the last one before the boot it was written at, and after the boot before."""
    boot = _last_boot(report.time, boots)
    before = max((each for each in boots if each < boot - ONE_STOP), default=None)
    candidates = [
        (crash.time, index)
        for index, crash in enumerate(crashes)
        if crash.time is not None
        and boot - LONGEST_DOWN <= crash.time <= boot + ONE_STOP
        and (before is None or crash.time >= before - ONE_STOP)
        and (report.code is None or crash.code is None or report.code == crash.code)
    ]
    return max(candidates)[1] if candidates else None


def _last_boot(time: datetime, boots: list[datetime]) -> datetime:
    """The boot a record was written after; its own time when no boot is known near it."""
    near = [boot for boot in boots if time - REPORT_DELAY <= boot <= time + ONE_STOP]
    return near[-1] if near else time
