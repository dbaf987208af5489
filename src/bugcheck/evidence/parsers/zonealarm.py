"""ZoneAlarm's ZALog.txt → flows dropped, programs that were refused the network.

Source: ZoneAlarm Pro's help, "Reading log entries": a heading `type,date,time,source,destination,transport`; FWIN,
FWOUT, FWROUTE, FWLOOP are blocked packets, PE a program asking for access, ACCESS one that was refused, LOCK the
lock, MS an attachment in quarantine; date yyyy/mm/dd, time with its distance from GMT ("17:48:00 -8:00 GMT").  The
form of 2000 has the distance in a field of its own and `Src=`, `Dest=`.

Folklore: the distance from GMT stands on every line, so these times are exact even across the change of the clocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bugcheck.evidence.damage import Damage
from bugcheck.evidence.evidence import LIKELY, NO, SURE, Event, Fact, Record, evidence_parser
from bugcheck.evidence.flows import Coverage, Packet, merged
from bugcheck.evidence.source import Source

LOG = "ZoneAlarm"
HEADING = "type,date,time,source,destination,transport"
WAYS = {"FWIN": "in", "FWOUT": "out", "FWROUTE": "forward", "FWLOOP": ""}
ASKED = {"PE": "asked for access to the network", "ACCESS": "was refused access to the network", "LOCK": "was locked"}
_LINE = re.compile(
    r"(FWIN|FWOUT|FWROUTE|FWLOOP|PE|ACCESS|LOCK|MS),(\d{4}/\d\d/\d\d),(\d\d:\d\d:\d\d),? ?([+-]\d{1,2}:\d\d) GMT,(.*)"
)
_PORT = re.compile(r"(.*?):(\d{1,5})$")


def probe(source: Source) -> int:
    """Tell by the product's name at the top, or by the shape of the first lines."""
    text = source.head_text[:4096]
    if text.startswith("ZoneAlarm") or HEADING in text.split("\n")[:8]:
        return SURE
    return LIKELY if any(_LINE.match(line) for line in text.split("\n")[:8]) else NO


@evidence_parser("zonealarm", probe=probe, names=("zalog*.txt",))
def zonealarm(source: Source) -> Iterator[Record]:
    """ZoneAlarm's log: dropped packets and programs that asked for the network."""
    coverage, damage = Coverage(), Damage(source.path)
    yield from merged(_records(source, damage), LOG, coverage)
    yield from damage.rest()
    coverage.notes.append("allowed packets are not logged")
    yield from coverage.spans()


def _records(source: Source, damage: Damage) -> Iterator[Packet | Record]:
    for number, line in source.lines():
        match = _LINE.match(line)
        if match is None:
            if number == 1 and line.startswith("ZoneAlarm"):
                product, _, version = line.rpartition(" v")
                yield Fact("security_product", product or line, version, "line 1", fields={"role": "firewall"})
            elif line[:4].strip() and line.split(",")[0] in (*WAYS, *ASKED, "MS"):
                yield from damage.at(f"line {number}", "a date, a time and its distance from GMT")
            continue
        time = _time(match[2], match[3], match[4])
        if time is None:
            yield from damage.at(f"line {number}", "a valid date")
        else:
            yield _record(time, match[1], match[5].split(","), f"line {number}")


def _time(date: str, time: str, distance: str) -> datetime | None:
    hours, minutes = distance.lstrip("+-").split(":")
    ahead = timedelta(hours=int(hours), minutes=int(minutes))
    try:
        local = datetime.strptime(f"{date} {time}", "%Y/%m/%d %H:%M:%S")
        return (local + ahead if distance[0] == "-" else local - ahead).replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _record(time: datetime, kind: str, cells: list[str], where: str) -> Packet | Event:
    cells = [cell.strip().removeprefix("Src=").removeprefix("Dest=") for cell in cells] + ["", "", ""]
    source, target, transport = cells[:3]
    if kind in WAYS:
        protocol, _, flags = (cells[3] if transport in ("Incoming", "Outgoing") else transport).partition(" (")
        return Packet(
            time,
            "firewall_drop",
            "dropped",
            protocol,
            *_end(source),
            *_end(target),
            WAYS[kind],
            where,
            more={"flags": flags.rstrip(")")} if flags else {},
        )
    what = ASKED.get(kind, "was put into quarantine")
    word = "firewall_drop" if kind == "ACCESS" else ""
    fields = {"program": source, "target": target}
    return Event(
        time, word, f"{source} {what}", where, LOG, fields={name: value for name, value in fields.items() if value}
    )


def _end(text: str) -> tuple[str, str]:
    match = _PORT.match(text)
    return (match[1], match[2]) if match else (text, "")
