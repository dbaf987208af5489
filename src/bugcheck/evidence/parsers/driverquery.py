"""Output of driverquery in its three layouts → drivers with dates, paths, states, signatures.

Source: `driverquery /?`: plain (module, name, type, link date), /v (with path, state, start mode), /si (device, INF,
signed, maker); each as table, list or CSV.

Folklore: the table cuts names at its column; the link date is the image's TimeDateStamp in local time, which
reproducible builds (Windows 10 on) fill with a hash.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from bugcheck.evidence.console import Row, absent, encoding_for, recognised, rows, worded
from bugcheck.evidence.evidence import NO, SURE, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.evidence.wall_clock import Dates

_ROWS = 100_000
_CUT = 12
"""Width of the table's first column: a name as long as this may have been cut."""


def probe(source: Source) -> int:
    """Tell by the headings."""
    known = recognised(source, "driverquery")
    return SURE if {"module", "date"} <= known or {"inf", "signed"} <= known else NO


@evidence_parser("driverquery", probe=probe, names=("*driverq*", "*drivers*.txt", "*drivers*.csv"))
def driverquery(source: Source) -> Iterator[Record]:
    """Output of driverquery (plain, /v and /si; table, list, CSV)."""
    found = list(islice(rows(source.lines(encoding_for(source, "driverquery"))), _ROWS))
    dates = Dates(worded(row, "driverquery").get("date", "") for row in found)
    for row in found:
        cells = worded(row, "driverquery")
        fact = _driver(row, cells, dates) if cells.get("module") else _signature(row, cells)
        if fact:
            yield fact
    yield from dates.gaps(source.path)


def _driver(row: Row, cells: dict[str, str], dates: Dates) -> Fact:
    path = cells.get("path", "")
    linked = dates.read(cells.get("date", ""))
    fields = {
        "service": "" if path and len(cells["module"]) == _CUT else cells["module"],
        "display_name": cells.get("display", ""),
        "path": path,
        "type": cells.get("type", ""),
        "start_type": cells.get("start", "").lower(),
        "state": cells.get("state", "").lower(),
        "date": linked.isoformat() if linked else cells.get("date", ""),
    }
    name = path.replace("/", "\\").rpartition("\\")[2] or f"{cells['module']}.sys"
    return Fact("driver", name, "", f"line {row.line}", {k: v for k, v in fields.items() if v})


def _signature(row: Row, cells: dict[str, str]) -> Fact | None:
    device = cells.get("device", "")
    if not device or absent(device):
        return None
    signed = cells.get("signed", "").upper()
    fields = {
        "inf": cells.get("inf", ""),
        "signed": {"TRUE": "yes", "FALSE": "no"}.get(signed, cells.get("signed", "")),
        "vendor": "" if absent(cells.get("vendor", "")) else cells["vendor"],
    }
    return Fact("device_driver", device, fields["inf"], f"line {row.line}", {k: v for k, v in fields.items() if v})
