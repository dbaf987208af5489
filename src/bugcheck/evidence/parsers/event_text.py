"""An event log written as lines of "Name: value" → Events.

Source: `wevtutil qe LOG /f:text`; PowerShell's `Get-WinEvent | Format-List` and `Get-EventLog | Format-List`; what
Event Viewer's "Copy" puts on the clipboard, in its forms of 2000 to 2003 and since Vista, in many languages.

Folklore: wevtutil wrote the host's local time without a zone up to Windows 8.1; later builds add a Z.  Entries of
Kernel-General 12 and 13 say in their text what UTC it was, which shows how far off the dates are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC
from itertools import islice

from bugcheck.evidence.event_blocks import Reader, reader_of, wevtutil_blocks
from bugcheck.evidence.event_export import log_of_file, order_of, record_of
from bugcheck.evidence.event_log import EventLog, bias_between
from bugcheck.evidence.evidence import NO, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.evidence.wall_clock import unproven_order
from bugcheck.gaps import Gap

_HEAD_ENTRIES = 200
_CALIBRATION_LINES = 400_000
_UTC_SAID = re.compile(r"(?:system time|Systemzeit|at) .{0,6}\d{4}\W{1,4}\d{2}\W{1,4}\d{2}T")


def probe(source: Source) -> int:
    """Tell by a complete first entry of one of the three forms."""
    reader, sure = reader_of(source.head_text)
    if reader is None:
        return NO
    first = next(reader(enumerate(source.head_text.split("\n"), 1)), None)
    if first is None or not {"provider"} <= first[1].keys() or not {"code", "instance"} & first[1].keys():
        return NO
    return sure


@evidence_parser("event_text", probe=probe, names=("*evt*.txt", "*event*.txt"))
def event_text(source: Source) -> Iterator[Record]:
    """Event logs written as text: wevtutil, PowerShell, Event Viewer's copies."""
    reader, _ = reader_of(source.head_text)
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
        yield unproven_order(source.path, order)
    if local:
        yield Gap(
            f"UTC of the entries of {source.path}", "true zones: its Z stands behind local times, as its texts show"
        )


def _zulu_is_local(source: Source, reader: Reader) -> bool:
    """Tell whether dates with a Z are local times nevertheless: an entry's text names the true UTC."""
    if reader is not wevtutil_blocks:
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
