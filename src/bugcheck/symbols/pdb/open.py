"""Path of a PDB → PdbSymbols, from its index on disk when that is sound, from the PDB when not.

The index lies in the cache folder under GUID, age and a checksum of the PDB's path, so that copies of a PDB do not take
each other's place.  It is used as long as size, time and identity in it are the PDB's.

Folklore:
    Importing purepdb takes longer than opening an index: only what reads the PDB itself imports it.
"""

from __future__ import annotations

import mmap
import os
import zlib
from typing import TYPE_CHECKING

from bugcheck.archives.spool import system_words
from bugcheck.binary import BinaryView
from bugcheck.errors import CorruptDump, DumpError
from bugcheck.images.identity import PdbId
from bugcheck.symbols.pdb.identity import PdbIdentity, read_identity
from bugcheck.symbols.pdb.index import PdbSymbols
from bugcheck.symbols.pdb.index_file import IndexTables, map_index, write_index

if TYPE_CHECKING:
    from pathlib import Path

    from bugcheck.symbols.pdb.lines import PdbLines


def open_pdb(path: str | Path, *, cache: Path | None, expect: PdbId | None = None, loose: bool = False) -> PdbSymbols:
    """Open a PDB.

    Args:
        path: of the PDB. cache: folder for indexes, made when needed; None keeps the index in memory.
        expect: identity the image asks for; None takes any.
        loose: use a PDB of another identity too; its symbols then say `matched` False.

    Raises:
        DumpError: it cannot be read, is no PDB, or another one than expected.
        CorruptDump, LimitExceeded: it is damaged, or larger than bugcheck follows.
    """
    view, time = _map(str(path))
    identity = read_identity(view)
    matched = expect is None or identity.matches(expect)
    if expect is not None and not (matched or loose):
        found = f"{{{identity.guid}}} age {identity.linked_age}"
        raise DumpError(view.name, f"the PDB is {found}, the image asks for {{{expect.guid}}} age {expect.age}")
    place = None if cache is None else _index_path(str(cache), view.name, identity)
    tables = None if place is None else map_index(place)
    if tables is not None and not _is_current(tables, identity, view.size, time):
        tables.close()
        tables = None
    return _symbols(tables or _build(view, identity, time, place), view.name, matched)


def _symbols(tables: IndexTables, name: str, matched: bool) -> PdbSymbols:
    def open_lines() -> PdbLines:
        return _open_lines(name, tables)

    return PdbSymbols(tables, name, matched, open_lines)


def _map(path: str) -> tuple[BinaryView, int]:
    """Map a file; its modification time comes in nanoseconds since 1970."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (pathlib costs 10 ms)
            status = os.fstat(file.fileno())
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if status.st_size else b""
    except OSError as error:
        raise DumpError(path, system_words(error)) from error
    except (ValueError, OverflowError) as error:
        raise DumpError(path, f"cannot be mapped: {error}") from error
    return BinaryView(data, path), status.st_mtime_ns


def _index_path(cache: str, path: str, identity: PdbIdentity) -> str:
    where = zlib.crc32(os.path.abspath(path).encode("utf-8", "surrogateescape"))  # noqa: PTH100
    return os.path.join(cache, f"{identity.pdb_id('').key}-{where:08x}.pdbindex")  # noqa: PTH118


def _is_current(tables: IndexTables, identity: PdbIdentity, size: int, time: int) -> bool:
    header = tables.header
    stored = header.guid, header.age, header.pdb_size, header.pdb_time
    return stored == (identity.guid, identity.age, size, time)


def _build(view: BinaryView, identity: PdbIdentity, time: int, place: str | None) -> IndexTables:
    """Build the index and write it to `place`; where that cannot be done it is used from memory."""
    from bugcheck.symbols.pdb.container import PdbFile
    from bugcheck.symbols.pdb.index_build import build_index

    data = build_index(PdbFile(view), identity, view.size, time)
    written = map_index(place) if place is not None and write_index(place, data) else None
    return written or IndexTables(data)


def _open_lines(path: str, tables: IndexTables) -> PdbLines:
    """Open the PDB again for its lines. Raises DumpError when it is gone or another one by now."""
    from bugcheck.symbols.pdb.container import PdbFile
    from bugcheck.symbols.pdb.lines import PdbLines
    from bugcheck.symbols.pdb.types import PdbTypes

    view, time = _map(path)
    if not _is_current(tables, read_identity(view), view.size, time):
        raise CorruptDump(path, "the PDB has changed since its index was made")
    begin = tables.header.type_begin
    types = PdbTypes(tables["types"], tables["type_offset"], tables["type_lookup"], begin, 8)
    return PdbLines(PdbFile(view), types)
