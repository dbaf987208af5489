"""Linux' packet filter in a syslog (iptables, nftables, ufw, Shorewall, firewalld) → flows allowed and dropped.

Source: real logs; the kernel's log target writes `PREFIX IN=… OUT=… MAC=… SRC=… DST=… LEN=… PROTO=… SPT=… DPT=…`,
for ICMP TYPE= and CODE=, for UDP a second LEN=; ufw's prefixes are `[UFW BLOCK]`, `[UFW ALLOW]`, `[UFW AUDIT]`,
`[UFW LIMIT BLOCK]`.

Folklore: the line says what a rule *logs*, and only the administrator's prefix says what became of the packet.  Where
the prefix has none of the usual words, the flow is given without a verdict.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from datetime import datetime

from bugcheck.evidence.damage import Damage
from bugcheck.evidence.evidence import LIKELY, NO, Record, evidence_parser
from bugcheck.evidence.flows import Coverage, Packet, merged
from bugcheck.evidence.source import Source
from bugcheck.evidence.syslog_times import SyslogTimes
from bugcheck.gaps import Gap

LOG = "iptables"
DROPPED = ("DROP", "BLOCK", "DENY", "DENIED", "REJECT", "INVALID", "DISCARD", "BAN")
ALLOWED = ("ALLOW", "ACCEPT", "PASS", "PERMIT")
PROTOCOLS = {"1": "ICMP", "2": "IGMP", "6": "TCP", "17": "UDP", "41": "IPv6", "47": "GRE", "50": "ESP", "58": "ICMPv6"}
_GREPPED = re.compile(r"^[\w./-]{1,255}:(?:\d{1,9}:)?")
"""What grep puts before the lines of several files."""
_UNTIMED = 1_000_000
FLAGS = ("SYN", "ACK", "FIN", "RST", "PSH", "URG")


def probe(source: Source) -> int:
    """Tell by the fields of the log target in the first lines."""
    lines = [line for line in source.head_text.split("\n")[:400] if _is_ours(line)]
    return LIKELY if lines else NO


def _is_ours(line: str) -> bool:
    start = line.find(" SRC=") + 5
    known = "IN=" in line and " OUT=" in line and " DST=" in line and " PROTO=" in line
    return known and start > 4 and line[start : start + 1] in "0123456789abcdefABCDEF:"


@evidence_parser("iptables", probe=probe, names=("kern.log*", "ufw.log*", "messages*", "syslog*", "*iptables*"))
def iptables(source: Source) -> Iterator[Record]:
    """Linux packet filters in a syslog (iptables, ufw): packets joined by flow and minute."""
    coverage, times, untimed = Coverage(), SyslogTimes(source), list[int]()
    dated = yield from _counted(merged(_packets(source, times, untimed), LOG, coverage))
    yield from _without_time(source.path, untimed, dated > 0)
    yield from times.gaps()
    coverage.note_what_is_not_logged()
    yield from coverage.spans()


def _counted(records: Iterator[Record]) -> Generator[Record, None, int]:
    count = 0
    for record in records:
        count += 1
        yield record
    return count


def _without_time(path: str, untimed: list[int], dated: bool) -> Iterator[Gap]:
    """Tell of packets without a time: a hole in a log that has times, else a log of another kind (dmesg)."""
    if not dated and untimed:
        what = f"when the {len(untimed)} packets of {path} came"
        yield Gap(what, "times: its lines have none, or seconds since the start", "journalctl -k -o short-iso")
        return
    damage = Damage(path)
    for number in untimed:
        yield from damage.at(f"line {number}", "a time at its beginning")
    yield from damage.rest()


def _packets(source: Source, times: SyslogTimes, untimed: list[int]) -> Iterator[Packet | Record]:
    for number, line in source.lines():
        if not _is_ours(line):
            continue
        found = times.split(line) or times.split(_GREPPED.sub("", line, count=1))
        if found and "IN=" in found[1]:
            yield _packet(found[0], found[1], number)
        elif not times.undated and len(untimed) < _UNTIMED:
            untimed.append(number)


def _packet(time: datetime, rest: str, number: int) -> Packet:
    """Read the message: host, the kernel's own words, the rule's prefix, then NAME=VALUE and bare flags."""
    start = rest.index("IN=")
    head, words = rest[:start], rest[start:].split()
    host, _, said = head.partition(" ")
    values: dict[str, str] = {}
    for word in words:
        name, mark, value = word.partition("=")
        if mark:
            values.setdefault(name, value)
    prefix = said.rpartition("] ")[2] if "] " in said and "[UFW" not in said else said.partition("kernel: ")[2]
    prefix = prefix.rpartition("] [")[2].strip(" :[]")
    kind, verb = _verdict(prefix)
    flags = "" if values.get("PROTO") != "TCP" else " ".join(word for word in words if word in FLAGS)
    icmp = f"{values['TYPE']}/{values.get('CODE', '')}" if "TYPE" in values else ""
    more = {"size": values.get("LEN", ""), "tcp_flags": flags, "icmp": icmp, "interface": values.get("IN", "")}
    return Packet(
        time,
        kind,
        verb,
        PROTOCOLS.get(values.get("PROTO", ""), values.get("PROTO", "")),
        values.get("SRC", ""),
        values.get("SPT", ""),
        values.get("DST", ""),
        values.get("DPT", ""),
        _direction(values),
        f"line {number}",
        host=host,
        rule=prefix,
        more={name: value for name, value in more.items() if value},
    )


def _verdict(prefix: str) -> tuple[str, str]:
    upper = prefix.upper()
    if any(word in upper for word in DROPPED):
        return "firewall_drop", "dropped"
    if any(word in upper for word in ALLOWED):
        return "firewall_allow", "allowed"
    return "", "logged"


def _direction(values: dict[str, str]) -> str:
    if values.get("IN") and values.get("OUT"):
        return "forward"
    return "in" if values.get("IN") else "out" if values.get("OUT") else ""
