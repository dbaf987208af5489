"""An `<Event>` element → a LogRecord.

Source: Microsoft's Event schema (http://schemas.microsoft.com/win/2004/08/events/event): System, EventData, UserData,
RenderingInfo.

Folklore: SystemTime has up to nine digits of fraction; UserData nests elements of any name, whose leaves are values.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from datetime import UTC, datetime

from bugcheck.evidence.event_record import NO_DATA, LogRecord

_VALUES_LIMIT, _VALUE_LIMIT = 64, 8000
_DEPTH_LIMIT = 6


def record_of_element(event: ElementTree.Element, number: int) -> LogRecord | None:
    """Take an entry apart; None when it has no time or no event id."""
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
