"""A mapped PDB file → its streams and records in plain numbers; the one file that knows purepdb.

Source: LLVM's "The PDB File Format" (llvm.org/docs/PDB) for streams and debug header slots; `cvinfo.h` of Microsoft's
microsoft-pdb repository (MIT) for record kinds.

Folklore:
    A file of a few megabytes can name one module stream a hundred thousand times, so that reading all modules never
    ends.  Each stream is one module's; the second module that claims it is passed over.
    A directory may list one block again and again and so ask for gigabytes; a directory is shorter than its file.
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol, cast

from purepdb import PDB, MsfFile, OmapTable, PdbError, Section, codeview

from bugcheck.binary import BinaryView
from bugcheck.errors import CorruptDump, LimitExceeded
from bugcheck.records import dataclass
from bugcheck.symbols.pdb.identity import DIRECTORY_LIMIT, FILE_LIMIT

DBI_LIMIT = 128 << 20
"""Largest DBI stream, in bytes: every object file and every piece of code it brought has an entry."""

SYMBOL_LIMIT = 4_000_000
"""Symbol records taken from one PDB."""

SLOT_FPO, SLOT_OMAP_TO_SOURCE, SLOT_OMAP_FROM_SOURCE, SLOT_FRAME_DATA = 0, 3, 4, 9
"""Slots of the DBI stream's optional debug header."""

PROCEDURE, PUBLIC, DATA, CHUNK = 0, 1, 2, 3
"""Kinds of RawSymbol, in the order in which they name an address."""

_PROCEDURES = codeview.PROC_KINDS
_DATA = frozenset({codeview.S_LDATA32, codeview.S_GDATA32})
_MODULE_KINDS = _PROCEDURES | _DATA | {codeview.S_THUNK32, codeview.S_SEPCODE}
_GLOBAL_KINDS = _DATA | {codeview.S_PUB32}
_STRING_TABLE_SIGNATURE = 0xEFFE_EFFE
NO_MODULE = 0xFFFF_FFFF
"""Module of a record that no object file has."""

_DBI_STREAM = 3
_INFO_LIMIT = 16 << 20
_MAX32 = 0xFFFF_FFFF
_HOSTILE = (PdbError, struct.error, EOFError, LookupError, ValueError, ArithmeticError)


class _Sections(Protocol):
    """What purepdb's lists of sections hold; it does not say so itself."""

    original_sections: list[Section]
    sections: list[Section]
    derived_sections: list[Section]


class RawSymbol(NamedTuple):
    """A symbol record.

    Attributes:
        kind: PROCEDURE, PUBLIC, DATA or CHUNK (a part of a procedure moved away from it).
        rva: in the address space the linker wrote, before OMAP. size: in bytes, 0 when the record has none.
        name: as stored. is_code: its section, or the public's flags, say so.
        module: index of its module, and record: offset in the module's stream; 0xffffffff for publics.
    """

    kind: int
    rva: int
    size: int
    name: str
    is_code: bool
    module: int = NO_MODULE
    record: int = 0


@dataclass(frozen=True, slots=True)
class PdbSection:
    """A section of the image, as symbol records count them: first RVA, RVA behind its last byte, whether it is code."""

    start: int
    end: int
    is_code: bool


@dataclass(frozen=True, slots=True)
class ModuleStream:
    """What one object file brought: its symbol records (offsets count from the stream's start), and its C13 lines."""

    symbols: bytes
    lines: bytes


@contextmanager
def _guard(name: str) -> Generator[None]:
    """Turn what purepdb raises on damaged files into bugcheck's errors."""
    try:
        yield
    except _HOSTILE as error:
        raise CorruptDump(name, f"damaged PDB: {str(error) or type(error).__name__}") from error
    except MemoryError as error:
        raise LimitExceeded(name, "the PDB asks for more memory than there is") from error


