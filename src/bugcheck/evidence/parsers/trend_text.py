"""Trend Micro's pccnt35.log and OfcUrlf.log → detections and blocked addresses.

Source: plaso's parser and real logs: fields between `<;>`.  pccnt35.log: 0 date, 1 hour and minute, 2 threat, 3
result, 4 scan, 6 folder, 7 file, 8 file inside an archive, 9 seconds since 1970.  OfcUrlf.log: 0 date, 1 time, 2
blocking, 3 address, 5 group, 8 program, 12 seconds since 1970.

Folklore: the date in front is the host's local one, the seconds are UTC: the seconds count, where they are there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bugcheck.evidence.damage import Damage
from bugcheck.evidence.evidence import NO, SURE, Event, Record, evidence_parser
from bugcheck.evidence.flows import Coverage
from bugcheck.evidence.products import Product
from bugcheck.evidence.source import Source
from bugcheck.evidence.wall_clock import Dates
from bugcheck.timestamps import from_unix

LOG = "Trend Micro"
MARK = "<;>"
DETECTION_FIELDS, ADDRESS_FIELDS = 9, 13
RESULTS = {
    "0": "cleaned", "1": "moved", "2": "deleted", "3": "renamed", "4": "access denied", "5": "could not be cleaned",
    "6": "could not be moved", "7": "could not be deleted", "8": "could not be renamed",
    "10": "could not be cleaned, moved", "11": "could not be cleaned, deleted", "12": "could not be cleaned, renamed",
    "13": "could not be cleaned, access denied", "14": "could not be cleaned or moved",
    "15": "could not be cleaned or deleted", "16": "could not be cleaned or renamed", "25": "passed as a possible risk",
}  # fmt: skip
SCANS = {"0": "manual", "1": "real-time", "2": "scheduled", "3": "on order", "4": "damage cleanup"}


def probe(source: Source) -> int:
    """Tell by the separator behind a date of eight digits."""
    first = source.head_text[:2048].split("\n")[0].split(MARK)
    return SURE if len(first) >= DETECTION_FIELDS and first[0].isdecimal() and len(first[0]) == 8 else NO


@evidence_parser("trend_text", probe=probe, names=("pccnt35.log", "ofcurlf.log", "*.log"))
def trend_text(source: Source) -> Iterator[Record]:
    """Trend Micro's logs of detections and of blocked addresses."""
    coverage, damage, dates = Coverage(), Damage(source.path), Dates()
    for number, line in source.lines():
        if not line.strip():
            continue
        cells = line.split(MARK)
        addresses = len(cells) > 3 and "://" in cells[3]
        whole = len(cells) >= (ADDRESS_FIELDS if addresses else DETECTION_FIELDS)
        time = _time(cells, 12 if addresses else 9, dates) if whole else None
        if time is None:
            yield from damage.at(f"line {number}", "all fields and a date")
            continue
        event = (_address if addresses else _detection)(time, cells, f"line {number}")
        coverage.see(time, event.kind)
        yield event
    yield from damage.rest()
    yield from Product(LOG, "Trend Micro").fact()
    yield from coverage.spans()


def _time(cells: list[str], seconds: int, dates: Dates) -> datetime | None:
    text = cells[seconds] if len(cells) > seconds else ""
    if text.isascii() and text.isdecimal() and 8 < len(text) <= 10:
        return from_unix(int(text))
    return dates.parse(f"{cells[0]} {cells[1].zfill(4)}")


def _detection(time: datetime, cells: list[str], where: str) -> Event:
    path = cells[6] + cells[7] + (f" → {cells[8]}" if cells[8] else "")
    action = RESULTS.get(cells[3], f"result {cells[3]}")
    fields = {"product": LOG, "threat": cells[2], "path": path, "action": action, "scan": SCANS.get(cells[4], "")}
    known = {name: value for name, value in fields.items() if value}
    return Event(time, "antivirus_detection", f"{cells[2]} in {path}: {action}", where, LOG, fields=known)


def _address(time: datetime, cells: list[str], where: str) -> Event:
    enforced = cells[2] == "1"
    fields = {
        "product": LOG, "target": cells[3], "program": cells[8], "rule": cells[5],
        "enforced": "yes" if enforced else "no",
    }  # fmt: skip
    verb = "kept" if enforced else "saw"
    text = (
        f"{verb} {cells[8] or 'a program'} from {cells[3]} ({cells[5]})"
        if enforced
        else f"{verb} {cells[8]}: {cells[3]}"
    )
    return Event(time, "protection_blocked", text, where, LOG, fields={k: v for k, v in fields.items() if v})
