"""Symantec Endpoint Protection's tralog.log → flows allowed and dropped.

Source: malwaremaloney.blogspot.com, 2021-01, and real logs: a first line of fixed width, then rows of tab-separated
fields in hexadecimal: 1 time (FILETIME), 2 event (301 TCP started, 302 UDP, 303 ping, 304 TCP completed, 305 other,
306 ICMP, 307 Ethernet, 308 IP, 309 ICMPv6), 3 and 4 local and remote address (little-endian), 5 and 6 their ports, 7
direction (1 in, 2 out), 8 and 9 first and last time, 10 how often, 11 action (1 blocked), 16 rule, 17 program, 21
user, 25 and 26 the addresses in IPv6.

Folklore: a row is already a sum: `until` is its own last time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address

from bugcheck.evidence.damage import Damage
from bugcheck.evidence.evidence import LIKELY, NO, Fact, Record, evidence_parser
from bugcheck.evidence.flows import Coverage, Packet, merged
from bugcheck.evidence.source import Source
from bugcheck.timestamps import from_filetime

LOG = "Symantec firewall"
EVENTS = {
    301: "TCP", 302: "UDP", 303: "ICMP", 304: "TCP", 305: "other", 306: "ICMP", 307: "Ethernet", 308: "IP",
    309: "ICMPv6",
}  # fmt: skip
LEAST = 12
"""Fields a row has at least."""
WITH_PORTS = (301, 302, 304)


def probe(source: Source) -> int:
    """Tell by a row whose second field is a FILETIME and whose third is a traffic event."""
    return LIKELY if any(_time_and_event(line.split("\t")) for line in source.head_text[:8192].split("\n")[:4]) else NO


def _time_and_event(cells: list[str]) -> tuple[datetime, int] | None:
    if len(cells) < LEAST:
        return None
    time = from_filetime(_number(cells[1]))
    event = _number(cells[2])
    return (time, event) if time and event in EVENTS else None


def _number(text: str) -> int:
    try:
        return int(text[:32], 16)
    except ValueError:
        return -1


@evidence_parser("symantec_traffic", probe=probe, names=("tralog*.log",))
def symantec_traffic(source: Source) -> Iterator[Record]:
    """Symantec Endpoint Protection's traffic log: allowed and dropped flows."""
    yield Fact("security_product", "Symantec Endpoint Protection", "", "the file's layout", fields={"role": "firewall"})
    coverage, damage = Coverage(), Damage(source.path)
    yield from merged(_packets(source, damage), LOG, coverage)
    yield from damage.rest()
    coverage.note_what_is_not_logged()
    yield from coverage.spans()


def _packets(source: Source, damage: Damage) -> Iterator[Packet | Record]:
    for number, line in source.lines():
        cells = line.split("\t")
        found = _time_and_event(cells)
        if found:
            yield _packet(*found, cells, f"line {number}")
        elif number > 1 and line.strip():
            yield from damage.at(f"line {number}", "a time and a traffic event")


def _packet(time: datetime, event: int, cells: list[str], where: str) -> Packet:
    cells = cells + [""] * (27 - len(cells))
    ports = [str(_number(cell)) if event in WITH_PORTS else "" for cell in cells[5:7]]
    local, remote = (_address(cells[3], cells[25]), ports[0]), (_address(cells[4], cells[26]), ports[1])
    outgoing = _number(cells[7]) == 2
    source, target = (local, remote) if outgoing else (remote, local)
    dropped = _number(cells[11]) == 1
    first, last = from_filetime(_number(cells[8])), from_filetime(_number(cells[9]))
    more = {"program": cells[17], "user": cells[21]}
    return Packet(
        first or time,
        "firewall_drop" if dropped else "firewall_allow",
        "dropped" if dropped else "allowed",
        EVENTS[event],
        *source,
        *target,
        "out" if outgoing else "in",
        where,
        rule=cells[16],
        count=min(max(1, _number(cells[10])), 1 << 31),
        until=last,
        more={name: value for name, value in more.items() if value},
    )


def _address(four: str, six: str) -> str:
    number = _number(four)
    if 0 < number < 1 << 32:
        return str(IPv4Address(number.to_bytes(4, "little")))
    number = _number(six)
    return str(IPv6Address(number)) if 0 < number < 1 << 128 else ""
