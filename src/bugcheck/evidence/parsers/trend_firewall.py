"""Trend Micro's PfwLog_*.dat → packets its personal firewall dropped.

Source: a real log and dissect.target's description of it: records of 932 bytes: direction (1 out) at 1, port at 2,
seconds since 1970 at 4, local address at 16 (65 bytes), remote address at 81, program at 146 (520), description in
UTF-16 at 666 (256 bytes).

Folklore: fields are not cleared before a record is written: behind a text's end lies what was there before.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bugcheck.binary import BinaryView
from bugcheck.evidence.damage import Damage
from bugcheck.evidence.evidence import NO, SURE, Record, evidence_parser
from bugcheck.evidence.flows import Coverage, Packet, merged
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap
from bugcheck.timestamps import from_unix

LOG = "Trend Micro firewall"
SIZE = 932
LOCAL, REMOTE, PROGRAM, DESCRIPTION = 16, 81, 146, 666
ADDRESS_SIZE, PROGRAM_SIZE, DESCRIPTION_SIZE = 65, 520, 256
FIRST_YEAR, LAST_YEAR = 1998, 2100


def probe(source: Source) -> int:
    """Tell by the first record: a plausible time and two addresses at their places, in a file of whole records."""
    if source.size < SIZE or not source.head[LOCAL : LOCAL + 1].isalnum():
        return NO
    ends = [source.view.ascii(LOCAL, ADDRESS_SIZE), source.view.ascii(REMOTE, ADDRESS_SIZE)]
    return SURE if _time(source.view, 0) and all(map(_is_address, ends)) else NO


def _is_address(text: str) -> bool:
    return 2 < len(text) < 46 and set(text) <= set("0123456789abcdefABCDEF.:%") and ("." in text or ":" in text)


def _time(view: BinaryView, offset: int) -> datetime | None:
    time = from_unix(view.u32(offset + 4))
    return time if time and FIRST_YEAR <= time.year < LAST_YEAR else None


@evidence_parser("trend_firewall", probe=probe, names=("pfwlog*.dat", "*firewall*.log"))
def trend_firewall(source: Source) -> Iterator[Record]:
    """Trend Micro's personal firewall log: dropped packets."""
    coverage, damage = Coverage(), Damage(source.path)
    yield from merged(_packets(source, damage), LOG, coverage)
    if source.size % SIZE:
        yield from damage.at("end", f"{SIZE - source.size % SIZE} bytes of the last record")
    yield from damage.rest()
    coverage.notes.append("allowed packets are not logged")
    yield from coverage.spans()


def _packets(source: Source, damage: Damage) -> Iterator[Packet | Gap]:
    view = source.view
    for number, offset in enumerate(range(0, view.size - SIZE + 1, SIZE), 1):
        time = _time(view, offset)
        if time is None:
            yield from damage.at(f"record {number}", "a plausible time")
            continue
        outgoing = view.u8(offset + 1) == 1
        local, remote = view.ascii(offset + LOCAL, ADDRESS_SIZE), view.ascii(offset + REMOTE, ADDRESS_SIZE)
        port, program = view.u16(offset + 2), view.ascii(offset + PROGRAM, PROGRAM_SIZE)
        yield Packet(
            time,
            "firewall_drop",
            "dropped",
            "",
            local if outgoing else remote,
            "",
            remote if outgoing else local,
            str(port) if port else "",
            "out" if outgoing else "in",
            f"record {number}",
            rule=view.utf16(offset + DESCRIPTION, DESCRIPTION_SIZE),
            more={"program": program} if program else {},
        )
