"""Cisco ASA and PIX messages in a syslog → flows allowed and dropped, attacks, and the rest as it stands.

Source: `knowledge/asa_messages.tsv` for what a number means; the message's own words for addresses:
"interface:address/ port" or "interface/address(port)", first the source, then the target.

Folklore: severity 6 (302013 to 302021, connections built and torn down) is where the volume is, and most devices do
not send it; a log without it says nothing of what was allowed.  The device's clock is its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from ipaddress import ip_address

from bugcheck.evidence.damage import Damage
from bugcheck.evidence.evidence import NO, SURE, Event, Record, evidence_parser
from bugcheck.evidence.flows import Coverage, Packet, merged
from bugcheck.evidence.source import Source
from bugcheck.evidence.syslog_times import SyslogTimes
from bugcheck.knowledge.tables import find_row

LOG = "Cisco ASA"
_MESSAGE = re.compile(r"%(?:ASA|PIX|FWSM|FTD)-(?:\w+-)?(\d)-(\d{6}):? +")
_END = re.compile(
    r"(?<![\w.])((?:\d{1,3}\.){3}\d{1,3}|(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4})(?:[/(](\d{1,5})\)?)?"
)
_PROTOCOL = re.compile(r"\b(tcp|udp|icmp6?|icmpv6|gre|esp|ah|igmp|sctp|ip)\b", re.IGNORECASE)
_MAPPED = re.compile(r" ?\([^()]*/\d*\)")
_RULE = re.compile(r'access-group "([^"]+)"|access-list (\S+)')
_BYTES = re.compile(r"\bbytes (\d+)")
_HITS = re.compile(r"hit-cnt (\d+)")


def probe(source: Source) -> int:
    """Tell by the messages' mark."""
    return SURE if _MESSAGE.search(source.head_text[:0x4000]) else NO


@evidence_parser("cisco_asa", probe=probe, names=("*asa*.log*", "*pix*.log*"))
def cisco_asa(source: Source) -> Iterator[Record]:
    """Cisco ASA and PIX firewalls' syslog: allowed and dropped flows, attacks, other messages."""
    coverage, times, damage = Coverage(), SyslogTimes(source), Damage(source.path)
    yield from merged(_records(source, times, damage), LOG, coverage)
    yield from damage.rest()
    yield from times.gaps()
    coverage.note_what_is_not_logged()
    yield from coverage.spans()


def _records(source: Source, times: SyslogTimes, damage: Damage) -> Iterator[Packet | Record]:
    for number, line in source.lines():
        mark = _MESSAGE.search(line)
        if mark is None:
            continue
        found = times.split(line)
        if found is None:
            if not times.undated:
                yield from damage.at(f"line {number}", "a time at its beginning")
            continue
        host = found[1].split("%")[0].strip(" :").partition(" ")[0]
        yield _record(found[0], host, int(mark[2]), line[mark.end() :], number)


def _record(time: datetime, host: str, code: int, message: str, number: int) -> Packet | Event:
    kind, verb = _meaning(code, message)
    plain = _MAPPED.sub("", message) if 302000 <= code < 303000 else message
    ends = [(match[1], match[2] or "") for match in _END.finditer(plain) if _is_address(match[1])][:2]
    if not kind or not ends:
        return Event(time, kind, message, f"line {number}", LOG, code=code, host=host)
    source, target = ends[0], ends[1] if len(ends) > 1 else ("", "")
    outbound = "outbound" in message[:24]
    if outbound and 302000 <= code < 303000:
        source, target = target, source
    protocol, rule = _PROTOCOL.search(message), _RULE.search(message)
    size, hits = _BYTES.search(message), _HITS.search(message)
    more = {"bytes": size[1]} if size else {}
    if kind == "attack":
        more["name"] = verb.removeprefix("dropped: ")
    return Packet(
        time,
        kind,
        verb,
        protocol[1].upper() if protocol else "IP",
        *source,
        *target,
        "out" if outbound else "in" if "inbound" in message[:24] else "",
        f"line {number}",
        host=host,
        rule=next((part for part in rule.groups() if part), "") if rule else "",
        count=min(int(hits[1]), 1 << 31) if hits and hits[1] != "0" else 1,
        code=code,
        more=more,
    )


def _meaning(code: int, message: str) -> tuple[str, str]:
    kind, verb = _row(code)
    if kind == "?":
        return ("firewall_allow", "allowed") if " permitted " in message else ("firewall_drop", "dropped")
    if not kind and 400000 <= code < 400100:
        return "attack", message.partition(" from ")[0]
    return kind, verb


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


@cache
def _row(code: int) -> tuple[str, str]:
    row = find_row("asa_messages.tsv", str(code))
    return (row[1], row[2]) if row else ("", "")
