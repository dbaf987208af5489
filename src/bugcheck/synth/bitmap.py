"""A built machine → bitmap dumps: full (5), kernel (6), live kernel (6), automatic (7).

Source: kdmp-parser's BMP_HEADER64 and BuildPhysmemBMPDump; Volatility 3 crash_common.json (_SUMMARY_DUMP, which it uses
for 32-bit dumps too); FDMP/SDMP from rizin dmp_specs.h.

Folklore:
- The same 64-bit fields stand at 0x1000 of a 32-bit dump.
- kdmp-parser reads whole bitmap bytes, Volatility whole 32-bit words, so the bit count here is a multiple of 32.
"""

from bugcheck.synth.description import DumpKind
from bugcheck.synth.header import build_header, header_size
from bugcheck.synth.physical import PAGE_SIZE
from bugcheck.synth.record import Record, align_up
from bugcheck.synth.truth import MachineTruth


def page_bitmap(frames: list[int]) -> tuple[int, bytes]:
    """Bit count (a multiple of 32) and bytes of a map with one bit per frame number."""
    bits = align_up(max(frames) + 1, 32)
    out = bytearray(bits // 8)
    for frame in frames:
        out[frame // 8] |= 1 << frame % 8
    return bits, bytes(out)


def build_bitmap_dump(truth: MachineTruth, kind: DumpKind) -> bytes:
    """Types 5, 6 and 7; the full one keeps every frame, the others kernel frames only."""
    full = kind is DumpKind.BITMAP_FULL
    frames = truth.physical.all_frames() if full else truth.kernel_frames()
    bits, bitmap = page_bitmap(frames)
    start = header_size(truth)
    first_page = align_up(start + 0x38 + len(bitmap), PAGE_SIZE)
    record = Record(first_page - start)
    record.put(0x00, b"FDMPDUMP" if full else b"SDMPDUMP")
    record.u64(0x20, first_page)
    record.u64(0x28, len(frames))
    record.u64(0x30, bits)
    record.put(0x38, bitmap)
    header = build_header(truth, kind, first_page + len(frames) * PAGE_SIZE)
    return b"".join([header, record.done(), *(truth.physical.page(frame) for frame in frames)])
