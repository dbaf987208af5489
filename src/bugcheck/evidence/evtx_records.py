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
from typing import Any, cast

from bugcheck.evidence.event_record import NO_DATA, LogRecord

_JSON = json.JSONDecoder(strict=False)  # of damaged entries the library leaves control characters as they are
_VALUES_LIMIT, _VALUE_LIMIT = 64, 8000
_DEPTH_LIMIT = 6


def record_of_json(entry: Mapping[str, Any]) -> LogRecord | None:
    """Take the library's JSON apart; None when it is none (of damaged entries) or has no time."""
    try:
        content = cast("object", _JSON.decode(entry["data"]))
    except (ValueError, RecursionError):
        return None
    event = _child(content, "Event")
    system = _child(event, "System")
    time = _time(_attribute(system, "TimeCreated", "SystemTime"), entry)
    if time is None:
        return None
    number = _number(system.get("EventRecordID")) or int(entry["event_record_id"])
    data, strings, binary = _values(event)
    provider = _attribute(system, "Provider", "Name") or _attribute(system, "Provider", "EventSourceName")
    return LogRecord(
        time=time,
        provider=provider,
        code=_code(system.get("EventID")),
        where=f"record {number}",
        log=_text(system.get("Channel")),
        host=_text(system.get("Computer")),
        user=_attribute(system, "Security", "UserID"),
        data=data,
        strings=strings,
        binary=binary,
        number=number,
    )


def _child(node: object, name: str) -> dict[str, Any]:
    """Return the object under a name; an empty one when there is none."""
    child = cast("dict[str, Any]", node).get(name) if isinstance(node, dict) else None
    return cast("dict[str, Any]", child) if isinstance(child, dict) else {}


def _time(text: str, entry: Mapping[str, Any]) -> datetime | None:
    """Read when the event was made; when it was written, where that is missing."""
    for stamp in (text, str(entry.get("timestamp", ""))[:26]):
        try:
            moment = datetime.fromisoformat(stamp)
        except ValueError:
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _attribute(system: Mapping[str, Any], element: str, name: str) -> str:
    return _text(_child(system.get(element), "#attributes").get(name))


def _code(node: object) -> int:
    if isinstance(node, dict):
        node = cast("dict[str, Any]", node).get("#text")
    if isinstance(node, str):  # entries a collector rendered anew hold numbers as text
        node = int(node) if node.isdecimal() and len(node) < 11 else 0
    return node & 0xFFFF if isinstance(node, int) else 0


def _number(node: object) -> int:
    """Read the number the entry had in its own log; an export counts anew in the record's header only."""
    text = str(node)
    return int(text) if text.isdecimal() and len(text) < 20 else 0


def _text(value: object) -> str:
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
        binary = binary or _text(content.pop("Binary", None))
        _flatten(content, "", named, strings, 0 if part == "EventData" else -1)
    strings = strings or list(named.values())
    try:
        attached = bytes.fromhex(binary)
    except ValueError:
        attached = b""
    return named or NO_DATA, tuple(strings), attached


def _flatten(node: Mapping[str, Any], prefix: str, named: dict[str, str], strings: list[str], depth: int) -> None:
    """Collect values; `depth` -1 is UserData, whose single child's name says nothing."""
    for name, value in islice(node.items(), _VALUES_LIMIT):
        if value.__class__ is str and name != "Data":  # nine in ten
            named[prefix + name] = value[:_VALUE_LIMIT]
            continue
        if name == "#attributes" or len(named) + len(strings) >= _VALUES_LIMIT:
            continue
        child = cast("dict[str, Any]", value) if isinstance(value, dict) else {"#text": value}
        if "#text" not in child and depth < _DEPTH_LIMIT:
            _flatten(child, "" if depth < 0 else f"{prefix}{name}.", named, strings, depth + 1)
            continue
        content = cast("object", child.get("#text"))
        several = cast("list[object]", content)[:_VALUES_LIMIT] if isinstance(content, list) else [content]
        texts = list(map(_text, several))
        if name == "Data" or name.startswith("Data_"):
            strings.extend(texts)
        else:
            named[prefix + name] = ", ".join(texts)
