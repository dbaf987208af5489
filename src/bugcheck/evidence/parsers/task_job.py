"""A .job file of Task Scheduler 1.0 (2000 to 2003, later for AT) → a scheduled task and its last run.

Source: [MS-TSCH] 2.4, ".JOB File Format": fixed part of 68 bytes (product and file version, UUID, offsets of name
and triggers, priority, exit code, status, flags, last run as SYSTEMTIME in local time), then running instances, five
strings with their lengths in characters (application, parameters, working directory, author, comment), user data,
reserved data, triggers of 48 bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import datetime

from bugcheck.binary import BinaryView
from bugcheck.errors import TruncatedDump
from bugcheck.evidence.evidence import NO, SURE, Event, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap

_PRODUCTS = {0x400, 0x500, 0x501, 0x600, 0x601, 0x602, 0x603, 0xA00}
_TRIGGERS = 100
_TYPES = ("once", "daily", "weekly", "monthly on days", "monthly on a weekday", "when idle", "at start-up", "at logon")
_TRIGGER = struct.Struct("<HHHHHHHHHHIIIIHHHHHH")
_DISABLED = 0x4
_NAMES = ("arguments", "folder", "author", "comment")


def probe(source: Source) -> int:
    """Tell by versions and offsets that agree with each other."""
    view = source.view
    if view.size < 68 or view.size > 1 << 20:
        return NO
    product, version = view.unpack("HH", 0)
    name, triggers = view.unpack("HH", 20)
    fits = name == 70 and name < triggers <= view.size
    return SURE if product in _PRODUCTS and version == 1 and fits else NO


@evidence_parser("task_job", probe=probe, names=("*.job",))
def task_job(source: Source) -> Iterator[Record]:
    """A scheduled task of 2000, XP and 2003, or an AT job (.job)."""
    view = source.view
    try:
        strings, _ = _strings(view)
        exit_code, status, flags = view.unpack("III", 40)
        last = _systemtime(view.unpack("8H", 52))
        triggers, damaged = _triggers(view, view.u16(22))
    except TruncatedDump as error:
        yield Gap(f"the task in {source.path}", error.reason, damage=True)
        return
    command, *others = strings
    name = source.base_name.rpartition(".")[0] or source.base_name
    words = dict(zip(_NAMES, others, strict=False)) | {
        "schedule": "; ".join(triggers),
        "last_run": last.isoformat() if last else "",
        "enabled": "no" if flags & _DISABLED else "yes",
        "status": f"{status:#x}",
        "exit_code": f"{exit_code:#x}" if exit_code else "",
    }
    fields = {key: value for key, value in words.items() if value}
    yield Fact("scheduled_task", name, command, "offset 0", fields)
    if last:
        run = {"task": name, "program": command}
        yield Event(last, "task_run", f"task {name} ran (last time)", "offset 52", "task", None, run)
    if damaged:
        yield Gap(f"some triggers of {source.path}", "the end of the file", damage=True)


def _strings(view: BinaryView) -> tuple[list[str], int]:
    at, found = 70, list[str]()
    for _ in range(5):
        length = view.u16(at)
        view.check(at + 2, 2 * length, "a string")
        found.append(view.utf16(at + 2, 2 * length))
        at += 2 + 2 * length
    return found, at


def _systemtime(parts: tuple[int, ...]) -> datetime | None:
    year, month, _, day, hour, minute, second, milli = parts
    try:
        return datetime(year, month, day, hour, minute, second, min(milli, 999) * 1000) if year > 1970 else None
    except ValueError:
        return None


def _triggers(view: BinaryView, at: int) -> tuple[list[str], bool]:
    count, found = view.u16(at), list[str]()
    for index in range(min(count, _TRIGGERS)):
        start = at + 2 + 48 * index
        if start + _TRIGGER.size > view.size:
            return found, True
        found.append(_trigger(_TRIGGER.unpack(view.read(start, _TRIGGER.size))))
    return found, count > _TRIGGERS


def _trigger(parts: tuple[int, ...]) -> str:
    _, _, year, month, day, *_ = parts
    hour, minute, duration, interval, _, kind = parts[8:14]
    words = _TYPES[kind] if kind < len(_TYPES) else f"type {kind}"
    text = f"{words} from {year:04d}-{month:02d}-{day:02d} {hour:02d}:{minute:02d}"
    return f"{text}, every {interval} min for {duration} min" if interval else text
