"""Records of evidence → a database of events, facts and crashes that two million events fit in.

Source: SQLite's documentation (write-ahead log, UPSERT, window functions).  One transaction a file of evidence: killed
at any moment, the database holds whole files only, and the next run reads the rest.

Times are microseconds since 1970 UTC.  `raw` is what the file says, `local` whether that is the host's wall clock;
`utc` is made of them by `settle.py`, once the hosts' clocks are known, and may be made anew.

The events of one file have numbers in a row, `first` to `last` of its entry, and `shares` names the hosts among them:
what concerns a file or a host is done without looking at two million others.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from json.encoder import encode_basestring as _quoted
from typing import Any

from bugcheck.errors import BugcheckError
from bugcheck.evidence.evidence import (
    NO_FIELDS,
    CrashSeen,
    Event,
    Evidence,
    Fact,
    FindingSeen,
    ModuleSeen,
    Quality,
    Record,
    Span,
)

VERSION = 2
"""Of the schema: a database of another version is thrown away and read anew, for it holds only derived data."""
BATCH = 5000
MOST_TEXT = 4000
"""Characters of an event's text or field that are kept."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_decoder: Any = json.JSONDecoder()
_scan = _decoder.scan_once
"""What `json.loads` comes to, for texts this module wrote itself."""
_NAIVE_EPOCH = _EPOCH.replace(tzinfo=None)
_SCHEMA = """
CREATE TABLE evidence(id TEXT PRIMARY KEY, path TEXT, sha256 TEXT, size INTEGER, kind TEXT, quality TEXT, origin TEXT,
    own_host TEXT, host TEXT, events INTEGER, facts INTEGER, notes TEXT, ord INTEGER, first INTEGER, last INTEGER,
    reader TEXT);
CREATE TABLE shares(evidence TEXT, own_host TEXT, host TEXT, local INTEGER, skew INTEGER);
CREATE TABLE state(name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE events(id INTEGER PRIMARY KEY, utc INTEGER, raw INTEGER, local INTEGER, evidence TEXT, own_host TEXT,
    host TEXT, kind TEXT, code INTEGER, source TEXT, text TEXT, fields TEXT, place TEXT, count INTEGER, span INTEGER,
    twin INTEGER);
CREATE TABLE facts(id INTEGER PRIMARY KEY, evidence TEXT, own_host TEXT, host TEXT, kind TEXT, name TEXT, value TEXT,
    place TEXT, fields TEXT);
CREATE TABLE spans(evidence TEXT, own_host TEXT, host TEXT, start INTEGER, finish INTEGER, local INTEGER,
    utc_start INTEGER, utc_finish INTEGER, kinds TEXT, note TEXT);
CREATE TABLE crashes(id INTEGER PRIMARY KEY, evidence TEXT, own_host TEXT, host TEXT, utc INTEGER, seen TEXT,
    analysis TEXT);
CREATE TABLE clocks(host TEXT PRIMARY KEY, skew REAL, source TEXT);
"""


class StoreBusy(BugcheckError):
    """Another process is writing the same database, or it cannot be written at all."""


@contextmanager
def transaction(database: sqlite3.Connection, name: str) -> Generator[None]:
    """One transaction of a database, waited for; rolled back when what is done in it fails. Raises StoreBusy."""
    try:
        database.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        raise StoreBusy(f"{name}: {error}") from error
    done = False
    try:
        yield
        done = True
    finally:
        database.execute("COMMIT" if done else "ROLLBACK")


def microseconds(moment: datetime) -> int:
    """Count microseconds since 1970; a naive time is counted as if it were UTC."""
    since = moment - (_EPOCH if moment.tzinfo else _NAIVE_EPOCH)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment_of(stamp: int) -> datetime:
    """Make a UTC time of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=stamp)


@dataclass(frozen=True, slots=True)
class StoredCrash:
    """A crash as the store keeps it: its row's number, evidence id, host ("" when unknown) and what was seen of it."""

    number: int
    evidence: str
    host: str
    seen: CrashSeen


@dataclass(frozen=True, slots=True)
class PlacedFact:
    """A fact with the evidence it comes from and the host it is about ("" when unknown)."""

    fact: Fact
    evidence: str
    host: str


