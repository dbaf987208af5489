"""PdbFile → the tables of its index: symbols merged and sorted, each with the end of what it may name.

Folklore:
    Publics have no size.  A public names what follows it up to the next symbol, but not beyond its section, its
    function's end, or the object file's contribution it lies in: behind those, unnamed static functions and code moved
    away from other functions begin, which peers report under the public's name.
    Procedure and public of one function differ in decoration only, and are one symbol here.
"""

from __future__ import annotations

import zlib
from array import array
from bisect import bisect_right
from typing import NamedTuple

from bugcheck.errors import LimitExceeded
from bugcheck.symbols.pdb.container import CHUNK, PROCEDURE, PUBLIC, SLOT_FPO, SLOT_FRAME_DATA, PdbFile
from bugcheck.symbols.pdb.frame_data import index_frames
from bugcheck.symbols.pdb.identity import PdbIdentity
from bugcheck.symbols.pdb.index_file import IndexHeader, pack_index
from bugcheck.symbols.pdb.type_records import index_types
from bugcheck.symbols.undecorate import Demangler, undecorate

I386 = 0x014C
NO_NAME = 0xFFFF_FFFF
"""In the table of decorated names: the name is not decorated."""

NAMES_LIMIT = 1 << 28
"""Characters of undecorated names that one index holds."""

_MAX32 = 0xFFFF_FFFF
_TPI_STREAM = 2
_NO_DBI = 0xFFFF_FFFF


class _Entry(NamedTuple):
    """A symbol on its way into the tables; sorts by address, then by how well its kind names it."""

    rva: int
    kind: int
    name: str
    size: int
    is_code: bool
    module: int
    record: int


class _Contributions(NamedTuple):
    """What the linker's inputs cover, ascending: RVAs, ends, modules."""

    rva: array[int]
    end: array[int]
    module: array[int]

    def end_at(self, rva: int) -> int:
        """Find the end of the contribution an RVA lies in; the last possible RVA when it lies in none."""
        number = bisect_right(self.rva, rva) - 1
        return self.end[number] if number >= 0 and rva < self.end[number] else _MAX32


def build_index(pdb: PdbFile, identity: PdbIdentity, size: int, time: int) -> bytes:
    """Build the index of an open PDB.

    Args:
        pdb: the file. identity: who it is.
        size: of the file in bytes. time: its modification time in nanoseconds since 1970.

    Raises:
        CorruptDump, LimitExceeded: the PDB is damaged or too large.
    """
    entries, decorated = _merge(pdb)
    contributions = _contributions(pdb)
    types = index_types(pdb.stream(_TPI_STREAM), pdb.name)
    tables: dict[str, array[int] | bytes] = {
        **_symbol_tables(entries, decorated),
        "end": _ends(entries, _sections(pdb), contributions),
        "sections": array("I", [bound for start, end in _sections(pdb) for bound in (start, end)]),
        "contribution_rva": contributions.rva,
        "contribution_end": contributions.end,
        "contribution_module": contributions.module,
        "type_lookup": types.lookup,
        "type_offset": types.offsets,
        "types": types.records,
        **_omap_tables(pdb),
        **_frame_tables(pdb),
    }
    header = IndexHeader(
        guid=identity.guid,
        age=identity.age,
        dbi_age=_NO_DBI if identity.dbi_age is None else identity.dbi_age,
        pdb_size=size,
        pdb_time=time,
        machine=pdb.machine,
        has_functions=any(entry.kind == PROCEDURE for entry in entries),
        has_lines=pdb.has_lines(),
        type_begin=types.begin,
    )
    return pack_index(header, tables)


def _merge(pdb: PdbFile) -> tuple[list[_Entry], dict[tuple[int, str], str]]:
    """Collect the symbols, one for each address and name, ascending; and the decorated names of those that have one."""
    x86 = pdb.machine == I386
    merged: dict[tuple[int, str], _Entry] = {}
    decorated: dict[tuple[int, str], str] = {}
    total = 0
    demangler = Demangler()
    for raw in pdb.symbols():
        name = undecorate(raw.name, x86=x86, demangler=demangler) if raw.kind == PUBLIC else raw.name
        key = raw.rva, name
        total += len(name)
        if total > NAMES_LIMIT:
            raise LimitExceeded(pdb.name, f"PDB with more than {NAMES_LIMIT:#x} characters of names")
        if name != raw.name:
            decorated.setdefault(key, raw.name)
        known = merged.get(key)
        if known is None or raw.kind < known.kind:
            kind = PROCEDURE if raw.kind == CHUNK else raw.kind
            merged[key] = _Entry(raw.rva, kind, name, raw.size, raw.is_code, raw.module, raw.record)
    return sorted(merged.values()), decorated


