"""A kept case → the pieces of a bundle to share: reports, timeline, custody, what was left out; redacted when asked.

Source: docs/reference/export.md.  Redaction happens on values, before any format draws them; what was drawn is searched
once more, and an export with a name left in it is not written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cached_property
from html import unescape
from typing import Any

from bugcheck import __version__
from bugcheck.cases.bundle import Piece, evidence_pieces
from bugcheck.cases.redaction import Redactor
from bugcheck.cases.session import Investigated
from bugcheck.cases.store import CaseStore
from bugcheck.errors import BugcheckError
from bugcheck.gaps import Gap
from bugcheck.records import dataclass, field
from bugcheck.reports.case_document import case_document
from bugcheck.reports.case_json import case_json
from bugcheck.reports.case_page import case_page
from bugcheck.reports.case_record_json import record_json
from bugcheck.reports.document import Document
from bugcheck.reports.html_page import html_page
from bugcheck.reports.page import Page
from bugcheck.reports.redacted import redacted, texts_in
from bugcheck.reports.render import render_document
from bugcheck.reports.without_memory import without_memory
from bugcheck.timeline.timed_event import TimedEvent
from bugcheck.timestamps import format_utc

MOST_EVENTS = 200_000
"""Events of a timeline that are exported; the newest, and flows of firewalls first to go."""
FLOWS = ("firewall_allow", "firewall_drop", "web_request", "network_change")
README = """A case of bugcheck, exported to be shared.