class EventStore:
    """The database.

    Attributes:
        path: of the file, ":memory:" for none.
        database: the connection; other modules of this stage write their own statements on it.
    """

    def __init__(self, path: str = ":memory:") -> None:
        """Open or make the database. Raises StoreBusy when it cannot be had."""
        self.path = path
        try:
            self._rows: list[tuple[object, ...]] = []
            self._shares: set[tuple[str, bool]] = set()
            self._first: int | None = None
            self.database = sqlite3.connect(path, timeout=30, isolation_level=None)
            self._prepare()
        except sqlite3.DatabaseError as error:
            raise StoreBusy(f"{path}: {error}") from error

    def _prepare(self) -> None:
        self.database.execute("PRAGMA journal_mode=WAL")
        self.database.execute("PRAGMA synchronous=NORMAL")
        self.database.execute("PRAGMA cache_size=-65536")  # KiB; the default of 2 MB thrashes on a database of 500
        (version,) = self.database.execute("PRAGMA user_version").fetchone()
        if version == VERSION:
            return
        with self.writing():
            names = [name for (name,) in self.database.execute("SELECT name FROM sqlite_master WHERE type='table'")]
            for name in names:
                self.database.execute(f'DROP TABLE "{name}"')
            for statement in _SCHEMA.split(";"):
                self.database.execute(statement)
            self.database.execute(f"PRAGMA user_version={VERSION}")

    @contextmanager
    def writing(self) -> Generator[None]:
        """One transaction, waited for; rolled back when what is done in it fails. Raises StoreBusy."""
        with transaction(self.database, self.path):
            try:
                yield
            finally:
                self._start_file()

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    # --- writing ---

    def add(self, evidence_id: str, record: Record) -> int | None:
        """Take one record, inside `writing()`; gaps are kept in their evidence's notes and not here.

        Returns the number of a crash, None for any other record.
        """
        if isinstance(record, Event):
            if self._first is None:
                self._first = self._next_event()
            self._shares.add((record.host, record.time.tzinfo is None))
            self._rows.append(_event_row(evidence_id, record))
            if len(self._rows) >= BATCH:
                self.flush()
        elif isinstance(record, Fact):
            values = (evidence_id, record.host, record.kind, record.name, record.value, record.where)
            self.database.execute(
                "INSERT INTO facts(evidence,own_host,kind,name,value,place,fields) VALUES(?,?,?,?,?,?,?)",
                (*values, _fields(record.fields)),
            )
        elif isinstance(record, Span):
            local = record.start.tzinfo is None
            bounds = (microseconds(record.start), microseconds(record.end), local)
            self.database.execute(
                "INSERT INTO spans(evidence,own_host,start,finish,local,kinds,note) VALUES(?,?,?,?,?,?,?)",
                (evidence_id, record.host, *bounds, f" {' '.join(sorted(record.kinds))} ", record.note),
            )
        elif isinstance(record, CrashSeen):
            when = microseconds(record.time) if record.time else None
            return self.database.execute(
                "INSERT INTO crashes(evidence,own_host,utc,seen) VALUES(?,?,?,?)",
                (evidence_id, record.host, when, _seen_json(record)),
            ).lastrowid
        return None

    def flush(self) -> None:
        """Write the events that wait."""
        self.database.executemany(
            "INSERT INTO events(utc,raw,local,evidence,own_host,kind,code,source,text,fields,place,count,span) "
            "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
            self._rows,
        )
        self._rows.clear()

    def _next_event(self) -> int:
        return self.database.execute("SELECT COALESCE(MAX(id),0)+1 FROM events").fetchone()[0]

    def _start_file(self) -> None:
        self._rows.clear()
        self._shares.clear()
        self._first = None

    def finish(self, evidence: Evidence, reader: str = "") -> None:
        """Enter a file whose records have all been added, inside the same `writing()`; `reader` is who read it."""
        self.flush()
        (ord_,) = self.database.execute("SELECT COALESCE(MAX(ord),0)+1 FROM evidence").fetchone()
        values = (evidence.id, evidence.path, evidence.sha256, evidence.size, evidence.kind, evidence.quality.value)
        rest = (evidence.origin, evidence.host, evidence.events, evidence.facts, "\n".join(evidence.notes), ord_)
        last = self._next_event() - 1
        numbers = (self._first if self._first is not None else last + 1, last)
        self.database.execute(
            "INSERT INTO evidence(id,path,sha256,size,kind,quality,origin,own_host,events,facts,notes,ord,first,last,"
            "reader) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (*values, *rest, *numbers, reader),
        )
        self.database.executemany(
            "INSERT INTO shares(evidence,own_host,local,skew) VALUES(?,?,?,0)",
            [(evidence.id, host, local) for host, local in sorted(self._shares)],
        )
        self._start_file()
        self.set_state("settled", "")

    def forget(self, evidence_id: str) -> None:
        """Take a file and its records out, inside `writing()`."""
        self.database.execute(
            "DELETE FROM events WHERE id BETWEEN (SELECT first FROM evidence WHERE id=?1) AND "
            "(SELECT last FROM evidence WHERE id=?1)",
            (evidence_id,),
        )
        for name, column in (("facts", "evidence"), ("spans", "evidence"), ("shares", "evidence"),
                             ("crashes", "evidence"), ("evidence", "id")):  # fmt: skip
            self.database.execute(f"DELETE FROM {name} WHERE {column}=?", (evidence_id,))
        self.set_state("settled", "")

    def keep_analysis(self, number: int, analysis: str) -> None:
        """Keep a crash's analysis as JSON text."""
        self.database.execute("UPDATE crashes SET analysis=? WHERE id=?", (analysis, number))

    def set_state(self, name: str, value: str) -> None:
        """Note something about the database itself, inside `writing()`."""
        self.database.execute("INSERT OR REPLACE INTO state VALUES(?,?)", (name, value))

    # --- reading ---

    def state(self, name: str) -> str:
        """What was noted about the database itself, "" without."""
        row = self.database.execute("SELECT value FROM state WHERE name=?", (name,)).fetchone()
        return row[0] if row else ""

    def reader(self, evidence_id: str) -> str:
        """Who read a file, "" when nobody says."""
        row = self.database.execute("SELECT reader FROM evidence WHERE id=?", (evidence_id,)).fetchone()
        return row[0] or "" if row else ""

    def evidence(self) -> list[Evidence]:
        """Every file, in the order they were read."""
        rows = self.database.execute(
            "SELECT id,COALESCE(host,own_host),path,sha256,size,kind,quality,origin,events,facts,notes "
            "FROM evidence ORDER BY ord"
        ).fetchall()
        spans = self._spans_by_evidence()
        return [
            Evidence(
                id_, host or "", path, sha256, size, kind, Quality(quality), origin, tuple(spans.get(id_, ())), events,
                facts, tuple(notes.splitlines()),
            )
            for id_, host, path, sha256, size, kind, quality, origin, events, facts, notes in rows
        ]  # fmt: skip

    def _spans_by_evidence(self) -> dict[str, list[Span]]:
        found: dict[str, list[Span]] = {}
        rows = self.database.execute(
            "SELECT evidence,COALESCE(utc_start,start),COALESCE(utc_finish,finish),kinds,COALESCE(host,own_host),note "
            "FROM spans ORDER BY start"
        )
        for evidence, start, finish, kinds, host, note in rows:
            span = Span(moment_of(start), moment_of(finish), frozenset(kinds.split()), host or "", note)
            found.setdefault(evidence, []).append(span)
        return found

    def facts(self, *kinds: str, name: str = "", host: str | None = None) -> list[PlacedFact]:
        """Facts of these kinds (all without), perhaps of one name (in any case) and of one host."""
        tests, values = ["1"], list[object]()
        if kinds:
            tests.append(f"kind IN ({','.join('?' * len(kinds))})")
            values += kinds
        if name:
            tests.append("name=? COLLATE NOCASE")
            values.append(name)
        if host is not None:
            tests.append("host=?")
            values.append(host)
        rows = self.database.execute(
            "SELECT kind,name,value,place,fields,own_host,evidence,COALESCE(host,own_host) FROM facts "
            f"WHERE {' AND '.join(tests)} ORDER BY id",
            values,
        )
        return [
            PlacedFact(Fact(kind, what, value, place, fields_of(fields), own), evidence, where or "")
            for kind, what, value, place, fields, own, evidence, where in rows
        ]

    def crashes(self) -> list[StoredCrash]:
        """Crashes seen in dumps and logs, oldest first."""
        rows = self.database.execute(
            "SELECT id,evidence,COALESCE(host,own_host),seen FROM crashes ORDER BY utc IS NULL,utc,id"
        )
        return [StoredCrash(number, evidence, host or "", _seen_of(seen)) for number, evidence, host, seen in rows]

    def analyses(self) -> dict[int, str]:
        """JSON of the analyses kept, by the crash's number."""
        return dict(self.database.execute("SELECT id,analysis FROM crashes WHERE analysis IS NOT NULL"))


