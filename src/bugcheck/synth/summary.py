"""A built machine → a kernel summary dump (type 2), the form of Windows 2000 to Server 2008 R2.

Source: Ghidra SummaryHeader.java (Apache-2.0): Signature, ValidDump, DumpOptions, HeaderSize, BitmapSize, Pages, then
an RTL_BITMAP; member offsets of _SUMMARY_DUMP64 in the WDK's public types (bits at +0x28, no real file seen); 32-bit
form (bits at +0x20) from a Server 2003 dump that a debugger engine reads.

Folklore: the bitmap's buffer pointer is a live kernel address of the dump writer and means nothing in the file.
"""

from bugcheck.synth.bitmap import page_bitmap
from bugcheck.synth.description import DumpKind
from bugcheck.synth.header import build_header, header_size
from bugcheck.synth.physical import PAGE_SIZE
from bugcheck.synth.record import Record, align_up
from bugcheck.synth.truth import MachineTruth


def build_summary_dump(truth: MachineTruth) -> bytes:
    """Type 2: kernel frames only."""
    frames = truth.kernel_frames()
    bits, bitmap = page_bitmap(frames)
    start, wide = header_size(truth), truth.description.architecture.is_64bit
    bits_at = 0x28 if wide else 0x20
    first_page = align_up(start + bits_at + len(bitmap), PAGE_SIZE)
    record = Record(first_page - start)
    record.put(0x00, b"SDMPDUMP")
    record.u32(0x0C, first_page)  # HeaderSize: file offset of the first page
    record.u32(0x10, bits)
    record.u32(0x14, len(frames))
    record.u32(0x18, bits)  # RTL_BITMAP.SizeOfBitMap
    record.uint(0x20 if wide else 0x1C, 0xFFFFFA80820FF000 if wide else 0x820FF000, 8 if wide else 4)
    record.put(bits_at, bitmap)
    header = build_header(truth, DumpKind.SUMMARY, first_page + len(frames) * PAGE_SIZE)
    return b"".join([header, record.done(), *(truth.physical.page(frame) for frame in frames)])
