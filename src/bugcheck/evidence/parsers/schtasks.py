"""Output of `schtasks /query` → scheduled tasks, what they start, when they last ran.

Source: `schtasks /query /?`: /fo table, list, csv, with /v all columns.

Folklore: a task with several triggers is listed once for each; a task that never ran has a last run of 30.11.1999
(1999-11-30 00:00:00), a result of 267011 (0x41303: has not yet run) or "N/A".
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from bugcheck.evidence.console import absent, encoding_for, recognised, rows, worded
from bugcheck.evidence.evidence import NO, SURE, Event, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.evidence.wall_clock import Dates

_ROWS = 200_000
_NEVER = 2000
"""Years before this are Windows' way to say never."""


def probe(source: Source) -> int:
    """Tell by the headings."""
    known = recognised(source, "schtasks")
    return SURE if "task" in known and "next" in known else NO


@evidence_parser("schtasks", probe=probe, names=("*schtasks*", "*scheduled*", "*tasks*.csv"))
def schtasks(source: Source) -> Iterator[Record]:
    """Output of schtasks /query (table, list, CSV; plain and /v)."""
    found = [
        (row.line, cells)
        for row in islice(rows(source.lines(encoding_for(source, "schtasks"))), _ROWS)
        if (cells := worded(row, "schtasks")).get("task")
    ]
    dates = Dates(cells.get(word, "") for _, cells in found for word in ("last", "next", "start_date"))
    seen: set[tuple[str, str]] = set()
    for line, cells in found:
        yield from _task(cells, dates, line, seen)
    yield from dates.gaps(source.path)


def _task(cells: dict[str, str], dates: Dates, line: int, seen: set[tuple[str, str]]) -> Iterator[Record]:
    name, where = cells["task"], f"line {line}"
    command = "" if absent(cells.get("command", "")) else cells.get("command", "")
    last, following = (dates.read(cells.get(word, "")) for word in ("last", "next"))
    last = last if last and last.year > _NEVER else None
    words = {
        "schedule": " ".join(cells[w] for w in ("schedule_type", "start", "days") if not absent(cells.get(w, ""))),
        "last_run": last.isoformat() if last else "",
        "next_run": following.isoformat() if following else "",
        "user": cells.get("user", ""),
        "author": cells.get("author", "") or cells.get("creator", ""),
        "enabled": cells.get("state", ""),
        "state": cells.get("status", ""),
        "result": cells.get("result", ""),
        "repeat": cells.get("repeat", ""),
        "comment": cells.get("comment", ""),
    }
    fields = {key: value for key, value in words.items() if not absent(value)}
    yield Fact("scheduled_task", name, command, where, fields)
    if last and (name, last.isoformat()) not in seen:
        seen.add((name, last.isoformat()))
        run = {"task": name, "program": command, "result": fields.get("result", "")}
        run = {key: value for key, value in run.items() if value}
        yield Event(last, "task_run", f"task {name} ran (last time)", where, "schtasks", None, run)
