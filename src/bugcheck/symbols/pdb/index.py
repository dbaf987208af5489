"""Index of a PDB → names at addresses and addresses of names, types, frame rules; lines from the PDB when asked for.

An address that no symbol plausibly covers has no name here; see index_build.py for how far a symbol reaches.

Folklore:
    Images whose code was moved after linking (OMAP; Windows up to 7) have symbols for the layout before.  Addresses
    are taken back to that layout first, and the offset from a symbol's start is the one there, as WinDbg shows it.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from bugcheck.symbols.pdb.frame_data import find_fpo, find_frame
from bugcheck.symbols.pdb.index_file import IndexTables
from bugcheck.symbols.pdb.types import PdbTypes
from bugcheck.symbols.symbols import FpoRecord, FrameData, InlineCall, SourceLine, Symbol, Symbols

if TYPE_CHECKING:
    from bugcheck.symbols.pdb.lines import PdbLines

MACHINES_32 = (0x014C, 0x01C4)
"""IMAGE_FILE_MACHINE_* with pointers of 4 bytes: I386, ARMNT."""

_KINDS = ("function", "public", "data")
_FUNCTION, _DATA = 0, 2
_NO_NAME = 0xFFFF_FFFF
_NO_MODULE = 0xFFFF_FFFF
_BACK = 64
_NAMESAKES = 1024


class PdbSymbols(Symbols):
    """Symbols of one PDB; a context manager, though garbage collection closes it as well.

    Attributes:
        kind: "pdb". source: path of the PDB. matched, has_functions: as in Symbols.
        machine: IMAGE_FILE_MACHINE_* of the image. guid, age: the PDB's own identity, the age of the DBI stream.
    """

    kind = "pdb"

    def __init__(self, tables: IndexTables, source: str, matched: bool, open_lines: Callable[[], PdbLines]) -> None:
        """Answer from an index; `open_pdb` makes one, and gives `open_lines`, which is called when lines are needed."""
        header = tables.header
        self.source = source
        self.matched = matched
        self.has_functions = header.has_functions
        self.machine = header.machine
        self.guid = header.guid
        self.age = header.age if header.dbi_age == _NO_NAME else header.dbi_age
        self._tables = tables
        self._open_lines = open_lines
        self._lines: PdbLines | None = None
        self._types: PdbTypes | None = None
        self._rva, self._end, self._kind = tables["rva"], tables["end"], tables["kind"]
        self._to_source_rva, self._to_source = tables["to_source_rva"], tables["to_source"]
        self._from_source_rva, self._from_source = tables["from_source_rva"], tables["from_source"]

    def nearest(self, rva: int) -> Symbol | None:
        """Find the symbol that covers `rva`, or the nearest below it that plausibly does; None rather than a guess.

        Where code was moved after linking, the symbol's `rva` is chosen so that the offset from it is the one inside
        the function as it was linked.
        """
        source = self._source(rva)
        number = None if source is None else self._covering(source)
        if source is None or number is None:
            return None
        start = rva - (source - self._rva[number])
        return self._symbol(number, start if start >= 0 else self._final(self._rva[number]))

    def find(self, name: str) -> Symbol | None:
        """Find a symbol by its undecorated or decorated name, case-sensitively; functions before publics before data.

        None as well for a function that was left out when code was moved after linking.
        """
        found = [(self._kind[number], number) for number in self._named(name)]
        if not found:
            return None
        number = min(found)[1]
        start = self._final(self._rva[number])
        return None if start is None else self._symbol(number, start)

    def symbols(self) -> Iterator[Symbol]:
        """Iterate over all symbols, ascending by address."""
        order = ((self._final(rva), number) for number, rva in enumerate(self._rva))
        placed = ((start, number) for start, number in order if start is not None)
        for start, number in sorted(placed) if len(self._from_source) else placed:
            found = self._symbol(number, start)
            if found is not None:
                yield found

    def line_at(self, rva: int) -> SourceLine | None:
        """Source line of an address, in the innermost inlined function; None where the PDB has none.

        Raises:
            DumpError: the PDB is gone, or damaged.
        """
        place = self._module_at(rva)
        return None if place is None else self._open().line_at(*place)

    def inlines_at(self, rva: int) -> tuple[InlineCall, ...]:
        """Functions inlined at an address, innermost first, each with the place of its call. Raises as line_at."""
        place = self._module_at(rva)
        return () if place is None else self._open().inlines_at(*place)

    def frame_rule(self, rva: int) -> FpoRecord | FrameData | None:
        """x86 frame rule for an address; FrameData before FPO where both exist."""
        source, tables = self._source(rva), self._tables
        if source is None:
            return None
        rule = find_frame(tables["frame_rva"], tables["frame"], tables["programs"], source)
        return rule or find_fpo(tables["fpo_rva"], tables["fpo"], source)

    @property
    def types(self) -> PdbTypes | None:
        """Structure layouts, or None when the PDB has none."""
        tables = self._tables
        if self._types is None and len(tables["type_lookup"]):
            self._types = self._type_table()
        return self._types

    def _type_table(self) -> PdbTypes:
        tables = self._tables
        size = 4 if self.machine in MACHINES_32 else 8
        return PdbTypes(tables["types"], tables["type_offset"], tables["type_lookup"], tables.header.type_begin, size)

    def close(self) -> None:
        """Let go of the index and the PDB; no other method may be called afterwards."""
        self._lines = None
        for view in (self._rva, self._end, self._kind, self._to_source_rva, self._to_source):
            view.release()
        self._from_source_rva.release()
        self._from_source.release()
        self._tables.close()

    def __enter__(self) -> PdbSymbols:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _source(self, rva: int) -> int | None:
        return _translate(self._to_source_rva, self._to_source, rva)

    def _final(self, rva: int) -> int | None:
        return _translate(self._from_source_rva, self._from_source, rva)

    def _covering(self, rva: int) -> int | None:
        """Find the entry that names an address: the one that starts last, functions around it before data in it."""
        last = bisect_right(self._rva, rva) - 1
        if last < 0:
            return None
        first = bisect_left(self._rva, self._rva[last], 0, last)
        here = [number for number in range(first, min(last + 1, first + _BACK)) if self._end[number] > rva]
        if here and self._kind[here[0]] != _DATA:
            return here[0]
        for number in range(first - 1, max(-1, first - 1 - _BACK), -1):
            if self._kind[number] == _FUNCTION and self._end[number] > rva:
                return number
        return here[0] if here else None

    def _symbol(self, number: int, start: int | None) -> Symbol | None:
        if start is None:
            return None
        tables = self._tables
        decorated = tables["decorated"][number]
        return Symbol(
            start,
            tables.text("names", tables["name"][number]),
            tables["size"][number],
            _KINDS[min(self._kind[number], _DATA)],
            "" if decorated == _NO_NAME else tables.text("names", decorated),
        )

    def _named(self, name: str) -> Iterator[int]:
        raw = name.encode("utf-8", "replace")
        tables, checksum = self._tables, zlib.crc32(raw)
        lookup = tables["lookup"]
        place = bisect_left(lookup, checksum << 32)
        for entry in lookup[place : place + _NAMESAKES]:
            number = entry & 0xFFFF_FFFF
            if entry >> 32 != checksum:
                return
            if raw in (tables.raw("names", tables["name"][number]), tables.raw("names", tables["decorated"][number])):
                yield number

    def _module_at(self, rva: int) -> tuple[int, tuple[int, int] | None, int] | None:
        """Find the object file and procedure of an address, and the address before OMAP; None without lines there."""
        source = self._source(rva)
        if source is None or not self._tables.header.has_lines:
            return None
        starts = self._tables["contribution_rva"]
        number = bisect_right(starts, source) - 1
        if number < 0 or source >= self._tables["contribution_end"][number]:
            return None
        return self._tables["contribution_module"][number], self._procedure(source), source

    def _procedure(self, source: int) -> tuple[int, int] | None:
        entry = self._covering(source)
        if entry is None or self._kind[entry] != _FUNCTION or self._tables["module"][entry] == _NO_MODULE:
            return None
        return self._rva[entry], self._tables["record"][entry]

    def _open(self) -> PdbLines:
        if self._lines is None:
            self._lines = self._open_lines()
        return self._lines


def _translate(starts: memoryview, targets: memoryview, rva: int) -> int | None:
    """Move an address from one layout to the other; None when it was left out. Without maps, there is one layout."""
    if not len(starts):
        return rva
    number = bisect_right(starts, rva) - 1
    if number < 0 or not targets[number]:
        return None
    return targets[number] + rva - starts[number]
