"""An event log of Windows NT 4 to Server 2003 (.evt) → Events, with what the log covers.

Source: EVENTLOGRECORD and ELF_LOGFILE_HEADER (Microsoft, winnt.h and [MS-EVEN]): times are seconds UTC, the event's
numbered strings follow the record's head.  Read by libyal's libevt (`libevt-python`).

Folklore: a log copied from a running system is dirty: its header is stale and the ring of records may wrap anywhere.
libevt then finds the rest by its magic and calls it recovered; overwritten entries of the ring's end are among them.
The user is a SID, 0 bytes long for none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, BinaryIO, cast

from bugcheck.evidence.event_log import EventLog
from bugcheck.evidence.event_record import LogRecord
from bugcheck.evidence.evidence import NO, SURE, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap
from bugcheck.timestamps import from_unix

_MAGIC = b"\x30\0\0\0LfLe\x01\0\0\0\x01\0\0\0"
_STRINGS_LIMIT, _STRING_LIMIT = 64, 8000
_BINARY_LIMIT = 4096
_RECORDS_LIMIT = 10_000_000
_READ_CEILING = 64 << 20
_LOGS = {
    "secevent": "Security", "sysevent": "System", "appevent": "Application", "dnsevent": "DNS Server",
    "ntds": "Directory Service", "ntfrs": "File Replication Service",
    "security": "Security", "system": "System", "application": "Application", "internet": "Internet Explorer",
}  # fmt: skip


def probe(source: Source) -> int:
    """Tell by the header: its size, LfLe, version 1.1."""
    return SURE if source.head.startswith(_MAGIC) else NO


@evidence_parser("evt", probe=probe, names=("*.evt",))
def evt(source: Source) -> Iterator[Record]:
    """Event logs of Windows NT 4 to Server 2003 (.evt)."""
    import pyevt  # pyright: ignore[reportMissingTypeStubs]

    file = cast("Any", pyevt).file()
    log = EventLog(source.path, "nt5", _log_name(source))
    try:
        file.open_file_object(_opened(source))
    except OSError as error:
        yield Gap(f"events of {source.path}", f"a readable header: {_reason(error)}", damage=True)
        return
    try:
        if file.is_corrupted():
            log.damaged("a header that fits (the log was copied while in use, or is damaged)", "its header")
        yield from _records(file, log)
    finally:
        file.close()
    yield from log.closing()


def _opened(source: Source) -> BinaryIO:
    """Give libevt the bytes; it reads in small pieces, which a copy in memory answers five times faster."""
    if source.size <= _READ_CEILING:
        return BytesIO(source.view.read(0, source.size))
    return source.file(_READ_CEILING)


def _records(file: Any, log: EventLog) -> Iterator[Record]:
    seen: set[tuple[int, datetime]] = set()
    readers = (
        (file.number_of_records, file.get_record),
        (file.number_of_recovered_records, file.get_recovered_record),
    )
    for count, get in readers:
        for index in range(min(count, _RECORDS_LIMIT)):
            try:
                record = _record(get(index), log)
            except OSError as error:
                log.damaged(_reason(error), f"record at index {index}")
                continue
            if record is None:
                log.damaged("an entry without a time", f"record at index {index}")
            elif (record.number or 0, record.time) in seen:
                log.copied()
            else:
                seen.add((record.number or 0, record.time))
                yield log.event(record)


def _record(entry: Any, log: EventLog) -> LogRecord | None:
    """Copy what libevt gives of an entry; what it cannot decode is left out and counted."""
    seconds: int = entry.get_creation_time_as_integer()
    time = from_unix(seconds)
    if time is None:
        return None
    number: int = entry.identifier
    where = f"record {number}"
    try:
        count: int = min(entry.number_of_strings, _STRINGS_LIMIT)
    except OSError as error:
        log.damaged(_reason(error), where)
        count = 0
    strings = [_try(entry.get_string, index)[:_STRING_LIMIT] for index in range(count)]
    code: int = entry.event_identifier
    return LogRecord(
        time=time.replace(tzinfo=UTC),
        provider=_try(entry.get_source_name),
        code=code & 0xFFFF,
        where=where,
        log=log.log,
        host=_try(entry.get_computer_name),
        user=_try(entry.get_user_security_identifier),
        strings=strings,
        binary=_binary(entry),
        number=number,
    )


def _try(read: Any, *index: int) -> str:
    """Call a reader of libevt's; "" for what it cannot decode."""
    try:
        value: str | None = read(*index)
    except OSError:
        return ""
    return value or ""


def _binary(entry: Any) -> bytes:
    try:
        data: bytes | None = entry.get_data()
    except OSError:  # libevt raises for entries without data, too
        return b""
    return (data or b"")[:_BINARY_LIMIT]


def _reason(error: OSError) -> str:
    """Say shortly what libevt met."""
    text = str(error).rpartition(": ")[2].strip().rstrip(".") or "an unreadable part"
    return text[:100]


def _log_name(source: Source) -> str:
    """Tell the log by the file's name, which is all there is: the file itself does not say."""
    stem = source.base_name.lower().removesuffix(".evt")
    return next((log for name, log in _LOGS.items() if name in stem), "")
