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
from bugcheck.errors import UsageError
from bugcheck.evidence.evidence import Evidence
from bugcheck.evidence.intake import CASE_FOLDER
from bugcheck.timeline.store import StoreBusy

CASE_FILE, TIMELINE_FILE = "case.sqlite", "timeline.sqlite"
VERSION = 2


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
    """Something a person decided: which step of the plan (None for another), in words, who and when."""

    time: datetime
    by: str
    text: str
    step: int | None


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


UPGRADES: Sequence[Callable[[sqlite3.Connection], None]] = (_first, _second)
"""Each takes the database one version further."""


class CaseStore:
    """The store of one case.

    Attributes:
        folder: the case's folder. id: of the case. created: UTC.
    """

    def __init__(self, folder: str, now: datetime) -> None:
        """Open the store of a folder, or make it.

        Raises:
            StoreBusy: it cannot be had. UsageError: it was written by a newer bugcheck, or is no database.
        """
        self.folder = folder
        self.home = Path(folder) / CASE_FOLDER
        try:
            self.home.mkdir(exist_ok=True)
            self.database = sqlite3.connect(self.home / CASE_FILE, timeout=30, isolation_level=None)
            self.database.execute("PRAGMA journal_mode=WAL")
            self._upgrade()
            self.id, self.created = self._identity(now)
        except sqlite3.OperationalError as error:
            raise StoreBusy(f"{self.home / CASE_FILE}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise UsageError(f"{self.home / CASE_FILE} is damaged: {error}") from error
        except OSError as error:
            raise UsageError(f"{self.home}: {error.strerror}") from error

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
        try:
            self.database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise StoreBusy(f"{self.home / CASE_FILE}: {error}") from error
        done = False
        try:
            yield
            done = True
        finally:
            self.database.execute("COMMIT" if done else "ROLLBACK")

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

    def keep(self, case: Case) -> list[Change]:
        """Enter how the hypotheses stand now; returns what changed since the last time (nothing the first time)."""
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

    def decide(self, text: str, by: str, now: datetime, step: int | None = None) -> None:
        """Enter what a person decided or did."""
        with self.writing():
            self.database.execute(
                "INSERT INTO decisions(time,by,text,step) VALUES(?,?,?,?)", (now.isoformat(), by, text, step)
            )

    def decisions(self) -> list[Decision]:
        """What was decided, oldest first."""
        rows = self.database.execute("SELECT time,by,text,step FROM decisions ORDER BY rowid")
        return [Decision(datetime.fromisoformat(time), by, text, step) for time, by, text, step in rows]

    def watched(self) -> dict[str, str]:
        """What the watch has seen: verdict by the file's SHA-256."""
        return dict(self.database.execute("SELECT sha256,verdict FROM watched"))

    def saw(self, sha256: str, path: str, verdict: str, now: datetime) -> None:
        """Enter a file the watch has judged."""
        with self.writing():
            self.database.execute(
                "INSERT OR REPLACE INTO watched VALUES(?,?,?,?)", (sha256, now.isoformat(), path, verdict)
            )


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
