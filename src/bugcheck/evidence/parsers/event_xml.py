"""An event log exported as XML → Events.

Source: Microsoft's Event schema (http://schemas.microsoft.com/win/2004/08/events/event), as written by Event Viewer's
"Save as XML", `wevtutil qe /f:xml` (with or without a root element) and PowerShell's ToXml().

Folklore: Event Viewer puts a whole log on one line, and a log of wevtutil has no root, so neither lines nor a document
can be counted on.  Each `<Event …>…</Event>` is cut out and parsed by itself: damage stays in its entry, memory stays
small, and there is no place for a DTD.
"""

from __future__ import annotations

import codecs
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from bugcheck.archives.files import release
from bugcheck.evidence.event_log import EventLog
from bugcheck.evidence.event_record import NO_DATA, LogRecord
from bugcheck.evidence.evidence import NO, SURE, Record, evidence_parser
from bugcheck.evidence.source import Source

_PIECE = 1 << 18
_ENTRY_LIMIT = 1 << 20
_VALUES_LIMIT, _VALUE_LIMIT = 64, 8000
_DEPTH_LIMIT = 6
_START = re.compile(r"<Event(?=[\s>])")
_END = "</Event>"
_SCHEMA = re.compile(
    r"<Event\s[^>]{0,400}schemas\.microsoft\.com/win/2004/08/events/event|<Events>\s*(?:<!--.{0,2000}?-->\s*)?<Event\s",
    re.DOTALL,
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_CONTROL_REFERENCE = re.compile(r"&#(?:0*(?:[0-8]|1[124-9]|2\d|3[01])|x0*(?:[0-8bcef]|1[0-9a-f]));", re.IGNORECASE)


def probe(source: Source) -> int:
    """Tell by an Event element of Microsoft's schema."""
    head = source.head_text[:0x4000].lstrip()
    return SURE if head.startswith("<") and _SCHEMA.search(head) else NO


@evidence_parser("event_xml", probe=probe, names=("*.xml",))
def event_xml(source: Source) -> Iterator[Record]:
    """Event logs exported as XML: Event Viewer, wevtutil, PowerShell."""
    log = EventLog(source.path, "nt6")
    for number, text in enumerate(_entries(source, log), 1):
        try:
            element = ElementTree.fromstring(text)
        except (ElementTree.ParseError, RecursionError) as error:
            log.damaged(f"well-formed XML ({str(error).partition(':')[0]})", f"entry {number}")
            continue
        record = _record(element, number)
        if record is None:
            log.damaged("an entry with a time and an event id", f"entry {number}")
        else:
            yield log.event(record)
    yield from log.closing()


def _entries(source: Source, log: EventLog) -> Iterator[str]:
    """Cut the file into its Event elements."""
    buffer = ""
    for piece in _pieces(source):
        buffer += piece
        position = 0
        while (start := _START.search(buffer, position)) is not None:
            end = buffer.find(_END, start.end())
            following = _START.search(buffer, start.end(), end if end >= 0 else len(buffer))
            if following is not None:  # an entry without an end
                log.damaged("the end of an entry", "before another entry")
                position = following.start()
                continue
            if end < 0:
                position = start.start()
                break
            yield _cleaned(buffer[start.start() : end + len(_END)])
            position = end + len(_END)
        else:
            position = max(position, len(buffer) - 8)  # the beginning of "<Event " may be here
        buffer = buffer[position:]
        if len(buffer) > _ENTRY_LIMIT:
            log.damaged(f"an entry below {_ENTRY_LIMIT} characters", "an entry that is too long")
            buffer = buffer[-8:]
    if _START.search(buffer):
        log.damaged("the end of an entry", "the end of the file")


def _cleaned(text: str) -> str:
    """Replace characters XML forbids: messages hold them, and Windows writes them out."""
    if _CONTROL.search(text):
        text = _CONTROL.sub("\ufffd", text)
    return _CONTROL_REFERENCE.sub("\ufffd", text) if "&#" in text else text


def _pieces(source: Source) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(source.encoding or "utf-8")("replace")
    for offset in range(0, source.size, _PIECE):
        yield decoder.decode(source.view.read_up_to(offset, _PIECE))
        release(source.view, offset, _PIECE)


def _record(event: ElementTree.Element, number: int) -> LogRecord | None:
    """Take an entry apart."""
    system = _child(event, "System")
    if system is None:
        return None
    nodes = {_name(node): node for node in system}
    time = _time(_attribute(nodes, "TimeCreated", "SystemTime"))
    code = _text(nodes.get("EventID"))
    if time is None or not code.isdecimal() or len(code) > 10:
        return None
    data, strings, binary = _values(event)
    rendered = _child(event, "RenderingInfo")
    message = _child(rendered, "Message") if rendered is not None else None
    stated = _text(nodes.get("EventRecordID"))
    return LogRecord(
        time=time,
        provider=_attribute(nodes, "Provider", "Name") or _attribute(nodes, "Provider", "EventSourceName"),
        code=int(code) & 0xFFFF,
        where=f"record {stated}" if stated else f"entry {number}",
        log=_text(nodes.get("Channel")),
        host=_text(nodes.get("Computer")),
        user=_attribute(nodes, "Security", "UserID"),
        data=data,
        strings=strings,
        message=_text(message),
        binary=binary,
        number=int(stated) if stated.isdecimal() and len(stated) < 20 else None,
    )


def _time(text: str) -> datetime | None:
    """Read SystemTime: ISO with up to nine digits of fraction, UTC."""
    match = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,6})?", text)
    if match is None:
        return None
    try:
        return datetime.fromisoformat(match[1] + (match[2] or "").ljust(7, "0") if match[2] else match[1]).replace(
            tzinfo=UTC
        )
    except ValueError:
        return None


def _name(node: ElementTree.Element) -> str:
    return node.tag.rpartition("}")[2]


def _child(node: ElementTree.Element, name: str) -> ElementTree.Element | None:
    return next((child for child in node if _name(child) == name), None)


def _text(node: ElementTree.Element | None) -> str:
    return (node.text or "").strip()[:_VALUE_LIMIT] if node is not None else ""


def _attribute(nodes: Mapping[str, ElementTree.Element], element: str, name: str) -> str:
    node = nodes.get(element)
    return node.get(name, "")[:_VALUE_LIMIT] if node is not None else ""


def _values(event: ElementTree.Element) -> tuple[Mapping[str, str], tuple[str, ...], bytes]:
    """Return event data by name, all values in order, and the attached bytes."""
    named: dict[str, str] = {}
    strings: list[str] = []
    binary = ""
    for part in event:
        if _name(part) == "EventData":
            for node in list(part)[:_VALUES_LIMIT]:
                if _name(node) == "Binary":
                    binary = _text(node)
                elif name := node.get("Name"):
                    named[name] = _text(node)
                else:
                    strings.append(_text(node))
        elif _name(part) == "UserData":
            for node in part:
                _flatten(node, "", named, 0)
    try:
        attached = bytes.fromhex(binary)
    except ValueError:
        attached = b""
    return named or NO_DATA, tuple(strings) or tuple(named.values()), attached


def _flatten(node: ElementTree.Element, prefix: str, named: dict[str, str], depth: int) -> None:
    """Collect the leaves of UserData by name."""
    for child in node:
        name = f"{prefix}{_name(child)}"
        if len(named) >= _VALUES_LIMIT:
            return
        if len(child) and depth < _DEPTH_LIMIT:
            _flatten(child, f"{name}.", named, depth + 1)
        else:
            named[name] = _text(child)
