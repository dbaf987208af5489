"""A case's folder → its store: identity, custody of the evidence, every verdict with its history, decisions, the watch.

Source: SQLite's documentation (write-ahead log, user_version).

`.bugcheck/` in the case's folder holds `case.sqlite`, which is the case and is upgraded, never thrown away, and
`timeline.sqlite`, which is derived from the evidence and may be.  Killed at any moment, a transaction is there whole or
not at all; a second process waits.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from secrets import token_hex

from bugcheck.cases.investigate import Case
from bugcheck.errors import BugcheckError, UsageError
from bugcheck.evidence.evidence import Evidence
from bugcheck.evidence.intake import CASE_FOLDER
from bugcheck.timeline.store import StoreBusy, transaction

LONGEST_WAIT = 30.0
"""Seconds to wait for another process."""
CASE_FILE, TIMELINE_FILE = "case.sqlite", "timeline.sqlite"
LOCK_FILE = "lock.sqlite"
VERSION = 3


@dataclass(frozen=True, slots=True)
class Custody:
    """A line of the chain of custody: when what happened to which file ("added", "changed", "gone"), and its hash."""

    time: datetime
    what: str
    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a hypothesis stood in one investigation of the case."""

    key: str
    title: str
    state: str
    log_odds: float
    decided_by: str


@dataclass(frozen=True, slots=True)
class Run:
    """One investigation of the case: number from 1, when, and how each hypothesis stood, in order."""

    number: int
    time: datetime
    standings: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """Something a person decided: in words, who and when; which step of the plan (None for another), and its text."""

    time: datetime
    by: str
    text: str
    step: int | None
    treatment: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """A dump the watch has met: its hash, path, verdict, and the path the case keeps it under ("" for nothing kept)."""

    sha256: str
    path: str
    verdict: str
    kept: str


class NotWritable(BugcheckError):
    """Nothing can be kept in this folder."""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a hypothesis from one investigation to the next."""

    title: str
    before: Standing | None
    after: Standing | None

    @property
    def words(self) -> str:
        """The change in a sentence."""
        if self.before is None:
            return f"new: {self.title}" + (f" ({self.after.state}, {self.after.log_odds:+.1f})" if self.after else "")
        if self.after is None:
            return f"no longer proposed: {self.title}"
        why = f": {self.after.decided_by}" if self.after.decided_by else ""
        moved = f"{self.before.log_odds:+.1f} → {self.after.log_odds:+.1f}"
        state = (
            self.after.state if self.before.state == self.after.state else f"{self.before.state} → {self.after.state}"
        )
        return f"{self.title}: {state.replace('_', ' ')}, {moved}{why}"


def _first(database: sqlite3.Connection) -> None:
    for statement in (
        "CREATE TABLE identity(id TEXT, created TEXT)",
        "CREATE TABLE custody(time TEXT, what TEXT, path TEXT, sha256 TEXT)",
        "CREATE TABLE runs(number INTEGER PRIMARY KEY, time TEXT, standings TEXT)",
        "CREATE TABLE decisions(time TEXT, by TEXT, text TEXT)",
    ):
        database.execute(statement)


def _second(database: sqlite3.Connection) -> None:
    """Decisions name a step of the plan; the watch keeps what it saw."""
    database.execute("ALTER TABLE decisions ADD COLUMN step INTEGER")
    database.execute("CREATE TABLE watched(sha256 TEXT PRIMARY KEY, time TEXT, path TEXT, verdict TEXT)")


def _third(database: sqlite3.Connection) -> None:
    """A decision keeps its step's text, a dump its copy, a look what it saw, and the plan is kept."""
    database.execute("ALTER TABLE decisions ADD COLUMN treatment TEXT NOT NULL DEFAULT ''")
    database.execute("ALTER TABLE watched ADD COLUMN kept TEXT NOT NULL DEFAULT ''")
    database.execute("CREATE TABLE looked(path TEXT PRIMARY KEY, size INTEGER, stamp INTEGER)")
    database.execute("CREATE TABLE plan(number INTEGER PRIMARY KEY CHECK(number=1), text TEXT)")


UPGRADES: Sequence[Callable[[sqlite3.Connection], None]] = (_first, _second, _third)
"""Each takes the database one version further."""


