"""Packets of a firewall's log → one Event per flow and minute, and the Span of what the log speaks for.

A firewall writes a line per packet; a port scan or a chatty service fills gigabytes with the same line.  All packets
of one flow (kind, protocol, source, target, target port, direction) in one minute of the log's clock are one Event:
`where` is the first line, `count` how many, `until` the last.  Nothing is left out, and the memory is that of one
minute's flows, at most FLOW_LIMIT of them.

Folklore: what a firewall logs is a setting.  A log without a single allowed connection says that these are not
logged, not that there were none; so a Span claims only the kinds that the file shows at least once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bugcheck.evidence.evidence import Event, Record, Span

FLOW_LIMIT = 1 << 14
"""Flows held at once; beyond it the minute is given out early, and a flow may become two Events."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One line of a firewall's log.

    Attributes:
        time: as an Event's. kind: "firewall_allow", "firewall_drop", or "" when the line does not tell.
        verb: what happened, for people ("dropped", "allowed", "closed").
        protocol, source, source_port, target, target_port: "" when not given.
        direction: "in", "out", "forward" or "".
        where: place in the file. host: the firewall's name when the line has it. rule: which rule spoke.
        count: how many packets the line stands for. until: the last of them. code: message number.
        more: further fields of the Event.
    """

    time: datetime
    kind: str
    verb: str
    protocol: str
    source: str
    source_port: str
    target: str
    target_port: str
    direction: str
    where: str
    host: str = ""
    rule: str = ""
    count: int = 1
    until: datetime | None = None
    code: int | None = None
    more: Mapping[str, str] = field(default_factory=dict[str, str])


def flow_key(packet: Packet) -> Hashable:
    """What makes two packets one flow."""
    return (
        packet.kind, packet.verb, packet.protocol, packet.source, packet.target, packet.target_port, packet.direction,
        packet.host, packet.rule, packet.code,
    )  # fmt: skip


def flow_event(first: Packet, last: Packet, count: int, log: str) -> Event:
    """Make the Event of `count` packets of one flow; `log` is the name of who wrote them."""
    fields = {
        "protocol": first.protocol,
        "source": first.source,
        "source_port": first.source_port if count == 1 else "",
        "target": first.target,
        "target_port": first.target_port,
        "direction": first.direction,
        "rule": first.rule,
        **first.more,
    }
    end = max(first.until or first.time, last.until or last.time)
    return Event(
        first.time,
        first.kind,
        flow_text(first.protocol, first.source, first.target, first.target_port, first.verb, first.direction),
        first.where,
        log,
        code=first.code,
        fields={name: value for name, value in fields.items() if value},
        host=first.host,
        count=count,
        until=end if count > 1 else None,
    )


WAYS = {"in": " (coming in)", "out": " (going out)", "forward": " (passing through)"}


def flow_text(protocol: str, source: str, target: str, port: str, verb: str, way: str) -> str:
    """Say a flow in words: "TCP 10.0.0.5 → 10.0.0.1:445 dropped (coming in)"."""
    if port:
        target = f"[{target}]:{port}" if ":" in target else f"{target}:{port}"
    return f"{protocol or 'packet'} {source or '?'} → {target or '?'} {verb}{WAYS.get(way, '')}"


class Coverage:
    """Times and kinds seen so far → the Span at the end."""

    def __init__(self) -> None:
        self.start: dict[bool, datetime] = {}
        self.end: dict[bool, datetime] = {}
        self.kinds: set[str] = set()
        self.notes: list[str] = []

    def see(self, time: datetime, kind: str, until: datetime | None = None) -> None:
        """Take a record's time and kind in."""
        aware = time.tzinfo is not None
        last = until or time
        if aware not in self.start:
            self.start[aware], self.end[aware] = time, last
        else:
            if time < self.start[aware]:
                self.start[aware] = time
            if last > self.end[aware]:
                self.end[aware] = last
        if kind:
            self.kinds.add(kind)

    def spans(self, host: str = "") -> Iterator[Span]:
        """Yield what the file speaks for: one Span, or two when it has both local and UTC times."""
        for aware, start in self.start.items():
            if self.kinds:
                yield Span(start, self.end[aware], frozenset(self.kinds), host, "; ".join(self.notes))

    def note_what_is_not_logged(self) -> None:
        """Say in a note which of the two verdicts of a firewall the file never shows."""
        for kind, what in (("firewall_allow", "allowed"), ("firewall_drop", "dropped")):
            if kind not in self.kinds:
                self.notes.append(f"no {what} packet in it: these may not be logged")


def merged(records: Iterable[Packet | Record], log: str, coverage: Coverage) -> Iterator[Record]:
    """Join packets to Events and pass other records through as they come; see both.

    Args:
        records: of a parser, in the file's order. log: the writer's name. coverage: collects times and kinds.
    """
    held: dict[Hashable, tuple[Packet, Packet, int]] = {}
    now: datetime | None = None
    for record in records:
        if not isinstance(record, Packet):
            if isinstance(record, Event):
                coverage.see(record.time, record.kind, record.until)
            yield record
            continue
        minute = record.time.replace(second=0, microsecond=0)
        if minute != now or len(held) >= FLOW_LIMIT:
            yield from _given_out(held, log, coverage)
            now = minute
        key = flow_key(record)
        first, _, count = held.get(key, (record, record, 0))
        held[key] = first, record, count + record.count
    yield from _given_out(held, log, coverage)


def _given_out(held: dict[Hashable, tuple[Packet, Packet, int]], log: str, coverage: Coverage) -> Iterator[Event]:
    for first, last, count in held.values():
        event = flow_event(first, last, count, log)
        coverage.see(event.time, event.kind, event.until)
        yield event
    held.clear()
