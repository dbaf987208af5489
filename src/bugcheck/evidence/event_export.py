"""The named columns or lines of an exported event → a LogRecord.

Source: the columns of Event Viewer's CSV and text, wevtutil's text, PowerShell's Get-WinEvent and Get-EventLog,
LogParser's EVT input and EvtxECmd's CSV, as their makers document them; knowledge/event_headings.tsv has the names.

Folklore: exports lose the zone: Event Viewer, PowerShell and LogParser write the local time of the machine that
exported, which need not be the one that wrote the log; EvtxECmd writes UTC.  `InstanceId` is the event id with two more
bytes above it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from bugcheck.evidence.event_record import NO_DATA, LogRecord
from bugcheck.evidence.wall_clock import DateOrder, order_of_all, read_date_and_time, read_stamp

_MESSAGE_LIMIT = 16_000
_VALUES_LIMIT = 64
_PAYLOAD_LIMIT = 1 << 20
_NO_USER = frozenset(("n/a", "", "not available", "nicht zutreffend", "s.o.", "不适用", "無法使用"))
_KNOWN_LOGS = ("System", "Application", "Security", "Setup")


def order_of(columns: Iterable[Mapping[str, str]]) -> tuple[DateOrder, bool]:
    """Tell the order of day and month from a file's first events, and whether they prove it."""
    return order_of_all([_stamp_text(one) for one in columns])


def record_of(fields: Mapping[str, str], order: DateOrder, where: str, *, utc: bool = False) -> LogRecord | None:
    """Make a record of an export's columns; None when there is no time or no event id.

    Args:
        fields: values by the words of event_headings.tsv. order: of its dates. where: place in the file.
        utc: times without a zone are UTC.
    """
    time = time_of(fields, order)
    code = _code(fields)
    if time is None or code is None:
        return None
    if time.tzinfo is None and utc:
        time = time.replace(tzinfo=UTC)
    user = fields.get("user", "").strip()
    message = fields.get("message", "").strip()[:_MESSAGE_LIMIT]
    if message and "\n" not in message:  # the text of 2003 has two blanks for a line's end
        message = message.replace("  \t", "\n\t")
    data, strings = _values(fields)
    number = fields.get("number", "").strip()
    return LogRecord(
        time=time.astimezone(UTC) if time.tzinfo else time,
        provider=fields.get("provider", "").strip(),
        code=code,
        where=where,
        log=log_name(fields.get("log", "")),
        host=fields.get("host", "").strip(),
        user="" if user.lower() in _NO_USER else user,
        data=data,
        strings=strings,
        message="" if message.lower() in _NO_USER else message,
        number=int(number) if number.isdecimal() and len(number) < 20 else None,
    )


def time_of(fields: Mapping[str, str], order: DateOrder) -> datetime | None:
    """Read the time: one stamp, or a date and a time of day."""
    if stamp := fields.get("stamp"):
        return read_stamp(stamp, order)
    date = fields.get("date", "")
    if clock := fields.get("clock"):
        return read_date_and_time(date, clock, order)
    return read_stamp(date, order)


def log_name(text: str) -> str:
    """Return a log's name; of a path (LogParser, a saved .evtx) the log its file name speaks of."""
    text = text.strip()
    base = text.replace("\\", "/").rpartition("/")[2]
    if not base.lower().endswith((".evt", ".evtx")):
        return text
    stem = base.rpartition(".")[0]
    short = {"sysevent": "System", "appevent": "Application", "secevent": "Security"}
    return short.get(stem.lower()) or next((one for one in _KNOWN_LOGS if one.lower() == stem.lower()), stem)


def log_of_file(name: str) -> str:
    """Return the log a file's name speaks of ("server-a System.csv"), or "": many exports do not say."""
    return next((log for log in _KNOWN_LOGS if re.search(rf"(?<![a-z]){log}(?![a-z])", name, re.IGNORECASE)), "")


def _stamp_text(fields: Mapping[str, str]) -> str:
    return fields.get("stamp") or f"{fields.get('date', '')} {fields.get('clock', '')}".strip()


def _code(fields: Mapping[str, str]) -> int | None:
    for name in ("code", "instance"):
        text = fields.get(name, "").strip()
        if text.isdecimal() and len(text) < 12:
            return int(text) & 0xFFFF
    return None


def _values(fields: Mapping[str, str]) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Return event data: LogParser's strings, or EvtxECmd's payload."""
    if payload := fields.get("payload"):
        return _payload(payload)
    if strings := fields.get("strings"):
        return NO_DATA, tuple(strings.split("|")[:_VALUES_LIMIT])
    return NO_DATA, ()


def _payload(text: str) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Read EvtxECmd's JSON, {"EventData": {"Data": [{"@Name": …, "#text": …}, …]}}; nothing when it is none."""
    try:
        content = cast("object", json.loads(text[:_PAYLOAD_LIMIT]))
    except (ValueError, RecursionError):
        return NO_DATA, ()
    node = cast("dict[str, Any]", content).get("EventData") if isinstance(content, dict) else None
    data = cast("dict[str, Any]", node).get("Data") if isinstance(node, dict) else None
    items = cast("list[object]", data) if isinstance(data, list) else [data]
    named: dict[str, str] = {}
    strings: list[str] = []
    for item in items[:_VALUES_LIMIT]:
        if isinstance(item, dict):
            pair = cast("dict[str, Any]", item)
            named[str(pair.get("@Name", len(named)))] = str(pair.get("#text", ""))
        elif isinstance(item, str):
            strings.extend(item.split(", ")[:_VALUES_LIMIT])
    return named or NO_DATA, tuple(named.values()) or tuple(strings)
