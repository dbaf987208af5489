"""IIS logs (W3C extended) → web requests.

Source: Microsoft, "IIS log file formats": `#Fields:` names the columns, times are UTC; W3C, "Extended Log File
Format".

Folklore: without the date column the day stands only in `#Date:` or the file's name; `#Fields` may come again with
other columns after a restart; spaces in values are pluses.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from bugcheck.evidence.damage import Damage
from bugcheck.evidence.evidence import NO, SURE, Event, Record, Span, evidence_parser
from bugcheck.evidence.source import Source

_WORDS = {
    "c-ip": "source", "s-ip": "target", "s-port": "target_port", "cs-method": "method", "cs-uri-stem": "path",
    "cs-uri-query": "query", "sc-status": "status", "cs-username": "user", "time-taken": "milliseconds",
    "cs(user-agent)": "agent", "sc-win32-status": "win32_status",
}  # fmt: skip


def probe(source: Source) -> int:
    """Tell by the software's name or a request's columns."""
    head = source.head_text[:0x1000]
    fields = next((line.lower() for line in head.split("\n") if line.startswith("#Fields:")), "")
    return SURE if fields and ("cs-method" in fields or "cs-uri-stem" in fields or "sc-status" in fields) else NO


@evidence_parser("iis_log", probe=probe, names=("u_ex*.log", "ex*.log", "*iis*.log"))
def iis_log(source: Source) -> Iterator[Record]:
    """A web server's log (IIS, W3C extended)."""
    names: list[str] = []
    day = ""
    first = last = None
    damage = Damage(source.path)
    for number, line in source.lines():
        if line.startswith("#Fields:"):
            names = line[8:].lower().split()
        elif line.startswith("#Date:"):
            day = line[6:].strip()[:10]
        elif line.strip() and not line.startswith("#"):
            row = dict(zip(names, line.split(" "), strict=False))
            time = _time(row.get("date") or day, row.get("time", ""))
            if time is None or len(line.split(" ")) < len(names):
                yield from damage.at(f"line {number}", "the columns of #Fields")
                continue
            first, last = min(first or time, time), max(last or time, time)
            yield _request(time, row, f"line {number}")
    yield from damage.rest()
    if first and last:
        yield Span(first, last, frozenset(("web_request",)))


def _request(time: datetime, row: dict[str, str], where: str) -> Event:
    fields = {word: row[name] for name, word in _WORDS.items() if row.get(name, "-") != "-"}
    words = (fields.get("method", ""), fields.get("path", ""), fields.get("status", ""))
    return Event(time, "web_request", " ".join(word for word in words if word), where, "IIS", None, fields)


def _time(day: str, clock: str) -> datetime | None:
    try:
        return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=UTC)
    except ValueError:
        return None
