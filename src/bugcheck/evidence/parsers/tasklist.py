"""Output of tasklist → running processes with ids, users, memory, services.

Source: `tasklist /?`: plain, /v (user, CPU time, title), /svc (services), each as table, list or CSV.

Folklore: /svc puts several services of one process in lines below, with the other columns empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from bugcheck.evidence.console import absent, encoding_for, recognised, rows, worded
from bugcheck.evidence.evidence import NO, SURE, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source

_ROWS = 100_000
_MORE = ("memory", "session", "services", "user", "modules")


def probe(source: Source) -> int:
    """Tell by the headings."""
    known = recognised(source, "tasklist")
    return SURE if {"image", "pid"} <= known and known & set(_MORE) else NO


@evidence_parser("tasklist", probe=probe, names=("*tasklist*", "*processes*.txt", "*tasks*.txt"))
def tasklist(source: Source) -> Iterator[Record]:
    """Output of tasklist (plain, /v, /svc, /m; table, list, CSV)."""
    held: Fact | None = None
    for row in islice(rows(source.lines(encoding_for(source, "tasklist"))), _ROWS):
        cells = worded(row, "tasklist")
        if cells.get("pid", "").isdecimal():
            if held:
                yield held
            fields = {name: cells[name] for name in _MORE if not absent(cells.get(name, ""))}
            fields = {name: value.replace("\n", ", ") for name, value in fields.items()}
            held = Fact("process", cells.get("image", ""), cells["pid"], f"line {row.line}", fields)
        elif held and cells.get("services") and not cells.get("image"):
            services = held.fields.get("services", "").rstrip(", ")
            fields = {**held.fields, "services": f"{services}, {cells['services']}".lstrip(", ")}
            held = Fact(held.kind, held.name, held.value, held.where, fields)
    if held:
        yield held
