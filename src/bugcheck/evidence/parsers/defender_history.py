"""Windows Defender's DetectionHistory files → one detection each.

Source: real files and plaso's parser: records of a 32-bit size, a 32-bit type and the value, filled up to 8 bytes:
type 0x06 a 32-bit number, 0x08 a 64-bit number, 0x0a FILETIME, 0x15 UTF-16 text, 0x1e GUID, 0x28 a block of named
values (key as sized UTF-16; value: a type 3 number, 4 64-bit number, 5 byte, 6 sized text).  The first text is
"Magic.Version:1.2", then the threat; each further "Magic.Version" begins a resource: its kind and its path.

Folklore: the FILETIMEs are of the last change of state; when it was found says ThreatTrackingStartTime.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from bugcheck.binary import BinaryView, decode_utf16
from bugcheck.evidence.evidence import NO, SURE, Event, Record, Span, evidence_parser
from bugcheck.evidence.products import Product
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap
from bugcheck.timestamps import from_filetime

LOG = "Windows Defender"
NUMBER, BIG, TIME, TEXT, GUID, BLOCK = 0x06, 0x08, 0x0A, 0x15, 0x1E, 0x28
MAGIC = "Magic.Version:"
RECORD_LIMIT = 4096
KEY_LIMIT = 256
_MAGIC_BYTES = MAGIC.encode("utf-16-le")


def probe(source: Source) -> int:
    """Tell by the first record and the magic text behind it."""
    head = source.head[:256]
    return SURE if head[:8] == b"\x08\0\0\0\x08\0\0\0" and _MAGIC_BYTES in head else NO


@dataclass(slots=True)
class _Detection:
    threat: str = ""
    resources: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    times: list[datetime] = field(default_factory=list[datetime])
    values: dict[str, str | int] = field(default_factory=dict[str, "str | int"])
    texts: list[str] = field(default_factory=list[str])


@evidence_parser("defender_history", probe=probe, names=("*-*-*-*-*",))
def defender_history(source: Source) -> Iterator[Record]:
    """Windows Defender's detection history: what was found, where, when."""
    detection, whole = _read(source.view)
    if not whole:
        yield Gap(f"end of {source.path}", "whole records", damage=True)
    start = detection.values.get("ThreatTrackingStartTime")
    found = from_filetime(start) if isinstance(start, int) else None
    time = found or min(detection.times, default=None)
    yield from Product(LOG, "Microsoft").fact()
    if time is None:
        yield Gap(f"when {source.path} happened", "a time in it", damage=True)
        return
    paths = [path for kind, path in detection.resources if kind == "file"] or [path for _, path in detection.resources]
    fields = {"product": LOG, "threat": detection.threat, "path": "; ".join(paths[:8])}
    for key, word in (("ThreatTrackingSha256", "sha256"), ("ThreatTrackingId", "detection_id")):
        if key in detection.values:
            fields[word] = str(detection.values[key])
    if user := next((text for text in detection.texts if "\\" in text and not text.startswith("NT AUTH")), ""):
        fields["user"] = user
    text = f"{detection.threat or 'a threat'} in {paths[0] if paths else '?'}"
    known = {name: value for name, value in fields.items() if value}
    yield Event(time, "antivirus_detection", text, "the whole file", LOG, fields=known)
    yield Span(time, max([time, *detection.times]), frozenset(["antivirus_detection"]), note="one detection only")


def _read(view: BinaryView) -> tuple[_Detection, bool]:
    """Walk the records; False when the last one is cut off."""
    found, offset, after_magic, kind = _Detection(), 0, 0, ""
    for _ in range(RECORD_LIMIT):
        if offset + 8 > view.size:
            break
        size, what = view.u32(offset), view.u32(offset + 4)
        if size > view.size - offset - 8:
            return found, False
        place = offset + 8
        offset = place + size + (-size % 8)
        if what == TIME and size == 8 and (time := from_filetime(view.u64(place))):
            found.times.append(time)
        elif what == BLOCK:
            _read_block(view.read(place, size), found.values)
        elif what == TEXT:
            text = view.utf16(place, size)
            if text.startswith(MAGIC):
                after_magic = 1
            elif after_magic == 1 and not found.threat:
                found.threat, after_magic = text, 0
            elif after_magic == 1:
                kind, after_magic = text, 2
            elif after_magic == 2:
                found.resources.append((kind, text))
                after_magic = 0
            else:
                found.texts.append(text)
    return found, True


def _read_block(data: bytes, values: dict[str, str | int]) -> None:
    """Read the named values of a block; its first 24 bytes are sizes."""
    at = 0x18 if len(data) > 0x18 else 0
    for _ in range(KEY_LIMIT):
        size = int.from_bytes(data[at : at + 4], "little")
        if not 4 <= size <= 512 or at + 8 + size > len(data):
            return
        key, what = decode_utf16(data[at + 4 : at + 4 + size]), data[at + 4 + size]
        at += 8 + size
        width = {3: 4, 4: 8, 5: 1}.get(what)
        if what == 6:
            length = int.from_bytes(data[at : at + 4], "little")
            values[key] = decode_utf16(data[at + 4 : at + 4 + min(length, 4096)])
            at += 4 + length
        elif width:
            values[key] = int.from_bytes(data[at : at + width], "little")
            at += width
        else:
            return
