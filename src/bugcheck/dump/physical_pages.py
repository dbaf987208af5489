"""Page tables of contents in kernel dumps → a PhysicalMap on the Dump, and what of it the file really holds.

Source: the PHYSICAL_MEMORY_DESCRIPTOR at 0x64 (32-bit: count, pages, then pairs of 32-bit numbers) and 0x88 (64-bit:
count, padding, pages, then pairs of 64-bit numbers), 700 bytes in all.
"""

from __future__ import annotations

from bugcheck.addresses import PAGE_SIZE
from bugcheck.dump.dump import Dump, PhysicalMap
from bugcheck.dump.kernel_header import RUNS32_OFFSET, RUNS64_OFFSET, is_64_bit
from bugcheck.dump.page_maps import clean_runs
from bugcheck.dump.secondary_data import read_secondary_data

BUFFER_SIZE = 700


def read_physical_runs(dump: Dump) -> list[tuple[int, int]]:
    """Read the header's (first page frame, page count) runs; what is wrong with them becomes a gap of the dump."""
    view = dump.file
    base, head, form, size = (RUNS64_OFFSET, 16, "QQ", 16) if is_64_bit(view) else (RUNS32_OFFSET, 8, "II", 8)
    count = view.u32(base)
    limit = (BUFFER_SIZE - head) // size
    if not 0 < count <= limit:
        dump.damage("physical memory", f"the header claims {count} runs and has room for {limit}", base)
        return []
    pairs = view.unpack(form * count, base + head)
    runs, troubles = clean_runs(list(zip(pairs[::2], pairs[1::2], strict=True)))
    for trouble in troubles:
        dump.damage("physical memory", trouble, base)
    return runs


def attach_pages(dump: Dump, pages: PhysicalMap, first_offset: int) -> None:
    """Give the dump its pages, stored from `first_offset` on; note a file that ends early and blobs behind them."""
    dump.physical = pages
    end = first_offset + pages.page_count * PAGE_SIZE
    if dump.file.size < end:
        missing = (end - dump.file.size + PAGE_SIZE - 1) // PAGE_SIZE
        dump.truncated_at = dump.file.size
        dump.damage("the end of the dump", f"the file ends {missing} of {pages.page_count} pages early", dump.file.size)
        return
    dump.streams = read_secondary_data(dump, end)
