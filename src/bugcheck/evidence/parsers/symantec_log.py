"""Symantec AntiVirus' and Endpoint Protection's logs (*.Log, AVMan.log) → updates, detections, scans, versions.

Source: Symantec's document "Log file format" (TECH100099) as plaso and dissect.target read it; real logs of version
11; `knowledge/symantec_events.tsv` for the numbers.  A line is comma-separated: 0 time (six bytes in hexadecimal:
year since 1970, month from 0, day, hour, minute, second, local time), 1 event, 4 computer, 5 user, 6 threat, 7 file,
10 what was done, 13 description, 31 parent server, 36 domain, 37 MAC address, 38 product version, 39 remote host.
AVMan.log puts other fields, tab-separated, before such a line.

Folklore: the version is in every line, so the log of a client that was upgraded tells when.  "New virus definition
file loaded" comes on every restart, too: only a changed version is an update.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache

from bugcheck.evidence.cells import cells_of
from bugcheck.evidence.damage import Damage
from bugcheck.evidence.evidence import LIKELY, NO, Event, Record, evidence_parser
from bugcheck.evidence.flows import Coverage
from bugcheck.evidence.products import Product
from bugcheck.evidence.source import Source
from bugcheck.knowledge.tables import find_row

LOG = "Symantec AntiVirus"
LEAST = 14
"""Fields a line has at least."""
KINDS = frozenset(["antivirus_update", "antivirus_detection", "antivirus_scan", "antivirus_state"])
ACTIONS = {
    "1": "quarantined", "2": "renamed", "3": "deleted", "4": "left alone", "5": "cleaned", "6": "macros removed",
    "7": "saved elsewhere", "8": "sent away", "9": "moved to backup", "11": "undone", "12": "no right to change it",
    "13": "backed up", "14": "pending", "15": "partly fixed", "16": "needs a process ended",
    "18": "at the next restart", "19": "cleaned by deleting", "20": "access denied",
}  # fmt: skip
_LINE = re.compile(r"(?:^|\t)(?:\")?([0-9A-Fa-f]{12}),(\d{1,3}),")
_VERSION = re.compile(r"[Vv]ersion:? *([0-9][\w.]*\w)")


def probe(source: Source) -> int:
    """Tell by a line whose first field is a time in hexadecimal."""
    for line in source.head_text[:0x4000].split("\n")[:4]:
        match = _LINE.search(line)
        if match and _time(match[1]) and line.count(",") > LEAST:
            return LIKELY
    return NO


def _time(digits: str) -> datetime | None:
    year, month, day, hour, minute, second = bytes.fromhex(digits)
    try:
        return datetime(1970 + year, month + 1, day, hour, minute, second)
    except ValueError:
        return None


@evidence_parser("symantec_log", probe=probe, names=("*.log",))
def symantec_log(source: Source) -> Iterator[Record]:
    """Symantec's antivirus logs: definitions, detections, scans, product versions."""
    product, coverage, damage = Product(LOG, "Symantec"), Coverage(), Damage(source.path)
    for number, line in source.lines():
        match = _LINE.search(line)
        cells = cells_of(line[match.start(1) :]) if match else []
        time = _time(match[1]) if match else None
        if match is None or time is None or len(cells) < LEAST:
            if line.count(",") > LEAST:
                yield from damage.at(f"line {number}", "a time in hexadecimal and an event number")
            continue
        event = _event(time, int(match[2]), cells + [""] * (64 - len(cells)), f"line {number}", product)
        coverage.see(time, "antivirus_state")
        yield event
    yield from damage.rest()
    yield from product.fact()
    coverage.kinds |= KINDS if coverage.kinds else set()
    yield from coverage.spans(product.host)


def _event(time: datetime, code: int, cells: list[str], where: str, product: Product) -> Event:
    kind, what = _meaning(code)
    threat, path, description = cells[6], cells[7], cells[13].strip()
    definitions = match[1] if kind == "antivirus_update" and (match := _VERSION.search(description)) else ""
    new_version = bool(cells[38]) and bool(product.version) and cells[38] != product.version
    product.host = cells[4] or product.host
    product.learn(where, version=cells[38], definitions=definitions)
    if cells[31]:
        product.more["server"] = cells[31]
    fields = {
        "product": LOG,
        "version": cells[38],
        "definitions": definitions,
        "threat": threat,
        "path": path,
        "action": ACTIONS.get(cells[10], "") if threat or path else "",
        "user": cells[5],
        "domain": cells[36],
    }
    if kind == "antivirus_detection":
        text = f"{threat or what} in {path or '?'}: {fields['action'] or what or 'found'}"
    else:
        text = description or what or f"event {code}"
    if new_version:
        text += f" (product version is now {cells[38]})"
    known = {name: value for name, value in fields.items() if value}
    return Event(time, kind, text, where, LOG, code, known, cells[4])


@cache
def _meaning(code: int) -> tuple[str, str]:
    row = find_row("symantec_events.tsv", str(code))
    return (row[1], row[2]) if row else ("", "")