class CaseStore:
    """The store of one case.

    Attributes:
        folder: the case's folder. id: of the case. created: UTC.
    """

    def __init__(self, folder: str, now: datetime) -> None:
        """Open the store of a folder, or make it.

        Raises:
            StoreBusy: it cannot be had. NotWritable: nothing can be kept there.
            UsageError: it was written by a newer bugcheck, or is damaged.
        """
        self.folder = folder
        self.home = Path(folder) / CASE_FOLDER
        try:
            self.home.mkdir(exist_ok=True)
            self.database = sqlite3.connect(self.home / CASE_FILE, timeout=30, isolation_level=None)
            self.database.execute("PRAGMA journal_mode=WAL")
            self._check()
            self._upgrade()
            self.id, self.created = self._identity(now)
        except sqlite3.OperationalError as error:
            kind = NotWritable if any(word in str(error) for word in ("readonly", "unable to open")) else StoreBusy
            raise kind(f"{self.home / CASE_FILE}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise self._damaged(str(error)) from error
        except OSError as error:
            raise NotWritable(f"{self.home}: {error.strerror}") from error

    def _check(self) -> None:
        (answer,) = self.database.execute("PRAGMA quick_check(1)").fetchone()
        if answer != "ok":
            raise self._damaged(answer)

    def _damaged(self, why: str) -> UsageError:
        remedy = "put a copy back, or move it away to begin the case anew (--no-store leaves it alone)"
        return UsageError(f"{self.home / CASE_FILE} is damaged: {why}; {remedy}")

    @contextmanager
    def investigating(self) -> Generator[None]:
        """Keep other processes from investigating the case; ends with the process, however it ends.

        Raises:
            StoreBusy: another process has been at it for half a minute.
        """
        lock = sqlite3.connect(self.home / LOCK_FILE, timeout=LONGEST_WAIT, isolation_level=None)
        try:
            lock.execute("BEGIN EXCLUSIVE")
            yield
        except sqlite3.OperationalError as error:
            raise StoreBusy(f"{self.folder}: another process is investigating this case; try again later") from error
        finally:
            lock.close()

    @property
    def timeline_path(self) -> str:
        """Where the timeline's database lies."""
        return str(self.home / TIMELINE_FILE)

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    @contextmanager
    def writing(self) -> Generator[None]:
        """One transaction. Raises StoreBusy when another process writes for longer than half a minute."""
        with transaction(self.database, str(self.home / CASE_FILE)):
            yield

    def _upgrade(self) -> None:
        with self.writing():
            (version,) = self.database.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise UsageError(f"{self.home / CASE_FILE} was written by a newer bugcheck (version {version})")
            for upgrade in UPGRADES[version:]:
                upgrade(self.database)
            self.database.execute(f"PRAGMA user_version={VERSION}")

    def _identity(self, now: datetime) -> tuple[str, datetime]:
        with self.writing():
            row = self.database.execute("SELECT id,created FROM identity").fetchone()
            if row is None:
                row = (token_hex(6), now.isoformat())
                self.database.execute("INSERT INTO identity VALUES(?,?)", row)
        return row[0], datetime.fromisoformat(row[1])

    # --- custody ---

    def take_custody(self, evidence: Sequence[Evidence], now: datetime) -> list[Custody]:
        """Enter what was added, changed or is gone since the last time; returns the new lines."""
        with self.writing():
            held = dict(self.database.execute("SELECT path,sha256 FROM custody ORDER BY rowid"))
            gone = {path for path, digest in held.items() if digest == ""}
            current = {each.path: each.sha256 for each in evidence if each.sha256}
            lines = [
                Custody(now, "added" if path not in held or path in gone else "changed", path, digest)
                for path, digest in current.items()
                if held.get(path) != digest
            ]
            lines += [Custody(now, "gone", path, "") for path in held.keys() - current.keys() - gone]
            self.database.executemany(
                "INSERT INTO custody VALUES(?,?,?,?)",
                [(line.time.isoformat(), line.what, line.path, line.sha256) for line in lines],
            )
        return lines

    def custody(self) -> list[Custody]:
        """The whole chain, oldest first."""
        rows = self.database.execute("SELECT time,what,path,sha256 FROM custody ORDER BY rowid")
        return [Custody(datetime.fromisoformat(time), what, path, digest) for time, what, path, digest in rows]

    # --- verdicts ---

    def held(self) -> set[str]:
        """Hashes of the files the case holds or held."""
        return {digest for (digest,) in self.database.execute("SELECT DISTINCT sha256 FROM custody WHERE sha256<>''")}

    def plan(self) -> str:
        """The last investigation's plan as `kept_plan` writes it, "" before the first."""
        row = self.database.execute("SELECT text FROM plan").fetchone()
        return row[0] if row else ""

    def keep(self, case: Case, plan: str = "") -> list[Change]:
        """Enter how the hypotheses stand now; returns what changed since the last time (nothing the first time)."""
        with self.writing():
            self.database.execute("INSERT OR REPLACE INTO plan VALUES(1,?)", (plan,))
        standings = [
            Standing(each.key, each.title, each.state.value, each.log_odds, each.decided_by)
            for each in case.weighed.hypotheses
        ]
        before = self.runs()[-1:]
        text = json.dumps([[getattr(each, name) for name in Standing.__slots__] for each in standings])
        if not before or list(before[0].standings) != standings:
            with self.writing():
                self.database.execute("INSERT INTO runs(time,standings) VALUES(?,?)", (case.created.isoformat(), text))
        return changes(before[0].standings, standings) if before else []

    def runs(self) -> list[Run]:
        """Every investigation whose outcome differed from the one before, oldest first."""
        rows = self.database.execute("SELECT number,time,standings FROM runs ORDER BY number")
        return [
            Run(number, datetime.fromisoformat(time), tuple(Standing(*row) for row in json.loads(text)))
            for number, time, text in rows
        ]

    # --- decisions and the watch ---

    def decide(self, text: str, by: str, now: datetime, step: int | None = None, treatment: str = "") -> None:
        """Enter what a person decided or did; `treatment` is the step's text."""
        with self.writing():
            self.database.execute(
                "INSERT INTO decisions(time,by,text,step,treatment) VALUES(?,?,?,?,?)",
                (now.isoformat(), by, text, step, treatment),
            )

    def decisions(self) -> list[Decision]:
        """What was decided, oldest first."""
        rows = self.database.execute("SELECT time,by,text,step,treatment FROM decisions ORDER BY rowid")
        return [Decision(datetime.fromisoformat(time), *rest) for time, *rest in rows]

    def watched(self) -> list[Look]:
        """The dumps the watch has met, oldest first."""
        rows = self.database.execute("SELECT sha256,path,verdict,kept FROM watched ORDER BY rowid")
        return [Look(*row) for row in rows]

    def kept_dumps(self) -> tuple[str, ...]:
        """What the case knows the dumps by that the watch has met: paths for `Intake.also`."""
        return tuple(each.kept for each in self.watched() if each.kept)

    def saw(self, sha256: str, path: str, verdict: str, now: datetime, kept: str = "") -> None:
        """Enter a dump the watch has met, or what it says of it."""
        with self.writing():
            self.database.execute(
                "INSERT INTO watched(sha256,time,path,verdict,kept) VALUES(?,?,?,?,?) "
                "ON CONFLICT(sha256) DO UPDATE SET verdict=excluded.verdict",
                (sha256, now.isoformat(), path, verdict, kept),
            )

    def looks(self) -> dict[str, tuple[int, int]]:
        """Size and time of the files the watch has looked into, by path."""
        rows = self.database.execute("SELECT path,size,stamp FROM looked")
        return {path: (size, stamp) for path, size, stamp in rows}

    def looked(self, path: str, size: tuple[int, int]) -> None:
        """Enter a file the watch has looked into."""
        with self.writing():
            self.database.execute("INSERT OR REPLACE INTO looked VALUES(?,?,?)", (path, *size))


def changes(before: Sequence[Standing], after: Sequence[Standing]) -> list[Change]:
    """What differs between two investigations, in the order of the later one."""
    old, new = {each.key: each for each in before}, {each.key: each for each in after}
    found = [
        Change(each.title, old.get(each.key), each)
        for each in after
        if each.key not in old or (old[each.key].state, old[each.key].log_odds) != (each.state, each.log_odds)
    ]
    return found + [Change(each.title, each, None) for each in before if each.key not in new]


def is_case(folder: str) -> bool:
    """Tell whether a folder has been investigated before."""
    return (Path(folder) / CASE_FOLDER / CASE_FILE).is_file()
