"""PeHeader → Exports: the functions an image offers by name or ordinal, and the one nearest to an address.

Source: "PE Format" (Microsoft documentation), "The .edata Section (Image Only)".

Folklore:
    An export whose RVA lies inside the export directory is no code but a forwarder's text ("NTDLL.RtlAllocateHeap").
    One function may have several names, and some only an ordinal.
    The nearest export is a hint, not a name: most functions are not exported, so the displacement must be shown.
"""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right

from bugcheck.addresses import format_address
from bugcheck.errors import MemoryFault
from bugcheck.gaps import Gap
from bugcheck.images.page_window import PageWindow
from bugcheck.images.pe_header import DIRECTORY_EXPORT, ByteReader, DataDirectory, PeHeader
from bugcheck.records import dataclass

EXPORT_LIMIT = 0x10000
"""Functions, and names, that are read: ordinals have 16 bits."""

NAME_LIMIT = 0x1000
"""Longest name in bytes; decorated C++ names reach hundreds."""

NAMES_SIZE_LIMIT = 0x40_0000
"""Characters of all names together."""

_DIRECTORY = struct.Struct("<IIHHIIIIIII")


@dataclass(frozen=True, slots=True)
class Export:
    """One exported name (or bare ordinal, `name` "").

    Attributes:
        rva: of the function, from the image's base; of the forwarder's text when it is one.
        ordinal: as importers use it, base included.
        forwarder: "DLL.Function" or "DLL.#ordinal" when another image provides it ("?" when the text is unreadable),
            else "".
    """

    rva: int
    name: str
    ordinal: int
    forwarder: str = ""


@dataclass(frozen=True, slots=True)
class Exports:
    """An image's exports.

    Attributes:
        image_name: the name the linker gave the image ("ntoskrnl.exe"), "" when unknown.
        functions: what lies in this image, ascending by RVA; of aliases those with a name first.
        forwarders: what another image provides, ascending by RVA.
        gaps: what could not be read.
    """

    image_name: str = ""
    functions: tuple[Export, ...] = ()
    forwarders: tuple[Export, ...] = ()
    gaps: tuple[Gap, ...] = ()

    def nearest(self, rva: int) -> tuple[Export, int] | None:
        """Find the last export at or before `rva` (of aliases the first) and the distance in bytes; None before all."""
        after = bisect_right(self.functions, rva, key=_rva_of)
        if after == 0:
            return None
        start = self.functions[after - 1].rva
        return self.functions[bisect_left(self.functions, start, key=_rva_of)], rva - start


def read_exports(reader: ByteReader, header: PeHeader) -> Exports:
    """Read the export table; missing bytes and numbers beyond the limits become gaps."""
    directory = header.directory(DIRECTORY_EXPORT)
    if directory is None:
        return Exports()
    try:
        table = _ExportTable(PageWindow(reader), header.base, directory)
    except MemoryFault as fault:
        return Exports(gaps=(Gap(f"exports of image at {format_address(header.base)}", str(fault)),))
    return table.exports()


class _ExportTable:
    """The export directory with its three arrays, read once."""

    def __init__(self, window: PageWindow, base: int, directory: DataDirectory) -> None:
        self.window = window
        self.base = base
        self.directory = directory
        self.gaps: list[Gap] = []
        self.unread = 0
        self.budget = NAMES_SIZE_LIMIT
        fields = _DIRECTORY.unpack(window.read(base + directory.rva, _DIRECTORY.size))
        self.image_name = self._string(fields[4]) if fields[4] else ""
        self.ordinal_base = fields[5]
        self.functions = self._array(fields[8], fields[6], 4, "functions")
        self.name_rvas = self._array(fields[9], fields[7], 4, "names")
        self.indexes = self._array(fields[10], fields[7], 2, "ordinals")

    def exports(self) -> Exports:
        """Join names and functions."""
        found = sorted(self._entries(), key=lambda export: (export.rva, not export.name, export.ordinal))
        if self.unread:
            self._gap(f"{self.unread} names or forwarders")
        return Exports(
            self.image_name,
            tuple([export for export in found if not export.forwarder]),
            tuple([export for export in found if export.forwarder]),
            tuple(self.gaps),
        )

    def _entries(self) -> list[Export]:
        entries: list[Export] = []
        named: set[int] = set()
        for name_rva, index in zip(self.name_rvas, self.indexes, strict=False):
            if index < len(self.functions) and self.functions[index]:
                named.add(index)
                entries.append(self._export(index, self._string(name_rva)))
        for index, rva in enumerate(self.functions):
            if rva and index not in named:
                entries.append(self._export(index, ""))
        return entries

    def _export(self, index: int, name: str) -> Export:
        rva = self.functions[index]
        inside = 0 <= rva - self.directory.rva < self.directory.size
        return Export(rva, name, self.ordinal_base + index, (self._string(rva) or "?") if inside else "")

    def _string(self, rva: int) -> str:
        try:
            text = self.window.string(self.base + rva, min(NAME_LIMIT, self.budget))
        except MemoryFault:
            self.unread += 1
            return ""
        self.budget -= len(text)
        self.unread += self.budget <= 0
        return text

    def _array(self, rva: int, count: int, width: int, what: str) -> tuple[int, ...]:
        wanted = min(count, EXPORT_LIMIT)
        data = self.window.reader.read_up_to(self.base + rva, wanted * width) if wanted else b""
        whole = len(data) // width
        if whole < count:
            self._gap(f"{count - whole} of {count} {what}", damage=count > EXPORT_LIMIT)
        return struct.unpack_from(f"<{whole}{'I' if width == 4 else 'H'}", data)

    def _gap(self, missing: str, damage: bool = False) -> None:
        self.gaps.append(Gap(f"exports of image at {format_address(self.base)}", missing, damage=damage))


def _rva_of(export: Export) -> int:
    return export.rva
