"""A complete memory dump (DumpType 1) → Dump: header, then every page of the header's runs."""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Dump, dump_format
from bugcheck.dump.kernel_header import MAGIC32, MAGIC64, dump_type_of, header_size, read_kernel_header
from bugcheck.dump.page_maps import RunMap
from bugcheck.dump.physical_pages import attach_pages, read_physical_runs

DUMP_TYPE_FULL = 1


def probe(view: BinaryView) -> bool:
    """Tell a full kernel dump by its DumpType."""
    return dump_type_of(view) == DUMP_TYPE_FULL


@dump_format("kernel_full", magic=(MAGIC32, MAGIC64), probe=probe, what="complete memory dump: all of RAM")
def read_kernel_full(view: BinaryView) -> Dump:
    """Read a complete memory dump. Raises TruncatedDump, CorruptDump for a header that cannot be used."""
    dump = read_kernel_header(view, "kernel_full")
    first = header_size(view)
    attach_pages(dump, RunMap(read_physical_runs(dump), first), first)
    return dump
