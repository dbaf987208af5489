"""A record of an .evtx file, as JSON of the `evtx` library → a LogRecord.

Source: the JSON the library makes of binary XML ([MS-EVEN6]): attributes under `#attributes`, text under `#text`.

Folklore: entries a collector rendered anew hold numbers as text; an export counts its records anew in their headers,
and only EventRecordID keeps the number an entry had in its own log.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from bugcheck.evidence.event_record import NO_DATA, LogRecord

_JSON: Any = json.JSONDecoder(strict=False)  # of damaged entries the library leaves control characters as they are
_scan = _JSON.scan_once
"""What `decode` calls, without the look for white space that the library does not write."""
_VALUES_LIMIT, _VALUE_LIMIT = 64, 8000
_DEPTH_LIMIT = 6


def record_of_json(entry: Mapping[str, Any]) -> LogRecord | None:
    """Take the library's JSON apart; None when it is none (of damaged entries) or has no time."""
    try:
        content = _scan(entry["data"], 0)[0]
    except (StopIteration, ValueError, RecursionError):
        return None
    event = _child(content, "Event")
    system = _child(event, "System")
    time = _time(_attribute_of(system.get("TimeCreated"), "SystemTime"), entry)
    if time is None:
        return None
    number = _number(system.get("EventRecordID")) or int(entry["event_record_id"])
    data, strings, binary = _values(event)
    provider = system.get("Provider")
    return LogRecord(
        time,
        _attribute_of(provider, "Name") or _attribute_of(provider, "EventSourceName"),
        _code(system.get("EventID")),
        f"record {number}",
        _text(system.get("Channel")),
        _text(system.get("Computer")),
        _attribute_of(system.get("Security"), "UserID"),
        data,
        strings,
        "",
        binary,
        number,
    )


def _child(node: Any, name: str) -> dict[str, Any]:
    """Return the object under a name; an empty one when there is none."""
    child: Any = node.get(name) if node.__class__ is dict else None
    return child if child.__class__ is dict else {}


def _time(text: str, entry: Mapping[str, Any]) -> datetime | None:
    """Read when the event was made; when it was written, where that is missing."""
    for stamp in (text, str(entry.get("timestamp", ""))[:26]):
        try:
            moment = datetime.fromisoformat(stamp)
        except ValueError:
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _attribute_of(element: Any, name: str) -> str:
    """Return an attribute of an element, "" when there is neither."""
    if element.__class__ is not dict:
        return ""
    attributes = element.get("#attributes")
    return _text(attributes.get(name)) if attributes.__class__ is dict else ""


def _code(node: Any) -> int:
    if node.__class__ is int:
        return node & 0xFFFF
    if node.__class__ is dict:
        node = node.get("#text")
    if node.__class__ is str:  # entries a collector rendered anew hold numbers as text
        node = int(node) if node.isdecimal() and len(node) < 11 else 0
    return node & 0xFFFF if node.__class__ is int else 0


def _number(node: Any) -> int:
    """Read the number the entry had in its own log; an export counts anew in the record's header only."""
    if node.__class__ is int:
        return node if 0 < node < 10**19 else 0
    text = str(node)
    return int(text) if text.isdecimal() and len(text) < 20 else 0


def _text(value: Any) -> str:
    if value.__class__ is str:
        return value[:_VALUE_LIMIT]
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)[:_VALUE_LIMIT]


def _values(event: Mapping[str, Any]) -> tuple[Mapping[str, str], tuple[str, ...], bytes]:
    """Return event data by name, all values in order, and the attached bytes."""
    named: dict[str, str] = {}
    strings: list[str] = []
    binary = ""
    for part in ("EventData", "UserData"):
        content = _child(event, part)
        if not content:
            continue
        binary = binary or _text(content.pop("Binary", None))
        _flatten(content, "", named, strings, 0 if part == "EventData" else -1)
    return named or NO_DATA, tuple(strings or named.values()), _attached(binary) if binary else b""


def _attached(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _flatten(node: Mapping[str, Any], prefix: str, named: dict[str, str], strings: list[str], depth: int) -> None:
    """Collect values; `depth` -1 is UserData, whose single child's name says nothing."""
    for name, value in node.items() if len(node) <= _VALUES_LIMIT else islice(node.items(), _VALUES_LIMIT):
        if value.__class__ is str and name != "Data":  # nine in ten
            named[prefix + name if prefix else name] = value if len(value) <= _VALUE_LIMIT else value[:_VALUE_LIMIT]
            continue
        if name == "#attributes" or len(named) + len(strings) >= _VALUES_LIMIT:
            continue
        child: dict[str, Any] = value if value.__class__ is dict else {"#text": value}
        if "#text" not in child and depth < _DEPTH_LIMIT:
            _flatten(child, "" if depth < 0 else f"{prefix}{name}.", named, strings, depth + 1)
            continue
        content: Any = child.get("#text")
        several: list[Any] = content[:_VALUES_LIMIT] if content.__class__ is list else [content]
        texts = list(map(_text, several))
        if name == "Data" or name.startswith("Data_"):
            strings.extend(texts)
        else:
            named[prefix + name] = ", ".join(texts)
