"""The SUMMARY_DUMP structure behind a kernel dump's header → a BitmapMap of the pages that follow.

Two layouts share the signature `SDMP`/`FDMP` + `DUMP`:

- Windows 8 and later (DumpType 5, 6, 7; rekall, kdmp-parser `BmpHeader64`): first page's file offset at +0x20, pages
  present at +0x28, bits in the bitmap at +0x30, bits at +0x38; all 64-bit, in 32-bit dumps too (corpus/synthetic).
- Windows 2000 to 7 (DumpType 2; WDK `SUMMARY_DUMP32/64`): options, header size (file offset of the first page),
  bitmap size in bits, pages, an RTL_BITMAP (8 or 16 bytes) and the bits behind it, at +0x20 or +0x28.

Folklore: the page total is a promise of the writer; the bits decide.
"""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Dump
from bugcheck.dump.kernel_header import header_size, is_64_bit, read_kernel_header
from bugcheck.dump.page_maps import MAX_PAGE_FRAME, BitmapMap
from bugcheck.dump.physical_pages import attach_pages
from bugcheck.errors import CorruptDump

SIGNATURES = (b"SDMPDUMP", b"FDMPDUMP")


class BitmapPlace:
    """Where the bitmap and the first page lie: file offsets, and the number of bits and of promised pages."""

    __slots__ = ("bit_count", "bits_offset", "first_page", "pages")

    def __init__(self, bits_offset: int, bit_count: int, first_page: int, pages: int) -> None:
        self.bits_offset = bits_offset
        self.bit_count = bit_count
        self.first_page = first_page
        self.pages = pages

    def fits(self, view: BinaryView) -> bool:
        """Tell whether the bitmap lies in the file and ends before the first page."""
        end = self.bits_offset + (self.bit_count + 7) // 8
        return 0 < self.bit_count <= MAX_PAGE_FRAME and end <= min(self.first_page, view.size)


def read_bitmap_dump(view: BinaryView, name: str) -> Dump:
    """Read a dump whose pages are told by a bitmap.

    Raises:
        CorruptDump: neither layout of the bitmap header makes sense.
    """
    dump = read_kernel_header(view, name)
    base = header_size(view)
    if view.read_up_to(base, 8) not in SIGNATURES:
        raise CorruptDump(view.name, "no bitmap header (SDMP/FDMP DUMP) behind the dump header", base)
    layouts = [_windows_8_layout(view, base), _windows_2000_layout(view, base)]
    place = next((layout for layout in layouts if layout.fits(view)), None)
    if place is None:
        raise CorruptDump(view.name, "the page bitmap does not lie in the file", base)
    pages = BitmapMap(view, place.bits_offset, place.bit_count, place.first_page)
    if pages.page_count != place.pages:
        dump.damage("pages", f"the bitmap has {pages.page_count} bits set, the header promises {place.pages}", base)
    attach_pages(dump, pages, place.first_page)
    return dump


def _windows_8_layout(view: BinaryView, base: int) -> BitmapPlace:
    first_page, pages, bit_count = view.unpack("QQQ", base + 0x20)
    return BitmapPlace(base + 0x38, bit_count, first_page, pages)


def _windows_2000_layout(view: BinaryView, base: int) -> BitmapPlace:
    first_page, bit_count, pages = view.unpack("III", base + 0x0C)
    return BitmapPlace(base + (0x28 if is_64_bit(view) else 0x20), bit_count, first_page, pages)
