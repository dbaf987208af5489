"""A Windows event log of Vista and later (.evtx) → Events, with what the log covers.

Source: Microsoft's [MS-EVEN6] (binary XML); the layout of file header and 64 KiB chunks as documented by libyal's
libevtx.  The records are decoded by the `evtx` library.

Folklore: the file header of a log taken from a running or crashed machine is stale, its count of chunks included; the
chunks are what counts.  So each chunk is read by itself, behind a header of our own: damage ends at its chunk, and no
more than one is in memory.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from io import BytesIO
from itertools import islice
from typing import Any, cast

from bugcheck.archives.files import release
from bugcheck.evidence.event_log import EventLog
from bugcheck.evidence.event_record import NO_DATA, LogRecord
from bugcheck.evidence.evidence import LIKELY, NO, SURE, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap

_FILE_MAGIC, _CHUNK_MAGIC = b"ElfFile\0", b"ElfChnk\0"
_HEADER, _CHUNK = 0x1000, 0x10000
_JSON = json.JSONDecoder(strict=False)  # of damaged entries the library leaves control characters as they are
_RECORDS_LIMIT = 3000
_VALUES_LIMIT, _VALUE_LIMIT = 64, 8000
_DEPTH_LIMIT = 6


def probe(source: Source) -> int:
    """Tell by the magic of the file or of its first chunk."""
    if source.head.startswith(_FILE_MAGIC):
        return SURE
    return LIKELY if source.head[_HEADER : _HEADER + 8] == _CHUNK_MAGIC else NO


@evidence_parser("evtx", probe=probe, names=("*.evtx",))
def evtx(source: Source) -> Iterator[Record]:
    """Event logs of Windows Vista and later (.evtx)."""
    try:
        from evtx import PyEvtxParser  # its native part is loaded only for such a file
    except ImportError:  # no wheel on Windows for ARM
        yield Gap(f"events of {source.path}", "the evtx library", "export the log as XML: wevtutil epl / qe /f:xml")
        return
    log = EventLog(source.path, "nt6")
    seen: set[int] = set()
    for number, offset in enumerate(range(_HEADER, source.size, _CHUNK)):
        chunk = source.view.read_up_to(offset, _CHUNK)
        release(source.view, offset, _CHUNK)
        if not chunk.startswith(_CHUNK_MAGIC):
            if chunk.count(0) < len(chunk):
                log.damaged("a chunk without its magic", f"chunk {number}, {offset:#x}")
            continue
        first = struct.unpack_from("<Q", chunk, 8)[0] if len(chunk) >= 16 else 0
        if first and first in seen:
            continue  # a copy of a chunk that was read
        seen.add(first)
        if len(chunk) < _CHUNK:
            log.damaged("a chunk that is cut off", f"chunk {number}, {offset:#x}")
            chunk = chunk.ljust(_CHUNK, b"\0")
        records = PyEvtxParser(BytesIO(_header() + chunk), 1).records_json()
        for _ in range(_RECORDS_LIMIT):
            try:
                entry = next(records)
            except StopIteration:
                break
            except RuntimeError as error:
                log.damaged(_reason(error), f"chunk {number}, {offset:#x}")
                continue
            record = _record(cast("Mapping[str, Any]", entry))
            if record is None:
                log.damaged("an entry with a time that can be read", f"chunk {number}, {offset:#x}")
            else:
                yield log.event(record)
    yield from log.closing()


def _header() -> bytes:
    """Make a file header for one chunk."""
    start = _FILE_MAGIC + struct.pack("<QQQIHHHH76x", 0, 0, 1, 128, 1, 3, _HEADER, 1)
    return (start + struct.pack("<II", 0, zlib.crc32(start))).ljust(_HEADER, b"\0")


def _reason(error: RuntimeError) -> str:
    """Say what the library met, without numbers that differ from record to record."""
    text = str(error).partition("\n")[0]
    return "an entry the library could not read: " + "".join("n" if char.isdigit() else char for char in text)[:80]


def _record(entry: Mapping[str, Any]) -> LogRecord | None:
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
