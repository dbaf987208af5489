"""The blobs behind a kernel dump's own data → Streams: GUID, name when it is known, place and size.

Layout (read from the corpus, [V] with rizin `dmp64.c` naming): `DumpBlob`, header size 0x10, build number; then per
blob header size 0x20, GUID, data size, padding before, padding after; data follows its header.  Writers are
KbCallbackSecondaryDumpData callbacks (Microsoft, "KBUGCHECK_SECONDARY_DUMP_DATA").
"""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Dump, Stream
from bugcheck.images.identity import format_guid

SIGNATURE = b"DumpBlob"
MAX_BLOBS = 4096
BLOB_HEADER_SIZE = 0x20


def read_secondary_data(dump: Dump, end: int) -> list[Stream]:
    """List the blobs that start at file offset `end`, where the dump's own data stops; none is normal."""
    view = dump.file
    if view.read_up_to(end, 8) != SIGNATURE:
        return []
    offset = end + max(0x10, view.u32(end + 8) if view.size >= end + 12 else 0x10)
    streams: list[Stream] = []
    while len(streams) < MAX_BLOBS and offset + BLOB_HEADER_SIZE <= view.size:
        header_size, data_size, before, after = _blob_header(view, offset)
        start = offset + header_size + before
        if header_size < BLOB_HEADER_SIZE or start + data_size > view.size:
            _note_damage(dump, view, offset)
            break
        streams.append(Stream(f"{{{format_guid(view.read(offset + 4, 16))}}}", "", start, data_size))
        offset = start + data_size + after
    return streams


def _blob_header(view: BinaryView, offset: int) -> tuple[int, int, int, int]:
    return view.u32(offset), view.u32(offset + 20), view.u32(offset + 24), view.u32(offset + 28)


def _note_damage(dump: Dump, view: BinaryView, offset: int) -> None:
    if view.read_up_to(offset, 64).strip(b"\0"):
        dump.damage("secondary data", "a blob reaches beyond the end of the file", offset)
