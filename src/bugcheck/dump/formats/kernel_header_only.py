"""A header-only dump (DumpType 3) → Dump: bug check and context, no memory at all."""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Dump, dump_format
from bugcheck.dump.kernel_header import MAGIC32, MAGIC64, dump_type_of, header_size, read_kernel_header
from bugcheck.dump.secondary_data import read_secondary_data

DUMP_TYPE_HEADER = 3


def probe(view: BinaryView) -> bool:
    """Tell a header-only dump by its DumpType."""
    return dump_type_of(view) == DUMP_TYPE_HEADER


@dump_format("kernel_header", magic=(MAGIC32, MAGIC64), probe=probe, what="header only (no memory)")
def read_kernel_header_only(view: BinaryView) -> Dump:
    """Read a header-only dump. Raises TruncatedDump, CorruptDump for a header that cannot be used."""
    dump = read_kernel_header(view, "kernel_header")
    dump.left_out = ("all memory: this dump is a header only",)
    dump.streams = read_secondary_data(dump, header_size(view))
    return dump
