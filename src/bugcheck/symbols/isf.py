"""A Volatility 3 symbol table (ISF) → Symbols and types of a Windows image.

Source: Volatility 3's schemas (volatility3/schemas) for the form; corpus/symbols/isf for real ones.

Folklore:
    Tables hold publics without sizes, code and data alike, and no lines.  Which names can be a function's, and how far
    one reaches, is `code_names`; given the image's sections, a name is believed within its own section only.
    One address may have several names (identical functions folded): the first in the alphabet is given, functions'
    names before others.
    Volatility cuts one leading underscore off every name ("linkage_name" keeps it), as WinDbg does.
    A table is 5 to 20 MB of JSON and takes a second to read; the index made of it opens in milliseconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from bugcheck.binary import BinaryView
from bugcheck.errors import CorruptDump, DumpError, LimitExceeded
from bugcheck.images.identity import PdbId
from bugcheck.images.pe_header import Section
from bugcheck.symbols import isf_index
from bugcheck.symbols.code_names import REACH, is_constant, is_function_name, is_label
from bugcheck.symbols.isf_index import BASE, ENUM, FACTS, TYPE, IsfIndex, Source
from bugcheck.symbols.isf_types import IsfTypes, Json
from bugcheck.symbols.symbols import Symbol, Symbols
from bugcheck.symbols.types import TypeTable
from bugcheck.symbols.undecorate import undecorate

SIZE_LIMIT = 48 << 20
"""Bytes of JSON; the largest ntkrnlmp tables have 20 MB when pretty-printed."""

OBJECT_LIMIT = 1_500_000
"""Braces and brackets in the JSON, counted before it is read; ntkrnlmp tables have 120,000."""

NAME_LIMIT = 0x1000
SUFFIXES = (".json", ".json.xz", ".json.gz")
EXECUTE = 0x2000_0000
"""IMAGE_SCN_MEM_EXECUTE."""

_LABELS_SKIPPED = 64


class IsfSymbols(Symbols):
    """Symbols of a Volatility table.

    Attributes:
        pdb: which PDB the table was made from.
        sections: the image's, () when they are not known; they tell code from data.
    """

    kind = "isf"

    def __init__(self, index: IsfIndex, source: str, matched: bool, sections: Sequence[Section] = ()) -> None:
        self._index = index
        self.source = source
        self.matched = matched
        self.sections = tuple(sections)
        self.pdb = _pdb_of(self._entry(FACTS, "pdb"))
        self._types = IsfTypes(self._entry)

    def nearest(self, rva: int) -> Symbol | None:
        """Find the name at `rva`, or the function (in data: the object) below it that plausibly covers it."""
        found = self._index.at_or_below(rva)
        if found and self._index.rvas[found[0]] == rva:
            return self._symbol(self._best(found))
        section = self._section(rva)
        if section is not None and not section.characteristics & EXECUTE:
            inside = found and self._index.rvas[found[0]] >= section.rva
            return self._symbol(self._best(found), "data") if inside else None
        return self._function(rva, section)

    def _function(self, rva: int, section: Section | None) -> Symbol | None:
        """Find the function below: labels inside it are skipped, constants end the search."""
        lowest = max(rva - REACH, section.rva if section else 0)
        found = self._index.at_or_below(rva)
        for _ in range(_LABELS_SKIPPED):
            if not found or self._index.rvas[found[0]] < lowest:
                return None
            best = self._best(found)
            name = self._index.name(best)
            if not is_label(name):
                return None if is_constant(name) else self._symbol(best)
            found = self._index.at_or_below(self._index.rvas[found[0]] - 1)
        return None

    def _best(self, symbols: range) -> int:
        named = (symbol for symbol in symbols if is_function_name(self._index.name(symbol)))
        return next(named, symbols[0])

    def _section(self, rva: int) -> Section | None:
        return next((section for section in self.sections if 0 <= rva - section.rva < section.extent), None)

    def _symbol(self, symbol: int, kind: str = "") -> Symbol:
        rva, name = self._index.rvas[symbol], self._index.name(symbol)
        if not kind:
            section = self._section(rva)
            in_data = section is not None and not section.characteristics & EXECUTE
            kind = "data" if in_data or is_constant(name) else "public"
        plain = undecorate(name) if name.startswith("?") else name
        return Symbol(rva, plain, kind=kind, decorated="" if plain == name else name)

    def find(self, name: str) -> Symbol | None:
        """Find a symbol by its name, as the table has it or with the underscore that the table cuts off."""
        found = self._index.find(name)
        if found is None and name.startswith("_"):
            found = self._index.find(name[1:])
        return None if found is None else self._symbol(found)

    def symbols(self) -> Iterator[Symbol]:
        """Iterate over all symbols, ascending by address."""
        for symbol in range(self._index.symbol_count):
            yield self._symbol(symbol)

    @property
    def types(self) -> TypeTable | None:
        """Structures, unions and enumerations."""
        return self._types

    def _entry(self, kind: int, name: str) -> Json:
        raw = self._index.entry(kind, name)
        return _dictionary(json.loads(raw)) if raw is not None else {}


def open_isf(
    path: str,
    *,
    cache: str | None = None,
    expect: PdbId | None = None,
    loose: bool = False,
    sections: Sequence[Section] = (),
) -> IsfSymbols:
    """Open a table (.json, .json.xz, .json.gz), through its index in the folder `cache` when there is one.

    Raises:
        DumpError: the file is no such table, too large, or of another PDB than `expect` (unless `loose`).
    """
    index = _open_index(path, cache)
    symbols = IsfSymbols(index, path, True, sections)
    if expect is not None and not _same(symbols.pdb, expect):
        symbols.matched = False
        if not loose:
            found = f"{{{symbols.pdb.guid}}} age {symbols.pdb.age}" if symbols.pdb else "no PDB"
            raise DumpError(path, f"it is a table of {found}, wanted was {{{expect.guid}}} age {expect.age}")
    return symbols


def _same(found: PdbId | None, wanted: PdbId) -> bool:
    return found is not None and found.key.upper() == wanted.key.upper()


def _open_index(path: str, cache: str | None) -> IsfIndex:
    try:
        status = Path(path).stat()
        source = Source(status.st_size, status.st_mtime_ns)
        saved = _index_path(cache, Path(path).resolve()) if cache else None
    except (OSError, ValueError) as error:
        raise DumpError(path, f"cannot be read: {error}") from error
    index = isf_index.load(saved, source) if saved else None
    if index is None:
        data = read_isf(_unpacked(path), path, source)
        if saved:
            isf_index.save(saved, data)
        index = isf_index.read(data)
    if index is None:
        raise CorruptDump(path, "the table cannot be indexed")
    return index


def _index_path(cache: str, path: Path) -> Path:
    from hashlib import sha256

    return Path(cache) / f"{sha256(str(path).encode('utf-8', 'replace')).hexdigest()[:24]}.isfindex"


def _unpacked(path: str) -> bytes:
    """Read a table's JSON, unpacked by what the file is and not by its name."""
    import gzip
    import lzma
    import zlib

    from bugcheck.archives.files import map_file

    view: BinaryView = map_file(path)
    head = view.read_up_to(0, 6)
    opener = lzma.open if head == b"\xfd7zXZ\0" else gzip.open if head[:2] == b"\x1f\x8b" else open
    try:
        with opener(path, "rb") as file:
            data = file.read(SIZE_LIMIT + 1)
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise CorruptDump(path, f"cannot be unpacked: {error or type(error).__name__}") from error
    if len(data) > SIZE_LIMIT:
        raise LimitExceeded(path, f"more than {SIZE_LIMIT:#x} bytes of JSON (the limit)")
    return data


