"""PeHeader → DebugDirectory: which PDB belongs to an image, and whether its TimeDateStamp is a time.

Source: "PE Format" (Microsoft documentation), "Debug Directory (Image Only)" and "Extended DLL Characteristics".

Folklore:
    Reproducible builds (all of Windows since 10) put a hash where the time was: dates such as 2076 or 1972 in a module
    list are no clock fault. A REPRO entry says so; link.exe adds one under /Brepro, lld-link too.
    NB10 records of old compilers may lie behind the last section, in the file only (AddressOfRawData is 0).
"""

from __future__ import annotations

import struct

from bugcheck.addresses import format_address
from bugcheck.gaps import Gap
from bugcheck.images.identity import PATH_LIMIT, PdbId, parse_codeview
from bugcheck.images.pe_header import DIRECTORY_DEBUG, ByteReader, FileImage, PeHeader
from bugcheck.records import dataclass

CODEVIEW = 2
POGO = 13
REPRO = 16
EX_DLL_CHARACTERISTICS = 20
"""IMAGE_DEBUG_TYPE_*."""

CET_COMPAT = 0x1
"""IMAGE_DLLCHARACTERISTICS_EX_CET_COMPAT: the image can run with shadow stacks."""

ENTRY_LIMIT = 64
"""Debug directory entries that are read; real images have up to seven."""

_ENTRY = struct.Struct("<IIHHIIII")
_NO_TIME = (0, 0xFFFF_FFFF)


@dataclass(frozen=True, slots=True)
class DebugEntry:
    """One row: IMAGE_DEBUG_TYPE_*, its TimeDateStamp, and where its data lies (size in bytes, RVA, file offset)."""

    kind: int
    time_date_stamp: int
    size: int
    rva: int
    raw_offset: int


@dataclass(frozen=True, slots=True)
class DebugDirectory:
    """What the debug directory says.

    Attributes:
        entries: its rows, in order.
        pdb: of the first CodeView record that names a PDB, or None.
        is_reproducible: a REPRO entry is there.
        timestamp_is_time: the header's TimeDateStamp is seconds since 1970; False when it is a hash or a filler, None
            when the directory is there and its bytes are not.
        extended_dll_characteristics: IMAGE_DLLCHARACTERISTICS_EX_*, 0 when not given.
        gaps: what could not be read.
    """

    entries: tuple[DebugEntry, ...]
    pdb: PdbId | None
    is_reproducible: bool
    timestamp_is_time: bool | None
    extended_dll_characteristics: int
    gaps: tuple[Gap, ...]


def read_debug_directory(reader: ByteReader, header: PeHeader) -> DebugDirectory:
    """Read the debug directory and the records it points to; missing bytes become gaps."""
    entries, gaps = _read_entries(reader, header)
    reproducible = any(entry.kind == REPRO for entry in entries)
    pdb: PdbId | None = None
    extended = 0
    for entry in entries:
        if entry.kind not in (CODEVIEW, EX_DLL_CHARACTERISTICS):
            continue
        data = _read_data(reader, header, entry)
        if len(data) < min(entry.size, PATH_LIMIT):
            gaps.append(_gap(header, "debug record", f"{entry.size:#x} bytes at RVA {entry.rva:#x}"))
        if entry.kind == EX_DLL_CHARACTERISTICS:
            extended = int.from_bytes(data[:4], "little")
        elif pdb is None:
            pdb = parse_codeview(data)
    is_time = None if gaps and not entries else not reproducible
    if header.time_date_stamp in _NO_TIME:
        is_time = False
    return DebugDirectory(entries, pdb, reproducible, is_time, extended, tuple(gaps))


def _read_entries(reader: ByteReader, header: PeHeader) -> tuple[tuple[DebugEntry, ...], list[Gap]]:
    directory = header.directory(DIRECTORY_DEBUG)
    if directory is None:
        return (), []
    wanted = directory.size // _ENTRY.size
    data = reader.read_up_to(header.base + directory.rva, min(wanted, ENTRY_LIMIT) * _ENTRY.size)
    rows = _ENTRY.iter_unpack(data[: len(data) // _ENTRY.size * _ENTRY.size])
    entries = tuple([DebugEntry(row[4], row[1], row[5], row[6], row[7]) for row in rows])
    if len(entries) == wanted:
        return entries, []
    missing = f"{wanted - len(entries)} of {wanted} entries at RVA {directory.rva:#x}"
    return entries, [_gap(header, "debug directory", missing, damage=wanted > ENTRY_LIMIT)]


def _read_data(reader: ByteReader, header: PeHeader, entry: DebugEntry) -> bytes:
    size = min(entry.size, PATH_LIMIT)
    if entry.rva:
        return reader.read_up_to(header.base + entry.rva, size)
    if entry.raw_offset and isinstance(reader, FileImage):
        return reader.view.read_up_to(entry.raw_offset, size)
    return b""


def _gap(header: PeHeader, what: str, missing: str, damage: bool = False) -> Gap:
    return Gap(f"{what} of image at {format_address(header.base)}", missing, damage=damage)
