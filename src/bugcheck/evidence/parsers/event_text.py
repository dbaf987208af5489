"""An event log written as lines of "Name: value" → Events.

Source: `wevtutil qe LOG /f:text`; PowerShell's `Get-WinEvent | Format-List` and `Get-EventLog | Format-List`; what
Event Viewer's "Copy" puts on the clipboard, in its forms of 2000 to 2003 and since Vista, in many languages.

Folklore: wevtutil wrote the host's local time without a zone up to Windows 8.1; later builds add a Z.  Entries of
Kernel-General 12 and 13 say in their text what UTC it was, which shows how far off the dates are.  Descriptions may
contain anything, lines like "Source: x" included, so only the form's own beginning of an entry ends one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC
from itertools import islice

from bugcheck.evidence.event_export import log_of_file, order_of, record_of
from bugcheck.evidence.event_log import EventLog, bias_between
from bugcheck.evidence.event_record import named_line
from bugcheck.evidence.evidence import LIKELY, NO, SURE, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap
from bugcheck.knowledge.events import heading

_WEVTUTIL = re.compile(r"^Event\[\d+\]:?\s*$")
_LONGEST_NAME = 40
_PROPERTY = re.compile(r"^(\w{2,40}) *: ?(.*)$")
_COPIED_XML = re.compile(r"\n[^\n<>]{2,30}XML\s*[:：]\s*\n<Event\s", re.IGNORECASE)
_HEAD_ENTRIES = 200
_MESSAGE_LIMIT = 16_000
_CALIBRATION_LINES = 400_000
_UTC_SAID = re.compile(r"(?:system time|Systemzeit|at) .{0,6}\d{4}\W{1,4}\d{2}\W{1,4}\d{2}T")
Fields = dict[str, str]
Numbered = Iterable[tuple[int, str]]
Reader = Callable[[Numbered], Iterator[tuple[int, Fields]]]


def probe(source: Source) -> int:
    """Tell by a complete first entry of one of the three forms."""
    reader, sure = _reader_of(source.head_text)
    if reader is None:
        return NO
    first = next(reader(enumerate(source.head_text.split("\n"), 1)), None)
    if first is None or not {"provider"} <= first[1].keys() or not {"code", "instance"} & first[1].keys():
        return NO
    return sure


@evidence_parser("event_text", probe=probe, names=("*evt*.txt", "*event*.txt"))
def event_text(source: Source) -> Iterator[Record]:
    """Event logs written as text: wevtutil, PowerShell, Event Viewer's copies."""
    reader, _ = _reader_of(source.head_text)
    if reader is None:
        yield Gap(f"events of {source.path}", "an entry of a known form")
        return
    head = list(islice(reader(enumerate(source.head_text.split("\n"), 1)), _HEAD_ENTRIES))
    order, proven = order_of(fields for _, fields in head)
    log = EventLog(source.path, log=log_of_file(source.base_name))
    local = _zulu_is_local(source, reader)
    for number, fields in reader(source.lines()):
        if local and fields.get("date", "").endswith("Z"):
            fields["date"] = fields["date"][:-1]
        record = record_of(fields, order, f"line {number}")
        if record is None:
            log.damaged("an entry with a time and an event id", f"line {number}")
        else:
            yield log.event(record)
    yield from log.closing()
    if not proven:
        yield Gap(
            f"day and month in the dates of {source.path}, read as {order.value}", "a day above 12 in one of them"
        )
    if local:
        yield Gap(
            f"UTC of the entries of {source.path}", "true zones: its Z stands behind local times, as its texts show"
        )


