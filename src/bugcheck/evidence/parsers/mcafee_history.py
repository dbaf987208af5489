"""McAfee's history databases (infect.log, firewall.log of the consumer products) → detections and dropped connections.

Source: real files: SQLite with tables log(details_id, details_info, date, fkey), field(field_id, data, fkey); date is
seconds since 1970.  Of detections field 101 is the scan, 102 the threat, 103 what was done; of the firewall 2 and 3
are addresses, 4 the port in words; details_info holds labels and texts in XML.

Folklore: SQLite runs what a file's schema says.  It is opened in memory, read-only, with a limit on steps.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime

from bugcheck.evidence.evidence import NO, SURE, Event, Fact, Record, evidence_parser
from bugcheck.evidence.flows import Coverage, Packet, merged
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap
from bugcheck.timestamps import from_unix

LOG = "McAfee"
MAGIC = b"SQLite format 3\0"
TABLES = ("details_id", "details_info", "action_clsid", "misp_admin")
SIZE_LIMIT = 256 << 20
ROW_LIMIT = 1_000_000
STEP_LIMIT = 2000
"""How often, each time after 100,000 steps of SQLite, a reading goes on."""
_FILE = re.compile(r"CDATA\[File\]\].*?<text><!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_PORT = re.compile(r"\b(TCP|UDP|ICMP) port (\d+)")
_WORDS = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_TAG = re.compile(r"<[^>]{0,200}>")


def probe(source: Source) -> int:
    """Tell by SQLite's magic and the columns of the log in the schema, in either encoding."""
    if not source.head.startswith(MAGIC):
        return NO
    head = source.head.replace(b"\0", b"")
    return SURE if all(name.encode() in head for name in TABLES) else NO


@evidence_parser("mcafee_history", probe=probe, names=("infect.log", "firewall.log"))
def mcafee_history(source: Source) -> Iterator[Record]:
    """McAfee's history databases: detections and dropped connections."""
    yield Fact("security_product", "McAfee", "", "the file's layout", fields={"vendor": "McAfee"})
    coverage = Coverage()
    yield from merged(_records(source), LOG, coverage)
    yield from coverage.spans()


def _records(source: Source) -> Iterator[Packet | Record]:
    if source.size > SIZE_LIMIT:
        yield Gap(f"records of {source.path}", f"a file of at most {SIZE_LIMIT >> 20} MiB")
        return
    steps = iter(range(STEP_LIMIT))
    try:
        with closing(sqlite3.connect(":memory:")) as database:
            database.deserialize(source.view.read(0, source.size))
            database.text_factory = _decode
            database.set_progress_handler(lambda: int(next(steps, None) is None), 100_000)
            fields = _fields(database)
            rows = database.execute("SELECT details_id, details_info, date, fkey FROM log ORDER BY date")
            for number, (kind, info, date, key) in enumerate(rows.fetchmany(ROW_LIMIT), 1):
                time = from_unix(date) if isinstance(date, int) and 0 < date < 1 << 32 else None
                if time is None:
                    yield Gap(f"record {number} of {source.path}", "a date", damage=True)
                else:
                    yield _record(time, str(kind), str(info or ""), fields.get(str(key), {}), f"log row {number}")
    except (sqlite3.Error, OverflowError, MemoryError) as error:
        yield Gap(f"records of {source.path}", f"a readable SQLite database: {error}", damage=True)


def _decode(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _fields(database: sqlite3.Connection) -> dict[str, dict[int, str]]:
    found: dict[str, dict[int, str]] = {}
    for number, data, key in database.execute("SELECT field_id, data, fkey FROM field").fetchmany(ROW_LIMIT):
        if isinstance(number, int):
            found.setdefault(str(key), {})[number] = str(data or "")
    return found


def _record(time: datetime, kind: str, info: str, fields: dict[int, str], where: str) -> Packet | Event:
    code = int(kind) if kind.isdecimal() and len(kind) < 10 else None
    if 102 in fields:
        path = match[1] if (match := _FILE.search(info)) else ""
        action = fields.get(103, "")
        text = f"{fields[102]} found{f' in {path}' if path else ''}: {action.lower() or 'action unknown'}"
        values = {"product": LOG, "threat": fields[102], "path": path, "action": action, "scan": fields.get(101, "")}
        return Event(time, "antivirus_detection", text, where, LOG, code, {k: v for k, v in values.items() if v})
    words = " ".join(_TAG.sub(" ", " ".join(_WORDS.findall(info))).split())
    if port := _PORT.search(fields.get(4, "") or words):
        return Packet(
            time, "firewall_drop", "dropped", port[1], fields.get(2, ""), "", fields.get(3, "") or "this host", port[2],
            "in", where, code=code,
        )  # fmt: skip
    return Event(time, "", words[:500] or f"record of kind {kind}", where, LOG, code)
