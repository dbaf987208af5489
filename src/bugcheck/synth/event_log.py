"""Entries → an event log of Windows NT 4 to Server 2003 (.evt).

Source: ELF_LOGFILE_HEADER, EVENTLOGRECORD and EVENTLOGEOF in Microsoft's documentation of the event log file format.
A log that was closed properly: it begins right behind its header and has not wrapped.  Real logs put the strings right
behind the computer's name, where the documentation has padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bugcheck.synth.record import Record, align_up

ERROR, WARNING, INFORMATION, SUCCESS = 1, 2, 4, 8
_HEADER, _HEAD, _TAIL = 0x30, 0x38, 0x28
_SIGNATURE = 0x654C664C  # LfLe


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry: when (aware), who wrote it, its number, its numbered strings, and what is attached."""

    time: datetime
    source: str
    code: int
    strings: tuple[str, ...] = ()
    kind: int = INFORMATION
    category: int = 0
    data: bytes = b""


def build_event_log(entries: Sequence[Entry], computer: str, first: int = 1) -> bytes:
    """Write a log of one computer; `entries` in the order of time, the oldest has the number `first`."""
    records = [_record(entry, computer, first + index) for index, entry in enumerate(entries)]
    body = b"".join(records)
    end, following = _HEADER + len(body), first + len(records)
    header = Record(_HEADER)
    for index, value in enumerate((_HEADER, _SIGNATURE, 1, 1, _HEADER, end, following, first)):
        header.u32(4 * index, value)
    header.u32(0x20, align_up(end + _TAIL, 0x10000))  # MaxSize
    header.u32(0x28, 604_800)  # Retention: a week
    header.u32(0x2C, _HEADER)
    tail = Record(_TAIL)
    marks = (0x11111111, 0x22222222, 0x33333333, 0x44444444)
    for index, value in enumerate((_TAIL, *marks, _HEADER, end, following, first, _TAIL)):
        tail.u32(4 * index, value)
    return header.done() + body + tail.done()


def _record(entry: Entry, computer: str, number: int) -> bytes:
    names = _text(entry.source) + _text(computer)
    strings = b"".join(_text(each) for each in entry.strings)
    at = _HEAD + len(names)
    data = at + len(strings)
    size = align_up(data + len(entry.data), 4) + 4
    record, seconds = Record(size), int(entry.time.timestamp())
    for offset, value in (
        (0x00, size),
        (0x04, _SIGNATURE),
        (0x08, number),
        (0x0C, seconds),
        (0x10, seconds),
        (0x14, entry.code),
        (0x24, at),  # StringOffset
        (0x2C, at),  # UserSidOffset, of none
        (0x30, len(entry.data)),
        (0x34, data),
        (size - 4, size),
    ):
        record.u32(offset, value)
    record.u16(0x18, entry.kind)
    record.u16(0x1A, len(entry.strings))
    record.u16(0x1C, entry.category)
    record.put(_HEAD, names)
    record.put(at, strings)
    record.put(data, entry.data)
    return record.done()


def _text(text: str) -> bytes:
    return (text + "\0").encode("utf-16-le")
