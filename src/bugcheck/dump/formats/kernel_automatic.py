"""An automatic memory dump (DumpType 7) → Dump: a bitmap of the pages the writer chose, then the pages."""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.dump.bitmap_pages import read_bitmap_dump
from bugcheck.dump.dump import Dump, dump_format
from bugcheck.dump.kernel_header import MAGIC32, MAGIC64, dump_type_of

DUMP_TYPE_AUTOMATIC = 7


def probe(view: BinaryView) -> bool:
    """Tell it by its DumpType."""
    return dump_type_of(view) == DUMP_TYPE_AUTOMATIC


@dump_format("kernel_automatic", magic=(MAGIC32, MAGIC64), probe=probe, what="automatic memory dump")
def read_kernel_automatic(view: BinaryView) -> Dump:
    """Read it. Raises TruncatedDump, CorruptDump when the header or the bitmap cannot be used."""
    dump = read_bitmap_dump(view, "kernel_automatic")
    dump.left_out = ("user-mode memory",)
    return dump
