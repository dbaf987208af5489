"""A ByteReader → many small reads from few pages, for tables whose rows and names lie close together."""

from __future__ import annotations

from bugcheck.addresses import PAGE_SIZE
from bugcheck.binary import decode_ascii
from bugcheck.errors import MemoryFault
from bugcheck.images.pe_header import ByteReader

PAGES_KEPT = 256
"""Pages that are remembered, 1 MiB."""


class PageWindow:
    """A reader that remembers the pages it has read; each read either succeeds or raises MemoryFault."""

    __slots__ = ("_pages", "reader")

    def __init__(self, reader: ByteReader) -> None:
        self.reader = reader
        self._pages: dict[int, bytes] = {}

    def read(self, address: int, size: int) -> bytes:
        """Read all of `size` bytes. Raises MemoryFault naming the first missing one."""
        data = self.up_to(address, size)
        if len(data) < size:
            raise MemoryFault(address + len(data), f"{size:#x} bytes of an image")
        return data

    def up_to(self, address: int, size: int) -> bytes:
        """Read what is there of `size` bytes before the first missing one."""
        within = address % PAGE_SIZE
        if within + size <= PAGE_SIZE:
            data = self._page(address - within)[within : within + size]
            if len(data) == size:
                return data
        # Beyond the page's end, or behind a hole in it: a triage dump's blocks need not begin on a page.
        return self.reader.read_up_to(address, size)

    def string(self, address: int, limit: int) -> str:
        """Read a NUL-terminated string, cut at `limit` bytes. Raises MemoryFault when it runs into a hole."""
        parts: list[bytes] = []
        position, end = address, address + limit
        while position < end:
            size = min(end - position, PAGE_SIZE - position % PAGE_SIZE)
            part, nul, _ = self.up_to(position, size).partition(b"\0")
            parts.append(part)
            position += len(part)
            if nul:
                break
            if len(part) < size:
                raise MemoryFault(position, "a name in an image")
        return decode_ascii(b"".join(parts))

    def _page(self, start: int) -> bytes:
        page = self._pages.get(start)
        if page is None:
            if len(self._pages) >= PAGES_KEPT:
                self._pages.clear()
            page = self._pages[start] = self.reader.read_up_to(start, PAGE_SIZE)
        return page