def _reader_of(text: str) -> tuple[Reader | None, int]:
    """Tell the form by the first lines."""
    lines = [line for line in text.split("\n", 40)[:40] if line.strip()]
    if any(_WEVTUTIL.match(line) for line in lines[:3]):
        return _wevtutil, SURE
    properties = [match for line in lines[:12] if (match := _PROPERTY.match(line)) and heading(match[1])]
    if len(properties) >= 3 and any(match[1] in ("TimeCreated", "TimeGenerated", "InstanceId") for match in properties):
        return _format_list, SURE
    known = [heading(pair[0]) for line in lines[:12] if (pair := named_line(line, _LONGEST_NAME))]
    if {"provider", "code"} <= set(known) and {"date", "stamp"} & set(known):
        return _copied, LIKELY
    return None, NO


def _wevtutil(lines: Numbered) -> Iterator[tuple[int, Fields]]:
    """Entries that begin with `Event[n]`."""
    return _entries(lines, lambda line, _: line.startswith("Event[") and _WEVTUTIL.match(line) is not None)


def _copied(lines: Numbered) -> Iterator[tuple[int, Fields]]:
    """Entries that begin with the log's name or the type, whichever the first one begins with."""
    first: list[str] = []

    def begins(line: str, fields: Fields) -> bool:
        pair = named_line(line, _LONGEST_NAME)
        if pair is None or heading(pair[0]) is None:
            return False
        if not first:
            first.append(pair[0])
            return True
        return pair[0] == first[0] and ("code" in fields or not fields)

    return _entries(lines, begins)


def _entries(lines: Numbered, begins: Callable[[str, Fields], bool]) -> Iterator[tuple[int, Fields]]:
    """Collect named lines up to the description, and that up to where the next entry begins."""
    start, fields, message, size = 0, Fields(), list[str](), 0
    for number, line in lines:
        if begins(line, fields):
            if start:
                yield start, _with_message(fields, message)
            start, fields, message, size = number, {}, [], 0
        if not start:
            continue
        if "message" in fields:
            if size < _MESSAGE_LIMIT:
                message.append(line)
                size += len(line) + 1
            continue
        if pair := named_line(line, _LONGEST_NAME):
            name = heading(pair[0])
            if name and name not in fields:
                fields[name] = pair[1].strip()
    if start:
        yield start, _with_message(fields, message)


def _with_message(fields: Fields, message: list[str]) -> Fields:
    text = "\n".join([fields.get("message", ""), *message])
    return {**fields, "message": _COPIED_XML.split(text, maxsplit=1)[0].strip()}


def _format_list(lines: Numbered) -> Iterator[tuple[int, Fields]]:
    """Entries of PowerShell's Format-List: properties in a column, continued lines indented, a blank line between."""
    start, fields, last, blank, size = 0, Fields(), "", True, 0
    for number, line in lines:
        match = _PROPERTY.match(line)
        name = heading(match[1]) if match else None
        if match and (name or not last):
            if blank and name and name in fields:
                yield start, fields
                fields, size = {}, 0
            if not fields:
                start = number
            last = name or ""
            if name and name not in fields:
                fields[name] = match[2].strip()
        elif last and line.startswith("  ") and size < _MESSAGE_LIMIT:
            fields[last] = f"{fields.get(last, '')}\n{line.strip()}"
            size += len(line)
        elif match:
            last = ""
        blank = not line.strip()
    if fields:
        yield start, fields


def _zulu_is_local(source: Source, reader: Reader) -> bool:
    """Tell whether dates with a Z are local times nevertheless: an entry's text names the true UTC."""
    if reader is not _wevtutil:
        return False
    order, _ = order_of([])
    for _, fields in reader(islice(source.lines(), _CALIBRATION_LINES)):
        if not fields.get("date", "").endswith("Z"):
            return False
        if fields.get("code") not in ("12", "13") or not fields.get("provider", "").endswith("Kernel-General"):
            continue
        record = record_of(fields, order, "")
        if record is not None and _UTC_SAID.search(record.message):
            text = record.message[:300].replace("\u200e", "").replace("?", "")
            bias = bias_between(record.time.astimezone(UTC), text)
            if bias is not None:
                return bias != 0
    return False
