"""The entries of one log file → its Events, and what the file as a whole tells: spans, hosts, clock, versions.

Source: Windows numbers the entries of a log without gaps, so missing numbers mean a filtered export or damage; Vista
and later write the time zone into event 6013 once a day, and UTC into the text of Kernel-General 12 and 13.

Folklore: a span says "had it happened, you would read it here", so it is the dangerous statement.  A log covers what
Windows writes by itself (knowledge/event_logs.tsv) and the kinds it shows; an export of one event id covers no more
than that.  A computer that was renamed has several names in one log, one after the other; a collector's log has several
at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

from bugcheck.evidence.event_meaning import event_of
from bugcheck.evidence.event_record import LogRecord
from bugcheck.evidence.evidence import Event, Fact, Record, Span
from bugcheck.gaps import Gap
from bugcheck.knowledge.events import kinds_of_log

_LOGS_LIMIT = 200
_HOSTS_LIMIT = 64
_ZONES_LIMIT = 8
_OFFSETS_LIMIT = 100
_WHOLE = 0.98
"""Share of record numbers a log must have to count as whole."""
_VARIED = 12
"""Different event ids from which an export without numbers is taken for a whole log."""
_STAPLES = {"System": frozenset((6005, 6006, 6013, 7036))}
"""Ids that every whole log has: a view of errors and warnings lacks them."""
_TELLING = {
    "EventLog": "System", "Service Control Manager": "System", "Microsoft-Windows-Kernel-General": "System",
    "Security": "Security", "Microsoft-Windows-Security-Auditing": "Security",
    "MsiInstaller": "Application", "Application Error": "Application", "Userenv": "Application",
}  # fmt: skip
"""Providers that write into one log only: exports seldom name the log."""
_UTC_TEXT = re.compile(r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})")
_PRODUCT_KINDS = frozenset(("antivirus_update", "antivirus_state"))


@dataclass(slots=True)
class _Log:
    first: datetime
    last: datetime
    count: int = 0
    kinds: set[str] = field(default_factory=lambda: set[str]())
    codes: set[int] = field(default_factory=lambda: set[int]())
    lowest: int = 0
    highest: int = 0
    modern: bool = False
    guesses: set[str] = field(default_factory=lambda: set[str]())
    clears: list[datetime] = field(default_factory=lambda: list[datetime]())


@dataclass(slots=True)
class _Period:
    """From when to when something held: a name, a distance from UTC."""

    first: datetime
    last: datetime

    def reach(self, time: datetime) -> None:
        time = time.replace(tzinfo=None)
        self.first, self.last = min(self.first, time), max(self.last, time)


class EventLog:
    """Collects what one file's entries say together.

    Args:
        path: of the file, for gaps. era: "nt5" for a .evt; "" to tell by the providers. log: the log's name where the
            entries do not say it ("System").
    """

    def __init__(self, path: str, era: str = "", log: str = "") -> None:
        self.path = path
        self._era = era
        self.log = log
        self._logs: dict[tuple[str, bool], _Log] = {}
        self._hosts: dict[str, tuple[str, _Period]] = {}
        self._last_host = ""
        self._last_time = datetime.min
        self._host_changes = 0
        self._os_seen = ""
        self._zones: dict[tuple[str, str], Fact] = {}
        self._offsets: list[tuple[Fact, _Period]] = []
        self._facts: dict[tuple[str, str], Fact] = {}
        self._copies = 0
        self._damage: dict[str, tuple[int, str]] = {}

    def event(self, record: LogRecord) -> Event:
        """Tell what an entry means, and remember what it says of the whole."""
        event = event_of(record)
        self._count(record, event)
        if record.host and record.host != self._last_host:
            self._see_host(record)
        self._last_time = record.time
        if event.kind in _SUMMED:
            self._see_fact(record, event)
        return event

    def damaged(self, what: str, where: str) -> None:
        """Count an entry or part that could not be read; `where` is kept of the first of each kind."""
        what = what[:120]
        if what not in self._damage and len(self._damage) >= 20:
            what = "other damage"
        count, first = self._damage.get(what, (0, where))
        self._damage[what] = count + 1, first

    def copied(self) -> None:
        """Count an entry that stands in the file a second time and is not told again."""
        self._copies += 1

    def closing(self) -> Iterator[Record]:
        """Yield what holds of the whole file, after its last entry."""
        for (name, _), log in self._logs.items():
            yield self._span(name, log)
        yield from self._names()
        yield from self._zones.values()
        yield from self._offset_facts()
        yield from self._facts.values()
        for what, (count, first) in self._damage.items():
            times = f" and {count - 1} more" if count > 1 else ""
            yield Gap(f"entries of {self.path} at {first}{times}", what, damage=True)

    def _count(self, record: LogRecord, event: Event) -> None:
        name, time, code = record.log or self.log, record.time, record.code
        key = name, time.tzinfo is not None
        log = self._logs.get(key)
        if log is None:
            if len(self._logs) >= _LOGS_LIMIT:
                return
            log = self._logs[key] = _Log(time, time)
        log.count += 1
        if time > log.last:
            log.last = time
        elif time < log.first:
            log.first = time
        log.kinds.add(event.kind)
        if code not in log.codes and len(log.codes) < 1000:
            log.codes.add(code)
        if not log.modern and record.provider.startswith("Microsoft-Windows-"):
            log.modern = True
        if not name and record.provider in _TELLING:
            log.guesses.add(_TELLING[record.provider])
        if (number := record.number) is not None:
            if number > log.highest:
                log.highest = number
            if number < log.lowest or not log.lowest:
                log.lowest = number
        if code in (517, 1102) and event.kind == "log_cleared" and len(log.clears) < 10:
            log.clears.append(record.time)

    def _span(self, name: str, log: _Log) -> Span:
        names = {name} if name else log.guesses
        era = self._era or ("nt6" if log.modern else "nt5")
        kinds = frozenset(log.kinds - {""})
        expected = log.highest - log.lowest + 1 if log.highest else 0
        if expected:
            whole = log.count >= _WHOLE * expected
            note = "" if whole else f"{expected - log.count} of {expected} record numbers are missing"
        else:
            staples = [_STAPLES[one] for one in names if one in _STAPLES]
            whole = len(log.codes) >= _VARIED and all(log.codes & usual for usual in staples)
            note = "" if whole else "perhaps a selection: few different events"
        if log.clears:
            note += f"{'; ' if note else ''}cleared at {log.clears[-1].isoformat()}"
        if self._copies:
            note += f"{'; ' if note else ''}{self._copies} entries stood in the file twice"
        if whole:
            kinds = kinds.union(*(kinds_of_log(one, era) for one in names))
        return Span(log.first, log.last, kinds, note=note)

    def _see_host(self, record: LogRecord) -> None:
        self._end_host()
        key = _host_key(record.host)
        self._host_changes += key != _host_key(self._last_host)
        self._last_host = record.host
        if key in self._hosts:
            self._hosts[key][1].reach(record.time)
        elif len(self._hosts) < _HOSTS_LIMIT:
            time = record.time.replace(tzinfo=None)
            self._hosts[key] = record.host, _Period(time, time)

    def _end_host(self) -> None:
        if seen := self._hosts.get(_host_key(self._last_host)):
            seen[1].reach(self._last_time)

    def _names(self) -> Iterator[Fact]:
        """Name the computer by its newest name, unless the log was collected from several."""
        self._end_host()
        found = sorted(self._hosts.values(), key=lambda each: each[1].first)
        if not found or self._host_changes > len(found) or len(found) > 6:
            return
        if any(earlier.last > later.first for (_, earlier), (_, later) in pairwise(found)):
            return
        names = [name for name, _ in found]
        former = ", ".join(names[:-1])
        yield Fact("computer_name", "", names[-1], "in every entry", {"former": former} if former else {})

    def _see_fact(self, record: LogRecord, event: Event) -> None:
        fields = event.fields
        if event.kind == "uptime" and "zone" in fields:
            self._see_zone(Fact("time_zone", fields["zone"], fields["bias"], event.where, host=event.host))
        elif event.kind in ("boot", "clean_shutdown"):
            if "build" in fields and "version" in fields:
                value = f"{fields['version']}.{fields['build']}"
                kept = {name: fields[name] for name in ("build", "service_pack") if name in fields}
                if record.time.isoformat() >= self._os_seen:
                    self._os_seen = record.time.isoformat()
                    self._facts["os", ""] = Fact("os", "", value, event.where, kept, event.host)
            if record.time.tzinfo is None and record.message:
                self._see_offset(record, event)
        elif event.kind in _PRODUCT_KINDS and "definitions" in fields and "product" in fields:
            kept = {name: fields[name] for name in ("definitions", "engine", "state") if name in fields}
            fact = Fact(
                "security_product", fields["product"], fields.get("version", ""), event.where,
                {**kept, "seen": event.time.isoformat()}, event.host,
            )  # fmt: skip
            before = self._facts.get(("security_product", fact.name))
            if before is None or before.fields["seen"] < fact.fields["seen"]:
                self._facts["security_product", fact.name] = fact

    def _see_zone(self, fact: Fact) -> None:
        if len(self._zones) < _ZONES_LIMIT:
            self._zones.setdefault((fact.name, fact.value), fact)

    def _see_offset(self, record: LogRecord, event: Event) -> None:
        """Compare the entry's local time with the UTC time in its text."""
        text = record.message[:300].replace("\u200e", "").replace("?", "")
        bias = bias_between(record.time, text)
        if bias is None:
            return
        time = record.time
        if self._offsets and self._offsets[-1][0].fields["active_bias"] == str(bias):
            self._offsets[-1][1].reach(time)
        elif len(self._offsets) < _OFFSETS_LIMIT:
            fact = Fact("time_zone", "", "", event.where, {"active_bias": str(bias)}, event.host)
            self._offsets.append((fact, _Period(time, time)))

    def _offset_facts(self) -> Iterator[Fact]:
        """Tell how far the clock was from UTC, and from when to when it was seen to be."""
        for fact, period in self._offsets:
            times = {"at": period.first.isoformat(), "until": period.last.isoformat()}
            yield replace(fact, fields={**fact.fields, **times})


def _host_key(name: str) -> str:
    return name.partition(".")[0].casefold()


_SUMMED = frozenset(("uptime", "boot", "clean_shutdown", *_PRODUCT_KINDS))


def bias_between(local: datetime, text: str) -> int | None:
    """Return the minutes local time is behind the UTC time a text names, in quarters of an hour; None when unclear."""
    match = _UTC_TEXT.search(text)
    if match is None:
        return None
    try:
        utc = datetime(*map(int, match.groups()))  # pyright: ignore[reportArgumentType]
    except ValueError:
        return None
    behind = utc - local.replace(tzinfo=None)
    quarters = round(behind / timedelta(minutes=15))
    if abs(behind - quarters * timedelta(minutes=15)) > timedelta(minutes=5) or abs(quarters) > 60:
        return None
    return quarters * 15
