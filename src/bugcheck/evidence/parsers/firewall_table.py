"""A firewall's or intrusion detector's log exported as a table (CSV, tabs, semicolons) → flows and attacks.

Source: `knowledge/firewall_headings.tsv`: which heading names which thing.  A table counts when it has a time, both
ends of a connection and at least one of protocol, action, or attack.

Folklore: products that protect one host name the ends "local" and "remote"; who spoke first, only the direction tells.
A heading with GMT or UTC in it means it; all others are the wall clock of whoever exported the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache

from bugcheck.evidence.cells import cells_of
from bugcheck.evidence.damage import Damage
from bugcheck.evidence.evidence import LIKELY, NO, Event, Record, evidence_parser
from bugcheck.evidence.flows import Coverage, Packet, merged
from bugcheck.evidence.source import Source
from bugcheck.evidence.wall_clock import Dates
from bugcheck.gaps import Gap
from bugcheck.knowledge.tables import find_row

LOG = "firewall table"
HEADING_LINES = 8
"""Lines at the top among which the heading is looked for."""
ROLE_LIMIT = 128
"""Columns that are looked at."""
DROPPED = ("block", "drop", "den", "reject", "refus", "discard", "reset")
ALLOWED = ("allow", "accept", "permit", "pass", "open")
OUT, IN = ("out", "send", "sent"), ("in", "rec")


class _Heading:
    """Roles of the columns, the separator, and whether times are UTC."""

    def __init__(self, line: str) -> None:
        self.separator = max(",;\t", key=line.count)
        cells = cells_of(line, self.separator)[:ROLE_LIMIT]
        self.utc = any(word in line.upper() for word in ("GMT", "UTC"))
        self.roles: dict[str, int] = {}
        for index, cell in enumerate(cells):
            role = _role(" ".join(cell.lower().lstrip("#").partition("(")[0].split()))
            if role:
                self.roles.setdefault(role, index)

    @property
    def is_ours(self) -> bool:
        """Tell whether the columns make a firewall's log."""
        known = self.roles.keys()
        timed = "stamp" in known or {"date", "time"} <= known or "time" in known
        ends = {"source", "target"} <= known or {"local", "remote"} <= known
        return timed and ends and bool(known & {"protocol", "action", "name", "target_port", "remote_port"})

    def values(self, line: str) -> Mapping[str, str]:
        """Read a row by its roles."""
        cells = cells_of(line, self.separator)
        return {role: cells[index].strip() for role, index in self.roles.items() if index < len(cells)}


@cache
def _role(heading: str) -> str:
    row = find_row("firewall_headings.tsv", heading)
    return row[1] if row else ""


def _heading(source: Source) -> tuple[int, _Heading] | None:
    for number, line in enumerate(source.head_text[:0x4000].split("\n")[:HEADING_LINES], 1):
        if line.count(",") + line.count(";") + line.count("\t") >= 3:
            heading = _Heading(line)
            if heading.is_ours:
                return number, heading
    return None


def probe(source: Source) -> int:
    """Tell by the headings."""
    return LIKELY if _heading(source) else NO


@evidence_parser("firewall_table", probe=probe, names=("*firewall*.csv", "*traffic*.csv", "*traffic*.txt"))
def firewall_table(source: Source) -> Iterator[Record]:
    """A firewall's log as a table with headings (Symantec, Kerio and others): flows and attacks."""
    found = _heading(source)
    if found is None:
        yield Gap(f"columns of {source.path}", "headings of a time and of both ends of a connection")
        return
    start, heading = found
    coverage, damage = Coverage(), Damage(source.path)
    dates = Dates(source.head_text.split("\n")[start : start + 2000])
    yield from merged(_records(source, start, heading, dates, damage), LOG, coverage)
    yield from damage.rest()
    yield from dates.gaps(source.path)
    coverage.note_what_is_not_logged()
    yield from coverage.spans()


def _records(source: Source, start: int, heading: _Heading, dates: Dates, damage: Damage) -> Iterator[Packet | Record]:
    for number, line in source.lines():
        if number <= start or not line.strip():
            continue
        values = heading.values(line)
        stamp = values.get("stamp") or f"{values.get('date', '')} {values.get('time', '')}".strip()
        time = dates.parse(stamp)
        if time is None:
            yield from damage.at(f"line {number}", "a date and time")
            continue
        yield _record(time.replace(tzinfo=UTC) if heading.utc else time, values, f"line {number}")


def _record(time: datetime, values: Mapping[str, str], where: str) -> Packet | Event:
    get = values.get
    way = _way(get("direction", ""))
    source = get("source") or "", get("source_port") or ""
    target = get("target") or "", get("target_port") or ""
    if "local" in values and "source" not in values:
        local, remote = (get("local", ""), get("local_port", "")), (get("remote", ""), get("remote_port", ""))
        source, target = (local, remote) if way == "out" else (remote, local)
    kind, verb = _verdict(get("action", ""))
    name, count = get("name", ""), get("count", "")
    more = {word: values[word] for word in ("program", "user", "severity", "name") if values.get(word)}
    if name and name != "-":
        kind, verb = "attack", f"{verb}: {name}"
    times = int(count) if count.isdecimal() and 0 < len(count) < 10 else 1
    return Packet(
        time, kind, verb, get("protocol", "").upper(), *source, *target, way, where,
        host=get("host", ""), rule=get("rule", ""), count=max(1, times), more=more,
    )  # fmt: skip


def _way(text: str) -> str:
    lower = text.lower()
    return "out" if lower.startswith(OUT) else "in" if lower.startswith(IN) else ""


def _verdict(action: str) -> tuple[str, str]:
    lower = action.lower()
    if any(word in lower for word in DROPPED):
        return "firewall_drop", "dropped"
    if any(word in lower for word in ALLOWED):
        return "firewall_allow", "allowed"
    return "", action.lower() or "logged"
