"""A kernel memory dump of Windows 2000 to 7 (DumpType 2) → Dump: a bitmap of kernel pages, then the pages."""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.dump.bitmap_pages import read_bitmap_dump
from bugcheck.dump.dump import Dump, dump_format
from bugcheck.dump.kernel_header import MAGIC32, MAGIC64, dump_type_of

DUMP_TYPE_SUMMARY = 2


def probe(view: BinaryView) -> bool:
    """Tell it by its DumpType."""
    return dump_type_of(view) == DUMP_TYPE_SUMMARY


@dump_format("kernel_summary", magic=(MAGIC32, MAGIC64), probe=probe, what="kernel memory dump of Windows 2000 to 7")
def read_kernel_summary(view: BinaryView) -> Dump:
    """Read it. Raises TruncatedDump, CorruptDump when the header or the bitmap cannot be used."""
    dump = read_bitmap_dump(view, "kernel_summary")
    dump.left_out = ("user-mode memory",)
    return dump
