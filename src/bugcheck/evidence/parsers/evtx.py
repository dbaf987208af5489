"""A Windows event log of Vista and later (.evtx) → Events, with what the log covers.

Source: Microsoft's [MS-EVEN6] (binary XML); the layout of file header and 64 KiB chunks as documented by libyal's
libevtx.  The records are decoded by the `evtx` library.

Folklore: the file header of a log taken from a running or crashed machine is stale, its count of chunks included; the
chunks are what counts.  So each chunk is read by itself, behind a header of our own: damage ends at its chunk, and no
more than one is in memory.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from bugcheck.archives.files import release
from bugcheck.evidence.event_log import EventLog
from bugcheck.evidence.evidence import LIKELY, NO, SURE, Record, evidence_parser
from bugcheck.evidence.evtx_records import record_of_json
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap

_FILE_MAGIC, _CHUNK_MAGIC = b"ElfFile\0", b"ElfChnk\0"
_HEADER, _CHUNK = 0x1000, 0x10000
_RECORDS_LIMIT = 3000


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
                entry: Any = next(records)
            except StopIteration:
                break
            except RuntimeError as error:
                log.damaged(_reason(error), f"chunk {number}, {offset:#x}")
                continue
            record = record_of_json(entry)
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
