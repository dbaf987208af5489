"""A person's dated list in Markdown or plain text → checks, actions and observations.

Source: our own convention, described in docs/reference/notes.md: a line that begins (behind list marks) with a date
and time, perhaps a name in brackets, then `check:`, `did:` or `saw:` or their Chinese or German words, then what.  A
check's result stands behind `=>` or a last `:`.

Folklore: people write 2006-4-20, 20.04.2006, 4/20/2006 and 19:03 alone under a heading with the date.  Only the
unambiguous forms are read: year first, or German dots.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

from bugcheck.evidence.evidence import LIKELY, NO, SURE, Event, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap

VERBS = {
    **dict.fromkeys(("check", "checked", "检查", "檢查", "geprüft"), "check"),
    **dict.fromkeys(("did", "done", "action", "操作", "处理", "處理", "getan"), "action"),
    **dict.fromkeys(("saw", "seen", "note", "observation", "观察", "觀察", "现象", "現象", "gesehen"), "note"),
}
_DATE = r"(?:(?P<y>\d{4})[-/.年](?P<m>\d{1,2})[-/.月](?P<d>\d{1,2})日?|(?P<d2>\d{1,2})\.(?P<m2>\d{1,2})\.(?P<y2>\d{4}))"
_TIME = r"(?P<h>\d{1,2}):(?P<min>\d{2})(?::(?P<s>\d{2}))?(?P<zone> ?(?:Z|UTC|[+-]\d{2}:?\d{2}))?"
_LINE = re.compile(
    rf"^[\s>*#\-]*(?:{_DATE})?[T\s,]*(?:{_TIME})?\s*(?:\[(?P<who>[^\]]{{1,80}})\])?\s*"
    r"(?:(?P<verb>\w{2,12})\s*[:：])?\s*(?P<what>.+)$"
)
MOST_LINES = 20_000
MOST_GAPS = 20


def probe(source: Source) -> int:
    """Tell by lines of the convention: at least one with a date and one of the verbs."""
    name = source.base_name.lower()
    if not name.endswith((".md", ".markdown", ".txt")):
        return NO
    found = sum(1 for line in source.head_text.splitlines()[:500] if _is_entry(line))
    if not found:
        return NO
    return SURE if name.startswith("notes") else LIKELY


def _is_entry(line: str) -> bool:
    match = _LINE.match(line[:400])
    return bool(match and (match["y"] or match["y2"] or match["h"]) and (match["verb"] or "").lower() in VERBS)


@evidence_parser("notes_text", probe=probe, names=("notes*.md", "notes*.txt"))
def notes_markdown(source: Source) -> Iterator[Record]:
    """What people know, checked and did, as a dated list."""
    day: tuple[int, int, int] | None = None
    gaps = 0
    for number, line in source.lines():
        match = _LINE.match(line[:4000])
        if match is None or number > MOST_LINES:
            continue
        day = _day(match) or day
        kind = VERBS.get((match["verb"] or "").lower())
        if kind is None or (match["h"] is None and _day(match) is None):
            continue
        moment = _moment(match, day)
        if moment is None:
            gaps += 1
            if gaps <= MOST_GAPS:
                yield Gap(f"when line {number} of {source.path} was", "a date in it or above it")
            continue
        yield from _records(kind, moment, match, f"line {number}")


def _day(match: re.Match[str]) -> tuple[int, int, int] | None:
    year, month, day = (match["y"] or match["y2"]), (match["m"] or match["m2"]), (match["d"] or match["d2"])
    return (int(year), int(month), int(day)) if year else None


def _moment(match: re.Match[str], day: tuple[int, int, int] | None) -> datetime | None:
    if day is None:
        return None
    clock = (int(match["h"] or 0), int(match["min"] or 0), int(match["s"] or 0))
    try:
        return datetime(*day, *clock, tzinfo=_zone(match["zone"]))
    except ValueError:
        return None


def _zone(text: str | None) -> timezone | None:
    if not text:
        return None
    text = text.strip()
    if text in ("Z", "UTC"):
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    span = timedelta(hours=hours, minutes=minutes)
    return timezone(-span if text[0] == "-" else span)


def _records(kind: str, moment: datetime, match: re.Match[str], where: str) -> Iterator[Record]:
    what, by = match["what"].strip(), match["who"] or ""
    fields = {"by": by} if by else {}
    text = what
    if kind == "check":
        what, _, result = what.partition("=>") if "=>" in what else what.rpartition(":")
        what, result = (what.strip(), result.strip()) if what else (result.strip(), "")
        fields = {**fields, "result": result}
        yield Fact("check_result", what, result, where, fields)
    yield Event(moment, kind, text, where, by, fields={**fields, "what": what})