def read_isf(data: bytes, name: str, source: Source) -> bytes:
    """Read a table's JSON and lay out its index. Raises DumpError when it is no table of a Windows image."""
    if data.count(b"{") + data.count(b"[") > OBJECT_LIMIT:
        raise LimitExceeded(name, f"a table of more than {OBJECT_LIMIT} objects (the limit)")
    try:
        table = _dictionary(json.loads(data))
    except (ValueError, RecursionError) as error:
        raise CorruptDump(name, f"no JSON: {str(error)[:200]}") from error
    symbols = _dictionary(table.get("symbols"))
    types = _dictionary(table.get("user_types"))
    if not symbols and not types:
        raise CorruptDump(name, "no Volatility symbol table")
    entries: dict[tuple[int, str], str] = {}
    for kind, section in (
        (TYPE, types),
        (ENUM, _dictionary(table.get("enums"))),
        (BASE, _dictionary(table.get("base_types"))),
    ):
        for key, value in section.items():
            if isinstance(value, dict) and len(key) <= NAME_LIMIT:
                entries[kind, key] = json.dumps(value, separators=(",", ":"))
    entries[FACTS, "pdb"] = json.dumps(_pdb_facts(table))
    return isf_index.build(_addresses(symbols), entries, source)


def _addresses(symbols: Json) -> Iterator[tuple[int, str]]:
    for name, value in symbols.items():
        rva = _dictionary(value).get("address")
        if isinstance(rva, int) and 0 <= rva < 1 << 32 and len(name) <= NAME_LIMIT:
            yield rva, name


def _pdb_facts(table: Json) -> Json:
    return _dictionary(_dictionary(_dictionary(table.get("metadata")).get("windows")).get("pdb"))


def _pdb_of(facts: Json) -> PdbId | None:
    """Read which PDB a table was made from. The GUID has 32 digits without dashes."""
    guid, age, name = facts.get("GUID"), facts.get("age"), facts.get("database")
    if not isinstance(guid, str) or not isinstance(age, int) or len(guid.replace("-", "")) != 32:
        return None
    digits = guid.replace("-", "").upper()
    dashed = "-".join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]])
    return PdbId(name if isinstance(name, str) else "", dashed, age)


def _dictionary(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
