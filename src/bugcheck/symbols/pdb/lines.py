"""PDB file → source lines and inlined calls at an address, one object file at a time.

Source: as line_records.py; LF_FUNC_ID, LF_MFUNC_ID and LF_STRING_ID of `cvinfo.h` for the names of inlined functions.

Folklore:
    The line records of a procedure give, for inlined code, the line of the call in the procedure itself; each inline
    site gives the line in its own function.  So the place of a call is found one level further out.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from bugcheck.symbols.pdb.container import ModuleStream, PdbFile
from bugcheck.symbols.pdb.line_records import InlineRow, ModuleLines, inline_rows, read_lines
from bugcheck.symbols.pdb.type_records import TypeIndex, index_types
from bugcheck.symbols.pdb.types import PdbTypes
from bugcheck.symbols.symbols import InlineCall, SourceLine

KEPT_MODULES = 4
"""Object files whose lines stay in memory."""

RECORD_LIMIT = 200_000
"""Symbol records of one procedure that are looked through."""

ANNOTATION_LIMIT = 1 << 20
"""Bytes of inline-site annotations of one procedure that are looked through."""

DEPTH_LIMIT = 64
"""Inlined functions inside one another."""

_IPI_STREAM = 4
_FUNC_ID, _MFUNC_ID, _STRING_ID = 0x1601, 0x1602, 0x1605
_INLINE_SITE, _INLINE_SITE2, _INLINE_SITE_END = 0x114D, 0x115D, 0x114E
_PROCEDURES = (0x110F, 0x1110, 0x1146, 0x1147, 0x1155, 0x1156)
_PREFIX = struct.Struct("<HH")
_SITE = struct.Struct("<III")
_ID = struct.Struct("<HII")


class _Site(NamedTuple):
    """An inlined function at an address: item id, and the row there."""

    inlinee: int
    row: InlineRow


class _Module(NamedTuple):
    """An object file that was read: its streams, and its lines."""

    stream: ModuleStream
    lines: ModuleLines


class PdbLines:
    """Lines of an open PDB; object files are read when an address in them is asked for."""

    def __init__(self, pdb: PdbFile, types: PdbTypes) -> None:
        """Answer from `pdb`; `types` names the classes of inlined methods."""
        self._pdb = pdb
        self._types = types
        self._strings = pdb.string_table()
        self._ids: TypeIndex | None = None
        self._modules: dict[int, _Module] = {}

    def line_at(self, module: int, procedure: tuple[int, int] | None, rva: int) -> SourceLine | None:
        """Find the source line of an address, that of the innermost inlined function where there are some.

        Args:
            module: index of the object file the address lies in.
            procedure: RVA and record of the procedure around the address, when there is one.
            rva: in the layout before OMAP.

        Raises:
            CorruptDump: the PDB is damaged.
        """
        read = self._module(module)
        sites = self._sites(read, procedure, rva)
        if sites:
            return self._place(read, sites[-1].row.file, sites[-1].row.line)
        row = read.lines.row_at(rva)
        return self._place(read, row.file, row.line) if row else None

    def inlines_at(self, module: int, procedure: tuple[int, int] | None, rva: int) -> tuple[InlineCall, ...]:
        """Find the functions inlined at an address, innermost first; arguments and errors as for line_at."""
        read = self._module(module)
        calls: list[InlineCall] = []
        outer = read.lines.row_at(rva)
        place = self._place(read, outer.file, outer.line) if outer else None
        for site in self._sites(read, procedure, rva):
            calls.append(InlineCall(self._name(site.inlinee), *(place or SourceLine("", 0))))
            place = self._place(read, site.row.file, site.row.line)
        return tuple(reversed(calls))

    def _module(self, module: int) -> _Module:
        if module not in self._modules:
            if len(self._modules) >= KEPT_MODULES:
                del self._modules[next(iter(self._modules))]
            stream = self._pdb.module(module)
            self._modules[module] = _Module(stream, read_lines(stream.lines, self._pdb.rva))
        return self._modules[module]

    def _place(self, module: _Module, file: int, line: int) -> SourceLine | None:
        name = module.lines.files.get(file)
        if name is None or not line or name >= len(self._strings):
            return None
        end = self._strings.find(b"\0", name)
        return SourceLine(self._strings[name : end if end >= 0 else None].decode("utf-8", "replace"), line)

    def _sites(self, module: _Module, procedure: tuple[int, int] | None, rva: int) -> list[_Site]:
        """Find the inline sites that cover an address, outermost first."""
        if procedure is None:
            return []
        start, record = procedure
        found: list[_Site] = []
        for depth, inlinee, changes in _inline_sites(module.stream.symbols, record):
            if depth != len(found):
                continue
            file, line = module.lines.inlinees.get(inlinee, (-1, 0))
            for row in inline_rows(changes, file, line):
                if row.start <= rva - start < row.end:
                    found.append(_Site(inlinee, row))
                    break
        return found

    def _name(self, item: int) -> str:
        """Name an inlined function with its scope; a number when the PDB does not."""
        return self._item_name(item, 0) or f"inlined function {item:#x}"

    def _item_name(self, item: int, depth: int) -> str:
        if self._ids is None:
            self._ids = index_types(self._pdb.stream(_IPI_STREAM), self._pdb.name)
        number = item - self._ids.begin
        if depth > 1 or not 0 <= number < len(self._ids.offsets) - 1:
            return ""
        start, end = self._ids.offsets[number], self._ids.offsets[number + 1] - 2
        raw = self._ids.records[start:end]
        if len(raw) < _ID.size:
            return ""
        leaf, scope, _ = _ID.unpack_from(raw)
        if leaf == _STRING_ID:
            return _text(raw[6:])
        if leaf not in (_FUNC_ID, _MFUNC_ID):
            return ""
        around = self._types.type_at(scope).name if leaf == _MFUNC_ID else self._item_name(scope, depth + 1)
        return _scoped(around, _text(raw[10:]))


def _scoped(around: str, name: str) -> str:
    """Join scope and name, with unnamed namespaces spelled as in procedure records."""
    scopes = ["`anonymous namespace'" if scope.startswith("?A0x") else scope for scope in around.split("::")]
    return "::".join([*scopes, name]) if around else name


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace")


def _inline_sites(records: bytes, start: int) -> Iterator[tuple[int, int, bytes]]:
    """Iterate over depth, item id and annotations of the inline sites in the procedure whose record is at `start`."""
    if start + 12 > len(records) or _PREFIX.unpack_from(records, start)[1] not in _PROCEDURES:
        return
    # The record's own end counts from the stream's start, where a signature of 4 bytes comes before the records.
    end = min(int.from_bytes(records[start + 8 : start + 12], "little") - 4, len(records))
    position, depth, total = start, 0, 0
    for _ in range(RECORD_LIMIT):
        if position + 4 > end:
            return
        length, kind = _PREFIX.unpack_from(records, position)
        if length < 2 or position + 2 + length > end:
            return
        if kind in (_INLINE_SITE, _INLINE_SITE2):
            fixed = position + 4 + _SITE.size + (4 if kind == _INLINE_SITE2 else 0)
            total += length
            if total > ANNOTATION_LIMIT:
                return
            if depth < DEPTH_LIMIT and fixed <= position + 2 + length:
                _, _, inlinee = _SITE.unpack_from(records, position + 4)
                yield depth, inlinee, records[fixed : position + 2 + length]
            depth += 1
        elif kind == _INLINE_SITE_END:
            depth -= 1
        position += 2 + length
