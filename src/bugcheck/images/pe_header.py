"""Memory or a file → PeHeader: what an image says of itself in its first page.

Source: "PE Format" (Microsoft documentation): MS-DOS stub, COFF file header, optional header, section table.

The readers in this folder work on anything with `try_read` and `read_up_to`: an address space of a dump, where often
only scattered pages are there, or a FileImage, which lays a file out as the loader would.

Folklore:
    A triage dump holds the header page of one module or none, so absence is the rule and costs one call. Of some
    images it holds the first 0x100 bytes: they end before the optional header does, which counts as missing.
    Memory shows ImageBase as the loader rewrote it, a file the linker's preference; TimeDateStamp is the same in both.
    Images whose SectionAlignment is below a page (old drivers: RapDrv.sys has 0x80) are mapped flat: RVA = file offset.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from typing import Protocol

from bugcheck.addresses import PAGE_SIZE, format_address
from bugcheck.binary import BinaryView, decode_ascii
from bugcheck.errors import CorruptDump, MemoryFault, TruncatedDump
from bugcheck.gaps import Gap
from bugcheck.images.identity import ImageId, base_name
from bugcheck.records import dataclass

DIRECTORY_EXPORT = 0
DIRECTORY_RESOURCE = 2
DIRECTORY_EXCEPTION = 3
DIRECTORY_SECURITY = 4
DIRECTORY_DEBUG = 6
"""Indexes of data directories; the security directory's address is a file offset, all others are RVAs."""

SECTION_LIMIT = 96
"""Sections that are read; PE Format gives 96 as the most Windows loads."""

NT_OFFSET_LIMIT = 0x1000_0000
"""Largest e_lfanew that is followed, in bytes."""

DIRECTORY_LIMIT = 16
_DOS_HEADER_SIZE = 0x40
_COFF = struct.Struct("<4sHHIIIHH")
_OPTIONAL = {
    0x10B: struct.Struct("<HBB9I6H4I2H6I"),
    0x20B: struct.Struct("<HBB5IQ2I6H4I2H4Q2I"),
}
_SECTION = struct.Struct("<8s6IHHI")
_DIRECTORY = struct.Struct("<II")


class ByteReader(Protocol):
    """Where bytes of images come from."""

    def try_read(self, address: int, size: int) -> bytes | None:
        """Read all of `size` bytes, or None when one of them is missing."""
        ...

    def read_up_to(self, address: int, size: int) -> bytes:
        """Read what is there of `size` bytes before the first missing one; may be empty."""
        ...


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """Place of a table: RVA and size in bytes, as the header claims them."""

    rva: int
    size: int


@dataclass(frozen=True, slots=True)
class Section:
    """One row of the section table; `rva` is relative to the base, `raw_offset` to the file's start, sizes in bytes."""

    name: str
    rva: int
    virtual_size: int
    raw_offset: int
    raw_size: int
    characteristics: int

    @property
    def extent(self) -> int:
        """Bytes of address space from `rva`: the virtual size, or the raw size where linkers left that 0."""
        return self.virtual_size or self.raw_size


@dataclass(frozen=True, slots=True)
class PeHeader:
    """The headers of an image.

    Attributes:
        base: the address it was read from (0 for a file); every RVA counts from here.
        nt_offset: where the PE signature lies (e_lfanew), in bytes from the base.
        time_date_stamp: seconds since 1970, unless the build is reproducible (see DebugDirectory.timestamp_is_time).
        image_base: the address the header names; the linker's in a file, the actual one in memory.
        entry_point: RVA, 0 when there is none.
        versions: (major, minor) each, as the linker wrote them.
        directories: at most 16, present or not; see `directory`.
        sections: in the table's order, at most 96, untrusted: they may overlap or leave the image.
        gaps: rows that were not read.
    """

    base: int
    nt_offset: int
    machine: int
    characteristics: int
    time_date_stamp: int
    is_pe32_plus: bool
    linker_version: tuple[int, int]
    os_version: tuple[int, int]
    image_version: tuple[int, int]
    subsystem_version: tuple[int, int]
    entry_point: int
    image_base: int
    section_alignment: int
    file_alignment: int
    size_of_image: int
    size_of_headers: int
    checksum: int
    subsystem: int
    dll_characteristics: int
    directories: tuple[DataDirectory, ...]
    sections: tuple[Section, ...]
    gaps: tuple[Gap, ...] = ()

    def image_id(self, path: str) -> ImageId:
        """Make the image's identity; of `path` only the last component counts."""
        return ImageId(base_name(path), self.time_date_stamp, self.size_of_image)

    def directory(self, index: int) -> DataDirectory | None:
        """Find a data directory by its index; None when the header has none or it is empty."""
        found = self.directories[index] if index < len(self.directories) else None
        return found if found is not None and found.rva and found.size else None

    def section_of(self, rva: int) -> Section | None:
        """Find the first section whose extent holds `rva`."""
        return next((section for section in self.sections if 0 <= rva - section.rva < section.extent), None)


