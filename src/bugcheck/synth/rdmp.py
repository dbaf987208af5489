"""A built machine → the range dumps of newer Windows: kernel (8), kernel and user (9), complete (0xA).

Source: kdmp-parser's RDMP_HEADER64, KERNEL_RDMP_HEADER64, FULL_RDMP_HEADER64 and BuildPhysicalMemoryFromDump (MIT).

Folklore:
- The first word at 0x2000 is 0x40, so the signature stands at +4.
- MetadataSize - 0x20 must equal FirstPageOffset - 0x2040.
- A range that begins at frame 0 ends the table for a reader of types 8 and 9.
"""

from bugcheck.synth.description import DumpKind
from bugcheck.synth.header import build_header, header_size
from bugcheck.synth.physical import PAGE_SIZE
from bugcheck.synth.record import Record, align_up
from bugcheck.synth.truth import MachineTruth


def page_ranges(frames: list[int]) -> list[tuple[int, int]]:
    """Ascending frame numbers as `(first, count)` of neighbours."""
    out: list[tuple[int, int]] = []
    for frame in frames:
        if out and sum(out[-1]) == frame:
            out[-1] = (out[-1][0], out[-1][1] + 1)
        else:
            out.append((frame, 1))
    return out


def build_range_dump(truth: MachineTruth, kind: DumpKind) -> bytes:
    """Types 8, 9 and 0xA; raises ValueError for a 32-bit machine, which never had them."""
    start = header_size(truth)
    if start != 0x2000:
        raise ValueError("range dumps exist for 64-bit machines only")
    frames = {
        DumpKind.KERNEL_MEMORY: truth.kernel_frames,
        DumpKind.KERNEL_AND_USER: truth.used_frames,
        DumpKind.COMPLETE: truth.physical.all_frames,
    }[kind]()
    ranges = page_ranges(frames)
    first_page = align_up(start + 0x30 + 16 * len(ranges) + 16, PAGE_SIZE)
    record = Record(first_page - start)
    record.u32(0x00, 0x40)
    record.put(0x04, b"RDMPDUMP")
    record.u64(0x10, first_page - 0x2020)
    record.u64(0x18, first_page)
    if kind is DumpKind.COMPLETE:
        record.u32(0x20, len(ranges))
        record.u64(0x28, len(frames))
    for index, (first, count) in enumerate(ranges):
        record.u64(0x30 + 16 * index, first)
        record.u64(0x38 + 16 * index, count)
    header = build_header(truth, kind, first_page + len(frames) * PAGE_SIZE)
    return b"".join([header, record.done(), *(truth.physical.page(frame) for frame in frames)])
