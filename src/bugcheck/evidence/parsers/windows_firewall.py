"""Windows Firewall's pfirewall.log → flows that were allowed and dropped.

Source: the file's own header (W3C extended log: `#Version`, `#Software`, `#Time Format`, `#Fields`), real logs of
Windows XP and 10; networkuptime.com, "Windows Firewall" 04-08 for the actions: OPEN (going out), OPEN-INBOUND, CLOSE,
DROP, INFO-EVENTS-LOST (`info` counts packets that were not written); Vista and later: ALLOW, DROP and a `path` of
SEND, RECEIVE or FORWARD.  Windows 11 appends a process id.

Folklore:
    Times are the host's local wall clock unless `#Time Format` says otherwise: an hour repeats every autumn.
    Only what is switched on is logged: dropped packets, successful connections, or both; the header doesn't tell.
    At its size limit (4 MB by default) the file is renamed to `.old` and the one before is lost, so that a busy host's
    log covers minutes, not days: look at the Span before saying that nothing happened.

A line is split at its spaces and never meets a regular expression; the time of a flow is read when the flow is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bugcheck.evidence.damage import Damage
from bugcheck.evidence.evidence import LIKELY, NO, SURE, Event, Record, evidence_parser
from bugcheck.evidence.firewall_fields import Layout, read_header
from bugcheck.evidence.flows import FLOW_LIMIT, Coverage, flow_text
from bugcheck.evidence.source import Source

LOG = "pfirewall"
HEADERS = ("#Version:", "#Software:", "#Time Format:", "#Fields:")
ACTIONS = {
    "DROP": ("firewall_drop", "dropped", ""),
    "ALLOW": ("firewall_allow", "allowed", ""),
    "OPEN": ("firewall_allow", "opened", "out"),
    "OPEN-INBOUND": ("firewall_allow", "opened", "in"),
    "CLOSE": ("firewall_allow", "closed", ""),
}
WAYS = {"SEND": "out", "RECEIVE": "in", "FORWARD": "forward"}


def probe(source: Source) -> int:
    """Tell by the header's field names, or by the shape of the first lines of a log without a header."""
    text = source.head_text[:8192]
    if text.startswith(HEADERS) and "\n#Fields: date time action protocol src-ip" in f"\n{text}":
        return SURE
    lines = [line.split(" ") for line in text.split("\n")[:8] if line[:1] not in ("", "#")]
    shaped = [line for line in lines if len(line) >= 8 and line[2] in ACTIONS and line[0].count("-") == 2]
    return LIKELY if lines and len(shaped) >= max(1, len(lines) - 1) else NO


@evidence_parser("windows_firewall", probe=probe, names=("pfirewall*.log*", "*firewall*.log*"))
def windows_firewall(source: Source) -> Iterator[Record]:
    """Windows Firewall's log (XP to 11): allowed and dropped packets, joined by flow and minute."""
    layout, damage, coverage = Layout(), Damage(source.path), Coverage()
    for number, first, last, count in _flows(source, layout):
        event = _event(number, first, last, count, layout)
        if event is None:
            yield from damage.at(f"line {number}", "a time, an action and addresses")
            continue
        coverage.see(event.time, event.kind, event.until)
        if event.kind == "log_full":
            coverage.notes.append(f"{event.fields['count']} events were lost at {event.time:%H:%M:%S}")
        yield event
    yield from damage.rest()
    coverage.kinds.discard("log_full")
    coverage.note_what_is_not_logged()
    yield from coverage.spans()


def _flows(source: Source, layout: Layout) -> Iterator[tuple[int, str, str, int]]:
    """Join lines of one flow in one minute: yield (number and text of the first line, the last line, how many).

    Every line passes here, so it does little for one: a line of the header shows as a new "minute".
    """
    held: dict[tuple[str, ...], list[Any]] = {}
    pick, now = layout.pick, ""
    for number, line in source.lines():
        fields = line.split(" ")
        if line[:16] != now or len(held) >= FLOW_LIMIT:
            for each in held.values():
                yield each[0], each[1], each[2], each[3]
            held.clear()
            now = line[:16]
            if now[:1] in ("#", ""):
                if read_header(line, layout):
                    pick = layout.pick
                continue
        try:
            key = pick(fields)
        except IndexError:
            key = (line,)
        entry = held.get(key)
        if entry is None:
            held[key] = [number, line, line, 1]
        else:
            entry[2] = line
            entry[3] += 1
    for each in held.values():
        yield each[0], each[1], each[2], each[3]


def _event(number: int, line: str, last: str, count: int, layout: Layout) -> Event | None:
    """Read a flow's first and last line; None when they are no lines of this log."""
    try:
        time = datetime.fromisoformat(line[:19])
        until = datetime.fromisoformat(last[:19]) if count > 1 else None
    except ValueError:
        return None
    if layout.utc:
        time, until = time.replace(tzinfo=UTC), until and until.replace(tzinfo=UTC)
    values = line.split(" ")
    if len(values) < layout.width:
        values += ["-"] * (layout.width - len(values))
    action = values[layout.action]
    meaning = ACTIONS.get(action)
    if meaning is None:
        return _lost(time, number, values, layout) if action == "INFO-EVENTS-LOST" else None
    kind, verb, way = meaning
    way = WAYS.get(values[layout.path], way)
    fields = {word: value for index, word in layout.plans[count == 1] if (value := values[index]) != "-"}
    if way:
        fields["direction"] = way
    get = fields.get
    text = flow_text(get("protocol", ""), get("source", ""), get("target", ""), get("target_port", ""), verb, way)
    return Event(time, kind, text, f"line {number}", LOG, None, fields, "", count, until)


def _lost(time: datetime, number: int, values: list[str], layout: Layout) -> Event:
    lost = values[layout.names.index("info")] if "info" in layout.names else "some"
    text = f"{lost} packets were not written to the log"
    return Event(time, "log_full", text, f"line {number}", LOG, fields={"log": LOG, "count": lost})