class PdbFile:
    """An open PDB.

    Attributes:
        name: for errors. machine: IMAGE_FILE_MACHINE_*.
        sections: as symbol records count them, the first is segment 1; the layout before OMAP where there is one.
        module_count: object files.
    """

    def __init__(self, view: BinaryView) -> None:
        """Read the directory and the DBI stream of a mapped file. Raises CorruptDump, LimitExceeded."""
        self.name = view.name
        _check_claims(view)
        with _guard(view.name):
            msf = MsfFile(view.data)
            if msf.is_valid_stream(_DBI_STREAM) and msf.stream_size(_DBI_STREAM) > DBI_LIMIT:
                raise LimitExceeded(view.name, "PDB with a DBI stream of more than 128 MiB")
            self._pdb = PDB(msf)
        self.machine = self._pdb.dbi.machine
        self.module_count = len(self._pdb.dbi.modules)
        self.sections = tuple(_section(section) for section in self._symbol_sections())

    def _symbol_sections(self) -> list[Section]:
        pdb = cast("_Sections", self._pdb)
        return pdb.original_sections or pdb.sections or pdb.derived_sections

    def stream(self, index: int) -> bytes:
        """Read a stream; empty when the file has none of that number."""
        with _guard(self.name):
            return self._pdb.msf.read_stream(index) if self._pdb.msf.is_valid_stream(index) else b""

    def debug_stream(self, slot: int) -> bytes:
        """Read the stream of an optional debug header slot; empty when there is none."""
        return self.stream(self._pdb.dbi.dbg_stream(slot))

    def string_table(self) -> bytes:
        """Read the strings of `/names`, which records refer to by offset; empty when there are none."""
        with _guard(self.name):
            if self._pdb.msf.is_valid_stream(1) and self._pdb.msf.stream_size(1) > _INFO_LIMIT:
                raise LimitExceeded(self.name, "PDB info stream of more than 16 MiB")
            data = self.stream(self._pdb.named_streams().get("/names", 0xFFFF))
            signature, _, size = struct.unpack_from("<III", data) if len(data) >= 12 else (0, 0, 0)
            return data[12 : 12 + size] if signature == _STRING_TABLE_SIGNATURE else b""

    def rva(self, segment: int, offset: int) -> int | None:
        """Resolve a record's address; None for segments that are no section (absolute symbols, guard tables)."""
        if not 1 <= segment <= len(self.sections):
            return None
        section = self.sections[segment - 1]
        return section.start + offset if 0 <= offset < section.end - section.start else None

    def omap(self) -> tuple[OmapPairs, OmapPairs] | None:
        """Read the maps of an image whose code was moved after linking: final → source, source → final; else None."""
        if not cast("_Sections", self._pdb).original_sections:
            return None
        with _guard(self.name):
            forth = self._pdb.omap
            back = OmapTable.parse(self.debug_stream(SLOT_OMAP_TO_SOURCE))
            if not forth or not back:
                return None
            return (back.source, back.target), (forth.source, forth.target)

    def contributions(self) -> Iterator[tuple[int, int, int]]:
        """Iterate over what the linker's inputs cover: RVA, size in bytes, module."""
        for row in self._pdb.section_contributions():
            rva = self.rva(row.segment, row.offset)
            if rva is not None and row.size > 0:
                yield rva, row.size, row.module_index

    def symbols(self) -> Iterator[RawSymbol]:
        """Iterate over procedures, publics and data in the file's order. Raises CorruptDump, LimitExceeded."""
        for number, symbol in enumerate(self._all_symbols()):
            if number >= SYMBOL_LIMIT:
                raise LimitExceeded(self.name, f"PDB with more than {SYMBOL_LIMIT} symbols")
            yield symbol

    def _all_symbols(self) -> Iterator[RawSymbol]:
        with _guard(self.name):
            for module in self._own_modules():
                yield from self._module_symbols(module)
            index = self._pdb.dbi.symrecord_stream_index
            yield from self._records(self.stream(index), _GLOBAL_KINDS, NO_MODULE)

    def _own_modules(self) -> Iterator[int]:
        """Iterate over the modules whose stream no earlier module has claimed."""
        seen: set[int] = set()
        for module in self._pdb.dbi.modules:
            if module.has_symbols and module.sym_stream not in seen:
                seen.add(module.sym_stream)
                yield module.index

    def _module_symbols(self, module: int) -> Iterator[RawSymbol]:
        return self._records(self._symbol_bytes(module), _MODULE_KINDS, module)

    def _symbol_bytes(self, module: int) -> bytes:
        return self._pdb.module_symbol_bytes(self._pdb.dbi.modules[module])  # pyright: ignore[reportUnknownMemberType]

    def _line_bytes(self, module: int) -> bytes:
        return self._pdb.module_c13_bytes(self._pdb.dbi.modules[module])  # pyright: ignore[reportUnknownMemberType]

    def _records(self, body: bytes, kinds: frozenset[int], module: int) -> Iterator[RawSymbol]:
        names: dict[tuple[int, int], str] = {}
        for record in codeview.iter_records(body, kinds=kinds):
            try:
                symbol = self._symbol(record.kind, record.payload, names, module, record.offset)
            except EOFError:
                continue
            if symbol is not None:
                yield symbol

    def _symbol(
        self, kind: int, payload: bytes, names: dict[tuple[int, int], str], module: int, record: int
    ) -> RawSymbol | None:
        """Decode one record; `names` collects those of procedures for the chunks that follow them."""
        size, raw, is_code = 0, PROCEDURE, True
        if kind == codeview.S_PUB32:
            public = codeview.parse_public(payload)
            segment, offset, name, raw = public.segment, public.offset, public.name, PUBLIC
            is_code = bool(public.flags & 3) or self._is_code(segment)
        elif kind in _DATA:
            data = codeview.parse_data(kind, payload)
            segment, offset, name, raw, is_code = data.segment, data.offset, data.name, DATA, False
        elif kind == codeview.S_SEPCODE:
            chunk = codeview.parse_sepcode(payload)
            segment, offset, size, raw = chunk.segment, chunk.offset, chunk.length, CHUNK
            name = names.get((chunk.parent_segment, chunk.parent_offset), "")
        elif kind == codeview.S_THUNK32:
            thunk = codeview.parse_thunk(payload)
            segment, offset, name, size = thunk.segment, thunk.offset, thunk.name, thunk.length
        else:
            procedure = codeview.parse_proc(kind, payload)
            segment, offset, name, size = procedure.segment, procedure.offset, procedure.name, procedure.code_size
            names[segment, offset] = name
        rva = self.rva(segment, offset)
        return None if rva is None or not name else RawSymbol(raw, rva, size, name, is_code, module, record)

    def _is_code(self, segment: int) -> bool:
        return 1 <= segment <= len(self.sections) and self.sections[segment - 1].is_code

    def module(self, index: int) -> ModuleStream:
        """Read what one object file brought; empty for a module that is not there. Raises CorruptDump."""
        if not 0 <= index < self.module_count:
            return ModuleStream(b"", b"")
        with _guard(self.name):
            return ModuleStream(self._symbol_bytes(index), self._line_bytes(index))

    def has_lines(self) -> bool:
        """Tell whether any module has C13 line records."""
        return any(module.has_lines for module in self._pdb.dbi.modules)


OmapPairs = tuple[list[int], list[int]]
"""RVAs of one layout, ascending, and where each range from there on lies in the other layout (0: nowhere)."""


def _check_claims(view: BinaryView) -> None:
    """Refuse a file whose size, or whose directory's claimed size, is beyond what may be read into memory."""
    if view.size > FILE_LIMIT:
        raise LimitExceeded(view.name, f"PDB of {view.size:#x} bytes")
    directory = view.u32(44)
    if directory > min(DIRECTORY_LIMIT, view.size):
        raise LimitExceeded(view.name, f"PDB stream directory of {directory:#x} bytes", 44)


def _section(section: Section) -> PdbSection:
    end = min(section.virtual_address + section.virtual_size, _MAX32)
    return PdbSection(section.virtual_address, end, section.executable)
