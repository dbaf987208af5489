"""Dumps a debugger writes of a live machine (DumpType 8, 9, 10) → Dump: ranges of page frames, then the pages.

Source: kdmp-parser `RdmpHeader64`: at 0x2000 the marker 0x40, `RDMP`, `DUMP`, the size of the metadata and the file
offset of the first page; then 16-byte pairs of page frame and page count, in the order their pages are stored.  Type 10
(`.dump /f`) bounds the list by a page total; types 8 (`/k`) and 9 (`/ka`) end it with a zero.
"""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Dump, dump_format
from bugcheck.dump.kernel_header import HEADER64_SIZE, MAGIC64, dump_type_of, read_kernel_header
from bugcheck.dump.page_maps import MAX_PAGE_FRAME, ScatteredRunMap
from bugcheck.dump.physical_pages import attach_pages
from bugcheck.errors import CorruptDump

DUMP_TYPES = {8: ("user-mode memory",), 9: ("pages no process or driver used",), 10: ()}
"""DumpType → what such a dump leaves out."""
MARKER = 0x40
SIGNATURE = b"RDMPDUMP"
RANGES_OFFSET = HEADER64_SIZE + 0x30
COMPLETE = 10


def probe(view: BinaryView) -> bool:
    """Tell them by their DumpType."""
    return dump_type_of(view) in DUMP_TYPES


@dump_format("kernel_live", magic=(MAGIC64,), probe=probe, what="dump of a live machine (.dump /k, /ka, /f)")
def read_kernel_live(view: BinaryView) -> Dump:
    """Read it. Raises TruncatedDump, CorruptDump when the header or the range list cannot be used."""
    dump = read_kernel_header(view, "kernel_live")
    dump_type = view.u32(0xF98)
    marker, metadata_size, first_page = view.u32(0x2000), view.u64(0x2010), view.u64(0x2018)
    if marker != MARKER or view.read(0x2004, 8) != SIGNATURE:
        raise CorruptDump(view.name, "no range header (RDMP DUMP) behind the dump header", HEADER64_SIZE)
    total = view.u64(0x2028) if dump_type == COMPLETE else None
    ranges = _ranges(dump, min(metadata_size, max(0, first_page - RANGES_OFFSET)), total)
    attach_pages(dump, ScatteredRunMap(ranges, first_page), first_page)
    dump.left_out = DUMP_TYPES[dump_type]
    return dump


def _ranges(dump: Dump, size: int, total: int | None) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    pages = 0
    for offset in range(RANGES_OFFSET, min(RANGES_OFFSET + size, dump.file.size) - 15, 16):
        frame, count = dump.file.unpack("QQ", offset)
        if frame == 0 or (total is not None and pages >= total):
            break
        if frame + count > MAX_PAGE_FRAME:
            dump.damage("physical memory", f"page range {len(found)} is impossible", offset)
            break
        found.append((frame, count))
        pages += count
    return found