def read_pe_header(reader: ByteReader, base: int, name: str = "") -> PeHeader:
    """Read the headers of the image at `base`.

    Raises:
        MemoryFault: bytes of the DOS, COFF or optional header are missing.
        CorruptDump: they are there and are no PE headers; `name` (or the address) stands for the file.
    """
    return _HeaderPage(reader, base, name).parse()


def try_read_pe_header(reader: ByteReader, base: int, name: str = "") -> PeHeader | None:
    """Read the headers of the image at `base`, or None when they are missing. Raises CorruptDump as read_pe_header."""
    try:
        return read_pe_header(reader, base, name)
    except MemoryFault:
        return None


class _HeaderPage:
    """The first page of an image, and whatever of its headers lies beyond."""

    __slots__ = ("base", "name", "page", "reader")

    def __init__(self, reader: ByteReader, base: int, name: str) -> None:
        self.reader = reader
        self.base = base
        self.name = name
        self.page = reader.read_up_to(base, PAGE_SIZE)

    def up_to(self, offset: int, size: int) -> bytes:
        """Read what is there of `size` bytes at `offset` from the base."""
        if offset + size <= len(self.page):
            return self.page[offset : offset + size]
        return self.reader.read_up_to(self.base + offset, size)

    def read(self, offset: int, size: int) -> bytes:
        """Read all of `size` bytes at `offset` from the base. Raises MemoryFault."""
        data = self.up_to(offset, size)
        if len(data) < size:
            raise MemoryFault(self.base + offset + len(data), "image header")
        return data

    def corrupt(self, reason: str, offset: int) -> CorruptDump:
        """Make the error for a header that contradicts the format."""
        return CorruptDump(self.name or f"image at {format_address(self.base)}", reason, offset)

    def parse(self) -> PeHeader:
        """Read all headers. Raises MemoryFault, CorruptDump."""
        nt_offset = self._nt_offset()
        signature, machine, section_count, stamp, _, _, optional_size, characteristics = _COFF.unpack(
            self.read(nt_offset, _COFF.size)
        )
        if signature != b"PE\0\0":
            raise self.corrupt(f"no PE signature but {signature!r}", nt_offset)
        optional_offset = nt_offset + _COFF.size
        magic = int.from_bytes(self.read(optional_offset, 2), "little")
        layout = _OPTIONAL.get(magic)
        if layout is None:
            raise self.corrupt(f"optional header of unknown kind {magic:#x}", optional_offset)
        values = layout.unpack(self.read(optional_offset, layout.size))
        fields = values if magic == 0x20B else (*values[:8], *values[9:])  # PE32 alone has BaseOfData there
        directories = self._directories(optional_offset + layout.size, min(fields[28], DIRECTORY_LIMIT))
        sections = self._sections(optional_offset + optional_size, section_count)
        return PeHeader(
            base=self.base,
            nt_offset=nt_offset,
            machine=machine,
            characteristics=characteristics,
            time_date_stamp=stamp,
            is_pe32_plus=magic == 0x20B,
            linker_version=fields[1:3],
            os_version=fields[11:13],
            image_version=fields[13:15],
            subsystem_version=fields[15:17],
            entry_point=fields[6],
            image_base=fields[8],
            section_alignment=fields[9],
            file_alignment=fields[10],
            size_of_image=fields[18],
            size_of_headers=fields[19],
            checksum=fields[20],
            subsystem=fields[21],
            dll_characteristics=fields[22],
            directories=directories,
            sections=sections,
            gaps=(
                *self._gaps("data directories", min(fields[28], DIRECTORY_LIMIT), len(directories)),
                *self._gaps("sections", section_count, len(sections), damage=section_count > SECTION_LIMIT),
            ),
        )

    def _nt_offset(self) -> int:
        dos = self.page[:_DOS_HEADER_SIZE]
        if len(dos) < _DOS_HEADER_SIZE:
            raise MemoryFault(self.base + len(dos), "image header")
        if dos[:2] != b"MZ":
            raise self.corrupt(f"begins with {dos[:2]!r}, not MZ", 0)
        nt_offset = int.from_bytes(dos[60:64], "little")
        if nt_offset > NT_OFFSET_LIMIT:
            raise self.corrupt(f"PE header claimed at {nt_offset:#x}", 60)
        return nt_offset

    def _directories(self, offset: int, count: int) -> tuple[DataDirectory, ...]:
        whole = self._rows(offset, count, _DIRECTORY.size)
        return tuple([DataDirectory(rva, size) for rva, size in _DIRECTORY.iter_unpack(whole)])

    def _sections(self, offset: int, count: int) -> tuple[Section, ...]:
        rows = _SECTION.iter_unpack(self._rows(offset, min(count, SECTION_LIMIT), _SECTION.size))
        return tuple([Section(decode_ascii(row[0]), row[2], row[1], row[4], row[3], row[9]) for row in rows])

    def _rows(self, offset: int, count: int, size: int) -> bytes:
        data = self.up_to(offset, count * size)
        return data[: len(data) // size * size]

    def _gaps(self, what: str, wanted: int, found: int, damage: bool = False) -> tuple[Gap, ...]:
        if found >= wanted:
            return ()
        where = self.name or f"image at {format_address(self.base)}"
        return (Gap(f"all {what} of {where}", f"{wanted - found} of {wanted} rows", damage=damage),)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of address space: from `start`, file bytes at `raw` up to `backed`, then zeros up to `end`."""

    start: int
    backed: int
    end: int
    raw: int


class FileImage:
    """A PE file laid out at base 0 as the loader would, readable like memory.

    Attributes:
        view: the file. header: its headers.
    """

    __slots__ = ("_pieces", "_starts", "header", "view")

    def __init__(self, view: BinaryView) -> None:
        """Read the headers. Raises CorruptDump (TruncatedDump when the file is too short) when it is no PE file."""
        self.view = view
        self._lay([_Piece(0, view.size, view.size, 0)])  # the headers lie in a file as they do in memory
        try:
            self.header = read_pe_header(self, 0, view.name)
        except MemoryFault as fault:
            raise TruncatedDump(view.name, "the file ends inside its PE headers", fault.address) from None
        self._lay(_lay_out(self.header))

    def _lay(self, pieces: list[_Piece]) -> None:
        self._pieces = pieces
        self._starts = [piece.start for piece in pieces]

    def try_read(self, address: int, size: int) -> bytes | None:
        """Read all of `size` bytes at the RVA `address`, or None when no section or no file byte is there."""
        data = self.read_up_to(address, size)
        return data if len(data) == size else None

    def read_up_to(self, address: int, size: int) -> bytes:
        """Read what is there of `size` bytes at the RVA `address`."""
        parts: list[bytes] = []
        while size > 0:
            part = self._read_piece(address, size)
            if not part:
                break
            parts.append(part)
            address += len(part)
            size -= len(part)
        return b"".join(parts)

    def _read_piece(self, address: int, size: int) -> bytes:
        index = bisect_right(self._starts, address) - 1
        if index < 0:
            return b""
        piece = self._pieces[index]
        if address < piece.backed:
            return self.view.read_up_to(piece.raw + address - piece.start, min(size, piece.backed - address))
        return bytes(max(0, min(size, piece.end - address)))


def _lay_out(header: PeHeader) -> list[_Piece]:
    """Order headers and sections by address; where sections overlap the lower start keeps the bytes."""
    if header.section_alignment < PAGE_SIZE:
        backed = max([header.size_of_headers, *(row.raw_offset + row.raw_size for row in header.sections)])
        return [_Piece(0, backed, max(backed, header.size_of_image), 0)]
    sections = sorted(header.sections, key=lambda section: section.rva)
    headers_end = min([_page_end(header.size_of_headers), *(section.rva for section in sections[:1])])
    pieces = [_Piece(0, min(header.size_of_headers, headers_end), headers_end, 0)]
    for section in sections:
        piece = _piece_of(section)
        overlap = max(0, pieces[-1].end - piece.start)
        if piece.start + overlap < piece.end:
            pieces.append(_Piece(piece.start + overlap, piece.backed, piece.end, piece.raw + overlap))
    return pieces


def _piece_of(section: Section) -> _Piece:
    """Place a section: the loader rounds its file offset down to a sector and its end up to a page."""
    end = section.rva + _page_end(section.extent)
    backed = min(end, section.rva + section.raw_size) if section.raw_offset else section.rva
    return _Piece(section.rva, backed, end, section.raw_offset & ~0x1FF)


def _page_end(size: int) -> int:
    return size + PAGE_SIZE - 1 & ~(PAGE_SIZE - 1)
