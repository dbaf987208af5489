"""Shipped entries and a database of one's own → one Library to ask.

Source: `shipped.py`, `shipped_tables.py`, `store.py`.

Folklore: one id may come from four places.  A team's own words count most, then the entries written by hand that ship,
then what was imported, then the compact tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from bugcheck.known_issues import cve_records, loldrivers, shipped_tables
from bugcheck.known_issues.drivers_seen import stem
from bugcheck.known_issues.issue import KnownIssue, bugcheck_code
from bugcheck.known_issues.likely import likely_entries, read_entries
from bugcheck.known_issues.matching import Match, match_all
from bugcheck.known_issues.shipped import shipped_issues
from bugcheck.known_issues.situation import CrashFacts, Situation
from bugcheck.known_issues.telling import worth_telling

if TYPE_CHECKING:
    from bugcheck.known_issues.store import IssueStore

COLLECTIONS = (cve_records.ORIGIN, loldrivers.ORIGIN)
"""Origins of imported entries: their conditions rest on names alone."""
MOST_CVES = 12
"""CVEs that name one driver above which none is weighed for a crash in it: it is everybody's driver."""


class Library:
    """All known issues.

    Attributes:
        store: a team's own and imported entries, or None.
    """

    def __init__(self, store: IssueStore | None = None) -> None:
        """Take a store."""
        self.store = store

    def at_a_glance(self, crash: CrashFacts) -> list[Match]:
        """What is worth telling beside a crash's verdict: of the shipped entries only the likely ones are read."""
        blamed = (crash.image or crash.module or "").lower()
        shipped = read_entries(likely_entries(crash.code, blamed, (module.image.lower() for module in crash.modules)))
        cves = [issue for issue in shipped_tables.cves_of_driver(blamed) if _may_crash(issue)] if blamed else []
        candidates = _once([*self._own(), *shipped, *(cves if len(cves) <= MOST_CVES else [])])
        return worth_telling(match_all(candidates, Situation(crash)))

    def get(self, issue_id: str) -> KnownIssue | None:
        """An entry by its id, in any case."""
        wanted = issue_id.casefold()
        return next((issue for issue in self._everything() if issue.id.casefold() == wanted), None)

    def entries(self, *, tables: bool = False) -> list[KnownIssue]:
        """Entries written by hand, one's own first; with `tables` also the imported ones and those of the tables."""
        return _once(self._everything() if tables else [*self._own(), *shipped_issues()])

    def by_driver(self, name: str) -> list[KnownIssue]:
        """Entries that name a driver's file."""
        wanted = stem(name)
        named = [issue for issue in shipped_issues() if wanted in map(stem, issue.drivers)]
        tables = [*shipped_tables.records_of_driver(name), *shipped_tables.cves_of_driver(name)]
        return self._ranked(self.store.by_driver(name) if self.store else [], named, tables)

    def by_hash(self, digest: str) -> list[KnownIssue]:
        """Entries with a file's hash, of any kind."""
        wanted = digest.strip().casefold()
        named = [issue for issue in shipped_issues() if wanted in issue.hashes]
        stored = self.store.by_hash(digest) if self.store else []
        return self._ranked(stored, named, shipped_tables.records_of_hash(digest))

    def by_bugcheck(self, code: int) -> list[KnownIssue]:
        """Entries that name a bug check."""
        named = [issue for issue in shipped_issues() if any(bugcheck_code(text) == code for text in issue.bugchecks)]
        return self._ranked(self.store.by_bugcheck(code) if self.store else [], named, [])

    def search(self, words: str, limit: int = 50) -> list[KnownIssue]:
        """Entries by full text, in any language."""
        stored = self.store.search(words, limit) if self.store else []
        found = self._index.search(words, limit)
        by_hand = {issue.id for issue in shipped_issues()}
        named = [issue for issue in found if issue.id in by_hand]
        return self._ranked(stored, named, [issue for issue in found if issue.id not in by_hand])[:limit]

    def matches(self, situation: Situation) -> list[Match]:
        """What has to do with a situation: matches, what is possible, near misses."""
        return match_all(self.candidates(situation), situation)

    def candidates(self, situation: Situation) -> list[KnownIssue]:
        """What is worth testing: all written by hand, and of the collections what names a driver or file at hand."""
        crash = situation.crash
        names = {stem(module.image) for module in crash.modules} if crash else set[str]()
        names |= {stem(seen.fact.name) for seen in situation.facts("driver")}
        blamed = crash.image or crash.module if crash else None
        listed = [record for name in sorted(names) for record in shipped_tables.records_of_driver(name)]
        for seen in situation.facts("file"):
            digests = {seen.fact.value, *(seen.fact.fields.get(name, "") for name in ("sha1", "md5", "authentihash"))}
            listed += [issue for digest in digests if digest for issue in shipped_tables.records_of_hash(digest)]
            stored = (self.store.by_hash(digest) for digest in digests if digest) if self.store else ()
            listed += [issue for found in stored for issue in found]
        if blamed:
            cves = [issue for issue in self.by_driver(blamed) if _may_crash(issue)]
            listed += cves if len(cves) <= MOST_CVES else []
        return _once([*self._own(), *shipped_issues(), *listed])

    def _own(self) -> list[KnownIssue]:
        return [issue for issue in self.store.issues() if issue.origin not in COLLECTIONS] if self.store else []

    def _everything(self) -> Iterator[KnownIssue]:
        stored = list(self.store.issues()) if self.store else []
        yield from (issue for issue in stored if issue.origin not in COLLECTIONS)
        yield from shipped_issues()
        yield from (issue for issue in stored if issue.origin in COLLECTIONS)
        yield from shipped_tables.all_records()
        yield from shipped_tables.all_cves()

    def _ranked(
        self, stored: Iterable[KnownIssue], named: Iterable[KnownIssue], tables: Iterable[KnownIssue]
    ) -> list[KnownIssue]:
        stored = list(stored)
        own = [issue for issue in stored if issue.origin not in COLLECTIONS]
        return _once([*own, *named, *(issue for issue in stored if issue.origin in COLLECTIONS), *tables])

    @cached_property
    def _index(self) -> IssueStore:
        """A full-text index of what ships, made when it is first asked."""
        from bugcheck.known_issues.store import IssueStore  # loads SQLite

        index = IssueStore()
        index.add(_once([*shipped_issues(), *shipped_tables.all_records(), *shipped_tables.all_cves()]))
        return index


def _may_crash(issue: KnownIssue) -> bool:
    return issue.id.startswith("CVE-") and issue.effect in ("crash", "unknown", "")


def _once(issues: Iterable[KnownIssue]) -> list[KnownIssue]:
    """Keep the first entry of each id."""
    found: dict[str, KnownIssue] = {}
    for issue in issues:
        found.setdefault(issue.id.casefold(), issue)
    return list(found.values())