def _event_row(evidence_id: str, event: Event) -> tuple[object, ...]:
    span = microseconds(event.until) - microseconds(event.time) if event.until else 0
    raw, local = microseconds(event.time), event.time.tzinfo is None
    return (
        None if local else raw, raw, local, evidence_id, event.host, event.kind, event.code,
        event.source, event.text[:MOST_TEXT], _fields(event.fields), event.where, event.count, span,
    )  # fmt: skip


def _fields(fields: Mapping[str, str]) -> str | None:
    if not fields:
        return None
    # json.dumps makes an encoder for each call; keys and values are texts, so that quoting them is all there is to do
    return "{" + ", ".join([f"{_quoted(key)}: {_quoted(value[:MOST_TEXT])}" for key, value in fields.items()]) + "}"


def fields_of(text: str | None) -> Mapping[str, str]:
    """Read fields back."""
    return _scan(text, 0)[0] if text else NO_FIELDS


def _seen_json(seen: CrashSeen) -> str:
    values = {name: getattr(seen, name) for name in CrashSeen.__slots__ if name not in ("analysis", "time")}
    values["modules"] = [asdict(module) for module in seen.modules]
    values["findings"] = [asdict(finding) for finding in seen.findings]
    values["time"] = microseconds(seen.time) if seen.time else None
    return json.dumps(values, ensure_ascii=False)


def _seen_of(text: str) -> CrashSeen:
    values: dict[str, Any] = json.loads(text)
    values["modules"] = tuple(ModuleSeen(**module) for module in values["modules"])
    values["findings"] = tuple(FindingSeen(**finding) for finding in values["findings"])
    values["time"] = moment_of(values["time"]) if values["time"] is not None else None
    for name in ("parameters", "unloaded", "stack"):
        values[name] = tuple(values[name])
    return CrashSeen(**values)


def one_of(values: Iterable[str]) -> str:
    """The only distinct value that is not empty, or ""."""
    found = {value for value in values if value}
    return found.pop() if len(found) == 1 else ""