def _symbol_tables(entries: list[_Entry], decorated: dict[tuple[int, str], str]) -> dict[str, array[int] | bytes]:
    names = _Names()
    name, stored = array("I"), array("I")
    lookup: list[int] = []
    for number, entry in enumerate(entries):
        offset, checksum = names.add(entry.name)
        name.append(offset)
        lookup.append(checksum << 32 | number)
        raw = decorated.get((entry.rva, entry.name))
        if raw is None:
            stored.append(NO_NAME)
            continue
        offset, checksum = names.add(raw)
        stored.append(offset)
        lookup.append(checksum << 32 | number)
    return {
        "rva": array("I", [entry.rva for entry in entries]),
        "size": array("I", [entry.size for entry in entries]),
        "kind": bytes([entry.kind for entry in entries]),
        "module": array("I", [entry.module for entry in entries]),
        "record": array("I", [entry.record for entry in entries]),
        "name": name,
        "decorated": stored,
        "names": names.blob(),
        "lookup": array("Q", sorted(lookup)),
    }


class _Names:
    """Names one behind another, each once."""

    def __init__(self) -> None:
        self._places: dict[str, tuple[int, int]] = {}
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, name: str) -> tuple[int, int]:
        """Add a name: its offset, and the CRC-32 of its bytes."""
        place = self._places.get(name)
        if place is None:
            raw = name.encode("utf-8", "replace")
            place = self._places[name] = self._size, zlib.crc32(raw)
            self._pieces.append(raw)
            self._size += len(raw) + 1
        return place

    def blob(self) -> bytes:
        """Join the names, each with a NUL behind it."""
        return b"\0".join([*self._pieces, b""])


def _sections(pdb: PdbFile) -> list[tuple[int, int]]:
    return sorted((section.start, section.end) for section in pdb.sections if section.end > section.start)


def _contributions(pdb: PdbFile) -> _Contributions:
    rows = sorted(pdb.contributions())
    return _Contributions(
        array("I", [row[0] for row in rows]),
        array("I", [min(row[0] + row[1], _MAX32) for row in rows]),
        array("I", [row[2] for row in rows]),
    )


def _ends(entries: list[_Entry], sections: list[tuple[int, int]], contributions: _Contributions) -> array[int]:
    """Work out where each symbol's reach ends; entries come ascending, the ends are found from the last one down."""
    starts = [start for start, _ in sections]
    functions = _enclosing_ends(entries)
    ends = array("I", bytes(4 * len(entries)))
    following, current = _MAX32, _MAX32
    for number in range(len(entries) - 1, -1, -1):
        entry = entries[number]
        if entry.rva != current:
            following, current = current, entry.rva
        section = bisect_right(starts, entry.rva) - 1
        end = min(sections[section][1] if section >= 0 else entry.rva, _MAX32)
        if entry.size:
            ends[number] = min(end, entry.rva + entry.size)
            continue
        ends[number] = min(end, following, functions[number], contributions.end_at(entry.rva))
    return ends


def _enclosing_ends(entries: list[_Entry]) -> list[int]:
    """For each symbol the end of the function it lies in; the last possible RVA outside of functions."""
    ends: list[int] = []
    reach = 0
    for entry in entries:
        if entry.size and entry.kind == PROCEDURE:
            reach = max(reach, entry.rva + entry.size) if entry.rva < reach else entry.rva + entry.size
        ends.append(reach if entry.rva < reach else _MAX32)
    return ends


def _omap_tables(pdb: PdbFile) -> dict[str, array[int] | bytes]:
    maps = pdb.omap()
    if maps is None:
        return {}
    back, forth = maps
    return {
        "to_source_rva": array("I", back[0]),
        "to_source": array("I", back[1]),
        "from_source_rva": array("I", forth[0]),
        "from_source": array("I", forth[1]),
    }


def _frame_tables(pdb: PdbFile) -> dict[str, array[int] | bytes]:
    fpo, frame = pdb.debug_stream(SLOT_FPO), pdb.debug_stream(SLOT_FRAME_DATA)
    if pdb.machine != I386 or not (fpo or frame):
        return {}
    return dict(index_frames(fpo, frame, pdb.string_table() if frame else b"")._asdict())