report.html     open it in any browser; it loads nothing from anywhere
report.md       the same for issue trackers and wikis
report.json     the same for programs (bugcheck.case/1)
timeline.jsonl  one event a line, in the order of time
custody.json    which file was taken in when, with its SHA-256; verdicts and decisions with their times
manifest.json   every file here with its size and SHA-256, and what was left out
SHA256SUMS      the same hashes for `sha256sum -c SHA256SUMS`
"""
REDACTED = """
Names of hosts, people and domains, addresses and serial numbers are replaced, each by the same word everywhere.
Whoever sent this can put them back: `bugcheck case translate CASE FILE`.
"""


class NameLeft(BugcheckError):
    """A name that should have been replaced is still in what would have been written."""


@dataclass
class CaseBundle:
    """What goes into a bundle, and how.

    Attributes:
        investigated: the case. store: what is kept of it. language: of the reports.
        redactor: replaces names, None to tell them. memory, evidence: whether these come along.
        left_out: what does not come along, filled while the pieces are read.
    """

    investigated: Investigated
    store: CaseStore
    language: str = "en"
    redactor: Redactor | None = None
    memory: bool = False
    evidence: bool = False
    left_out: list[Gap] = field(default_factory=list[Gap])

    def pieces(self) -> Iterator[Piece]:
        """Every member, in order."""
        if self.redactor is not None:
            self._take_names(self.redactor)
        yield self._text("README.txt", README + (REDACTED if self.redactor else ""), "what is here")
        yield self._text("report.html", html_page(self._redacted(self._page)), "the report, for people")
        yield self._text("report.md", render_document(self._redacted(self._document), "markdown"), "the report, short")
        yield self._json("report.json", self._report, "the report, for programs")
        yield Piece("timeline.jsonl", self._timeline(), "the newest events" if self._skips else "every event")
        yield self._json("custody.json", record_json(self.store), "chain of custody, verdicts, decisions")
        if self.evidence:
            found = self.investigated.case.evidence
            yield from evidence_pieces(self.store, found, memory=self.memory, left_out=self.left_out)
        else:
            self.left_out.append(Gap("the files of evidence", "not asked for", "--with-evidence"))

    def about(self) -> dict[str, Any]:
        """What the manifest says beside the list of members; to be asked when the pieces have been read."""
        counts = self.redactor.pseudonyms.counts() if self.redactor else {}
        return {
            "bugcheck_version": __version__,
            "case": self.store.id,
            "as_of": format_utc(self.investigated.case.created),
            "language": self.language,
            "redacted": counts if self.redactor else None,
            "memory": self.memory,
            "left_out": [
                {"what": each.what, "why": each.missing, "remedy": each.remedy or None} for each in self.left_out
            ],
        }

    # --- the reports ---

    @cached_property
    def _page(self) -> Page:
        return case_page(self.investigated, language=self.language)

    @cached_property
    def _document(self) -> Document:
        return case_document(self.investigated, verbose=True, language=self.language)

    @cached_property
    def _report(self) -> dict[str, Any]:
        made = case_json(self.investigated.case, self.investigated.id)
        return made if self.memory else without_memory(made)

    def _take_names(self, redactor: Redactor) -> None:
        """The first pass: every text that will be told is read for names."""
        for value in (self._report, record_json(self.store), self._document, self._page):
            for text in texts_in(value):
                redactor.read(text)
        for event in self._events():
            for text in (event.host, event.text, event.source, event.where, *event.fields.values()):
                redactor.read(text)

    # --- the timeline ---

    @cached_property
    def _kinds(self) -> dict[str, int]:
        return self.investigated.case.timeline.kinds()

    @property
    def _total(self) -> int:
        return sum(self._kinds.values())

    @property
    def _skips(self) -> bool:
        return self._total > MOST_EVENTS

    def _events(self) -> Iterator[TimedEvent]:
        timeline = self.investigated.case.timeline
        if not self._skips:
            return timeline.events()
        kinds = tuple(kind for kind in self._kinds if kind and kind not in FLOWS)
        start = timeline.times(*kinds, limit=MOST_EVENTS)[-1] if kinds else None
        return timeline.events(*kinds, start=start) if kinds else iter(())

    def _timeline(self) -> Iterator[bytes]:
        told = 0
        for event in self._events():
            told += 1
            line = json.dumps(_event(event, self.redactor or str), ensure_ascii=False)
            yield f"{line}\n".encode("utf-8", "backslashreplace")
        if told < self._total:
            which = "network flows, events of unknown meaning, and the oldest of the rest"
            self.left_out.append(
                Gap(f"{self._total - told:,} of {self._total:,} events", f"a timeline here is cut: {which}")
            )

    # --- pieces ---

    def _redacted(self, value: Any) -> Any:
        return redacted(value, self._replace) if self.redactor else value

    def _replace(self, text: str) -> str:
        redactor = self.redactor
        if redactor is None:
            return text
        folder = self.investigated.case.folder
        return redactor(text.replace(folder, "CASE") if len(folder) > 3 else "CASE" if text == folder else text)

    def _text(self, name: str, text: str, what: str) -> Piece:
        self._search(name, _bare(text))
        return Piece(name, [text.encode("utf-8", "backslashreplace")], what)

    def _json(self, name: str, value: dict[str, Any], what: str) -> Piece:
        text = json.dumps(self._redacted(value), ensure_ascii=False, indent=1) + "\n"
        return self._text(name, text, what)

    def _search(self, name: str, text: str) -> None:
        if self.redactor and (found := self.redactor.left(text)):
            kind = self.redactor.names.kinds.get(found.casefold(), "name")
            raise NameLeft(f"nothing was written: the name of a {kind} ({found}) is left in {name}; please report this")


def _bare(text: str) -> str:
    """A drawn text with its markup's escapes undone and without style and script, so that names stand as they are."""
    for tag in ("style", "script"):
        before, opened, inside = text.partition(f"<{tag}>")
        text = before + inside.partition(f"</{tag}>")[2] if opened else text
    return unescape(text).replace("\\", "").replace("\u2060", "")


def _event(event: TimedEvent, told: Callable[[str], str]) -> dict[str, Any]:
    return {
        "time": format_utc(event.time),
        "until": format_utc(event.until) if event.until != event.time else None,
        "host": told(event.host) or None,
        "kind": event.kind or None,
        "text": told(event.text),
        "source": told(event.source) or None,
        "code": event.code,
        "count": event.count,
        "fields": {name: told(str(value)) for name, value in event.fields.items()},
        "evidence": event.evidence,
        "where": told(event.where),
    }
