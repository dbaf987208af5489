"""A kernel memory dump of Windows 8 and later (DumpType 6, live kernel dumps too) → Dump: a bitmap, then the pages."""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.dump.bitmap_pages import read_bitmap_dump
from bugcheck.dump.dump import Dump, dump_format
from bugcheck.dump.kernel_header import MAGIC32, MAGIC64, dump_type_of

DUMP_TYPE_BITMAP_KERNEL = 6


def probe(view: BinaryView) -> bool:
    """Tell it by its DumpType."""
    return dump_type_of(view) == DUMP_TYPE_BITMAP_KERNEL


@dump_format(
    "kernel_bitmap_kernel", magic=(MAGIC32, MAGIC64), probe=probe, what="kernel memory dump with a page bitmap"
)
def read_kernel_bitmap_kernel(view: BinaryView) -> Dump:
    """Read it. Raises TruncatedDump, CorruptDump when the header or the bitmap cannot be used."""
    dump = read_bitmap_dump(view, "kernel_bitmap_kernel")
    dump.left_out = ("user-mode memory",)
    return dump
