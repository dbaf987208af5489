"""The lines of an event log written as text → its entries, as values by name.

Source: `wevtutil qe LOG /f:text`; PowerShell's `Get-WinEvent | Format-List` and `Get-EventLog | Format-List`; what
Event Viewer's "Copy" puts on the clipboard, in its forms of 2000 to 2003 and since Vista, in many languages.

Folklore: descriptions may contain anything, lines like "Source: x" included, so only the form's own beginning of an
entry ends one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from bugcheck.evidence.event_record import named_line
from bugcheck.evidence.evidence import LIKELY, NO, SURE
from bugcheck.knowledge.events import heading

_WEVTUTIL = re.compile(r"^Event\[\d+\]:?\s*$")
_LONGEST_NAME = 40
_PROPERTY = re.compile(r"^(\w{2,40}) *: ?(.*)$")
_COPIED_XML = re.compile(r"\n[^\n<>]{2,30}XML\s*[:：]\s*\n<Event\s", re.IGNORECASE)
_MESSAGE_LIMIT = 16_000
Fields = dict[str, str]
Numbered = Iterable[tuple[int, str]]
Reader = Callable[[Numbered], Iterator[tuple[int, Fields]]]


def reader_of(text: str) -> tuple[Reader | None, int]:
    """Tell the form by the first lines."""
    lines = [line for line in text.split("\n", 40)[:40] if line.strip()]
    if any(_WEVTUTIL.match(line) for line in lines[:3]):
        return wevtutil_blocks, SURE
    properties = [match for line in lines[:12] if (match := _PROPERTY.match(line)) and heading(match[1])]
    if len(properties) >= 3 and any(match[1] in ("TimeCreated", "TimeGenerated", "InstanceId") for match in properties):
        return _format_list, SURE
    known = [heading(pair[0]) for line in lines[:12] if (pair := named_line(line, _LONGEST_NAME))]
    if {"provider", "code"} <= set(known) and {"date", "stamp"} & set(known):
        return _copied, LIKELY
    return None, NO


def wevtutil_blocks(lines: Numbered) -> Iterator[tuple[int, Fields]]:
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
