"""Tables of numbers and names ↔ an index file that is mapped rather than read.

Layout (little-endian): a header with the PDB's identity, size and time and the tables' places, then the tables, each
on 8 bytes.  A table is a plain array of 8, 32 or 64-bit numbers.  Whatever does not fit, in identity, version, length
or checksum, makes the index stale, and it is built again from the PDB; nothing in it is ever repaired.

Folklore:
    A file that another process has mapped cannot be replaced on Windows.  An index that cannot be written is used
    from memory, and the next process tries again.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import zlib
from array import array
from collections.abc import Mapping
from typing import Literal

from bugcheck.records import dataclass

VERSION = 1
"""Raised whenever what the tables mean changes."""

_MAGIC = b"BCPDBIX\0"
_HEADER = struct.Struct("<8sII36sIIIQqHHII")
_ENTRY = struct.Struct("<QQI4x")
_TABLES: dict[str, Literal["B", "I", "Q"]] = {
    "rva": "I",
    "end": "I",
    "size": "I",
    "name": "I",
    "decorated": "I",
    "module": "I",
    "record": "I",
    "kind": "B",
    "names": "B",
    "lookup": "Q",
    "sections": "I",
    "contribution_rva": "I",
    "contribution_end": "I",
    "contribution_module": "I",
    "to_source_rva": "I",
    "to_source": "I",
    "from_source_rva": "I",
    "from_source": "I",
    "fpo_rva": "I",
    "fpo": "B",
    "frame_rva": "I",
    "frame": "B",
    "programs": "B",
    "type_lookup": "Q",
    "type_offset": "I",
    "types": "B",
}
"""The tables in their order in the file, and the `struct` code of their items."""


@dataclass(frozen=True, slots=True)
class IndexHeader:
    """What an index was made from, and what the PDB says of itself.

    Attributes:
        guid, age, dbi_age: the PDB's identity; dbi_age is 0xffffffff when it has no DBI stream.
        pdb_size: in bytes. pdb_time: modification time in nanoseconds since 1970.
        machine: IMAGE_FILE_MACHINE_*. has_functions, has_lines: procedures, C13 lines are there.
        type_begin: index of the first type record.
    """

    guid: str
    age: int
    dbi_age: int
    pdb_size: int
    pdb_time: int
    machine: int
    has_functions: bool
    has_lines: bool
    type_begin: int


class IndexTables:
    """The tables of an index, in memory or mapped.

    Attributes:
        header: what it was made from.
    """

    def __init__(self, data: bytes | mmap.mmap) -> None:
        """Place the tables on the bytes. Raises ValueError, struct.error when they are no sound index."""
        self._data = data
        self._view = memoryview(data)
        self.header = _read_header(self._view)
        self._tables = _place_tables(self._view)

    def __getitem__(self, name: str) -> memoryview:
        """Find a table by its name; its items are numbers."""
        return self._tables[name]

    def text(self, table: str, offset: int) -> str:
        """Read the NUL-terminated string at an offset of a table; empty when there is none."""
        return self.raw(table, offset).decode("utf-8", "replace")

    def raw(self, table: str, offset: int) -> bytes:
        """Read the bytes of a NUL-terminated string at an offset of a table, without the NUL."""
        view = self._tables[table]
        length = 64
        while True:
            piece = bytes(view[offset : offset + length])
            found = piece.find(b"\0")
            if found >= 0 or len(piece) < length:
                return piece[:found] if found >= 0 else piece
            length *= 8

    def close(self) -> None:
        """Let go of the mapping; the tables are gone afterwards."""
        for view in self._tables.values():
            view.release()
        self._view.release()
        if isinstance(self._data, mmap.mmap):
            self._data.close()


def _read_header(view: memoryview) -> IndexHeader:
    magic, version, count, guid, age, dbi_age, flags, size, time, machine, _, begin, checksum = _HEADER.unpack_from(
        view
    )
    if magic != _MAGIC or version != VERSION or count != len(_TABLES):
        raise ValueError("another version")
    if sys.byteorder != "little" or zlib.crc32(view[: _HEADER.size - 4]) != checksum:
        raise ValueError("damaged header")
    return IndexHeader(
        guid.rstrip(b"\0").decode("ascii"), age, dbi_age, size, time, machine, bool(flags & 1), bool(flags & 2), begin
    )


def _place_tables(view: memoryview) -> dict[str, memoryview]:
    tables: dict[str, memoryview] = {}
    for number, (name, code) in enumerate(_TABLES.items()):
        offset, size, checksum = _ENTRY.unpack_from(view, _HEADER.size + number * _ENTRY.size)
        raw = view[offset : offset + size]
        if len(raw) != size or zlib.crc32(raw) != checksum:
            raise ValueError(f"damaged table {name}")
        tables[name] = raw.cast(code)
    return tables


def pack_index(header: IndexHeader, tables: Mapping[str, array[int] | bytes]) -> bytes:
    """Lay out an index; tables that are not given are empty."""
    flags = header.has_functions | header.has_lines << 1
    fields = (header.guid.encode(), header.age, header.dbi_age, flags, header.pdb_size, header.pdb_time)
    head = _HEADER.pack(_MAGIC, VERSION, len(_TABLES), *fields, header.machine, 0, header.type_begin, 0)[:-4]
    entries: list[bytes] = []
    pieces: list[bytes] = []
    position = _HEADER.size + len(_TABLES) * _ENTRY.size
    for name in _TABLES:
        raw = bytes(tables.get(name, b""))
        entries.append(_ENTRY.pack(position, len(raw), zlib.crc32(raw)))
        pieces.append(raw + bytes(-len(raw) % 8))
        position += len(pieces[-1])
    return b"".join([head, zlib.crc32(head).to_bytes(4, "little"), *entries, *pieces])


def map_index(path: str) -> IndexTables | None:
    """Map an index file; None when there is none, or none that is sound."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (pathlib costs 10 ms)
            return IndexTables(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError, struct.error):
        return None


def write_index(path: str, data: bytes) -> bool:
    """Write an index file whole or not at all; False when the folder does not allow it."""
    temporary = f"{path}.{os.getpid()}.{id(data):x}.part"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        with open(temporary, "xb") as file:  # noqa: PTH123
            file.write(data)
        os.replace(temporary, path)  # noqa: PTH105
    except OSError:
        _remove(temporary)
        return False
    return True


def _remove(path: str) -> None:
    try:
        os.unlink(path)  # noqa: PTH108
    except OSError:
        return
