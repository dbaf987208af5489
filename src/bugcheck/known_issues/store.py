"""A database file ↔ KnownIssues: a team's own and imported ones, found by driver, hash, bug check, product and text.

Source: SQLite's documentation (FTS5, WAL, transactions).

Folklore: an import is one transaction, so that killed half-way it leaves nothing behind; write-ahead logging lets
others read meanwhile.  A newer program's database is refused rather than misread.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

from bugcheck.errors import DumpError, LimitExceeded
from bugcheck.known_issues.drivers_seen import stem
from bugcheck.known_issues.issue import KnownIssue, bugcheck_code
from bugcheck.known_issues.issue_table import issue_table
from bugcheck.known_issues.search_text import indexed, query
from bugcheck.known_issues.toml_reader import issue_of
from bugcheck.records import dataclass

SCHEMA = 1
WAIT_SECONDS = 60
MOST_ENTRIES = 2_000_000
MEMORY = ":memory:"
_TABLES = """
CREATE TABLE IF NOT EXISTS entries(
  number INTEGER PRIMARY KEY, id TEXT UNIQUE COLLATE NOCASE, origin TEXT, digest BLOB, data TEXT);
CREATE TABLE IF NOT EXISTS keys(kind TEXT, key TEXT, entry INTEGER, PRIMARY KEY(kind, key, entry)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS keys_by_entry ON keys(entry);
CREATE VIRTUAL TABLE IF NOT EXISTS texts USING fts5(words, tokenize='unicode61 remove_diacritics 2');
"""


@dataclass(slots=True)
class Imported:
    """What came of adding entries: how many were new, changed, the same."""

    added: int = 0
    changed: int = 0
    same: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.added + self.changed + self.same


class IssueStore:
    """A database of known issues.

    Attributes:
        path: of the file, ":memory:" for none.
    """

    def __init__(self, path: str = MEMORY) -> None:
        """Open it, or make it. Raises DumpError when that cannot be done, or it is a newer program's."""
        self.path = path
        with self._words():
            self._database = sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)
            self._prepare()

    def _prepare(self) -> None:
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA:
            raise DumpError(self.path, f"it was made by a newer bugcheck (schema {version}, this one knows {SCHEMA})")
        if version == SCHEMA:
            return
        self._database.execute("PRAGMA journal_mode=WAL")
        with self._writing():
            for statement in _TABLES.split(";\n"):
                self._database.execute(statement)
            self._database.execute(f"PRAGMA user_version={SCHEMA}")

    def close(self) -> None:
        """Close it."""
        self._database.close()

    @contextmanager
    def _words(self) -> Generator[None]:
        """Turn what SQLite raises into an error that names the file."""
        try:
            yield
        except sqlite3.Error as error:
            raise DumpError(self.path, f"the database of known issues cannot be used: {error}") from error

    @contextmanager
    def _writing(self) -> Generator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        whole = False
        try:
            yield
            whole = True
        finally:
            self._database.execute("COMMIT" if whole else "ROLLBACK")

    def add(self, issues: Iterable[KnownIssue]) -> Imported:
        """Add entries, or replace those of the same id, all or none of them. Raises DumpError, LimitExceeded."""
        counts = Imported()
        with self._words(), self._writing():
            for issue in issues:
                self._put(issue, counts)
                if counts.total > MOST_ENTRIES:
                    raise LimitExceeded(self.path, f"more than {MOST_ENTRIES:,} entries (the limit)")
        return counts

    def _put(self, issue: KnownIssue, counts: Imported) -> None:
        data = json.dumps(issue_table(issue), ensure_ascii=False, sort_keys=True)
        digest = sha256(data.encode("utf-8", "replace") + b"\0" + issue.origin.encode("utf-8", "replace")).digest()[:16]
        row = self._database.execute("SELECT number,digest FROM entries WHERE id=?", (issue.id,)).fetchone()
        if row and row[1] == digest:
            counts.same += 1
            return
        if row:
            counts.changed += 1
            self._drop(row[0])
        else:
            counts.added += 1
        number = self._database.execute(
            "INSERT INTO entries(id,origin,digest,data) VALUES(?,?,?,?)", (issue.id, issue.origin, digest, data)
        ).lastrowid
        self._database.executemany(
            "INSERT OR IGNORE INTO keys VALUES(?,?,?)", [(kind, key, number) for kind, key in _keys(issue)]
        )
        self._database.execute("INSERT INTO texts(rowid,words) VALUES(?,?)", (number, indexed(_words_of(issue))))

    def _drop(self, number: int) -> None:
        for statement in ("keys WHERE entry", "texts WHERE rowid", "entries WHERE number"):
            self._database.execute(f"DELETE FROM {statement}=?", (number,))

    def remove(self, issue_id: str) -> bool:
        """Remove an entry; False when there is none."""
        with self._words(), self._writing():
            row = self._database.execute("SELECT number FROM entries WHERE id=?", (issue_id,)).fetchone()
            if row:
                self._drop(row[0])
        return row is not None

    def remove_origin(self, origin: str) -> list[str]:
        """Remove every entry that came from there (in any case); returns their ids."""
        with self._words(), self._writing():
            rows = self._database.execute(
                "SELECT number,id FROM entries WHERE origin=? COLLATE NOCASE ORDER BY id", (origin,)
            ).fetchall()
            for number, _ in rows:
                self._drop(number)
        return [name for _, name in rows]

    def origins(self) -> dict[str, int]:
        """How many entries came from where."""
        with self._words():
            rows = self._database.execute("SELECT origin,COUNT(*) FROM entries GROUP BY 1 ORDER BY 1").fetchall()
        return dict(rows)

    def __len__(self) -> int:
        """How many entries there are."""
        with self._words():
            return self._database.execute("SELECT COUNT(*) FROM entries").fetchone()[0]

    def get(self, issue_id: str) -> KnownIssue | None:
        """An entry by its id, in any case."""
        return next(self._read("SELECT data,origin FROM entries WHERE id=?", (issue_id,)), None)

    def issues(self, limit: int = -1) -> Iterator[KnownIssue]:
        """Every entry, by id."""
        return self._read("SELECT data,origin FROM entries ORDER BY id LIMIT ?", (limit,))

    def by_driver(self, name: str) -> list[KnownIssue]:
        """Entries that name a driver's file."""
        return self._by_key("driver", stem(name))

    def by_hash(self, digest: str) -> list[KnownIssue]:
        """Entries with a hash, of any kind."""
        return self._by_key("hash", digest.strip().casefold())

    def by_bugcheck(self, code: int) -> list[KnownIssue]:
        """Entries that name a bug check."""
        return self._by_key("bugcheck", f"{code:x}")

    def by_product(self, name: str) -> list[KnownIssue]:
        """Entries about a product of exactly this name."""
        return self._by_key("product", name.casefold())

    def _by_key(self, kind: str, key: str) -> list[KnownIssue]:
        sql = "SELECT data,origin FROM entries JOIN keys ON entry=number WHERE kind=? AND key=? ORDER BY id"
        return list(self._read(sql, (kind, key)))

    def search(self, words: str, limit: int = 50) -> list[KnownIssue]:
        """Entries with all these words (failing that, with some of them), the best first."""
        sql = (
            "SELECT data,origin FROM texts JOIN entries ON number=texts.rowid WHERE texts MATCH ? ORDER BY rank LIMIT ?"
        )
        for joined_by in ("AND", "OR"):
            text = query(words, joined_by)
            if text and (found := list(self._read(sql, (text, limit)))):
                return found
        return []

    def _read(self, sql: str, values: tuple[Any, ...]) -> Iterator[KnownIssue]:
        with self._words():
            rows = self._database.execute(sql, values).fetchall()
        for data, origin in rows:
            issue = issue_of(json.loads(data), origin)
            if issue is not None:
                yield issue


def _keys(issue: KnownIssue) -> Iterator[tuple[str, str]]:
    yield from (("driver", stem(name)) for name in issue.drivers)
    yield from (("hash", digest.casefold()) for digest in issue.hashes)
    yield from (("product", name.casefold()) for name in issue.products)
    yield from (("bugcheck", f"{code:x}") for text in issue.bugchecks if (code := bugcheck_code(text)) is not None)


def _words_of(issue: KnownIssue) -> str:
    """All that may be searched: every language, names, what helps, who says so."""
    parts = [issue.id, issue.kind, issue.vendor, issue.versions, issue.effect, *issue.title.values()]
    parts += [*issue.text.values(), *issue.products, *issue.drivers, *issue.bugchecks, *issue.signatures]
    parts += [text for each in issue.treatments for text in each.text.values()]
    parts += [text for each in issue.checks for text in each.values()]
    parts += [text for each in issue.conditions for text in each.says.values()]
    parts += [each.name for each in issue.sources]
    return "\n".join(parts)
