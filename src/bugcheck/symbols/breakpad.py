"""A Breakpad symbol file (.sym) → Symbols, lines, inlined calls and x86 frame rules.

Source: Breakpad's docs/symbol_files.md: a FUNC covers its size, a PUBLIC everything up to the next address mentioned,
and a FUNC goes before a PUBLIC.

Folklore: STACK CFI is of use to unwinders of other systems' code; it is kept as text.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property

from bugcheck.errors import DumpError, LimitExceeded
from bugcheck.gaps import Gap
from bugcheck.images.identity import PdbId
from bugcheck.records import replace
from bugcheck.symbols.breakpad_reader import BreakpadRecords, Inline, read_records
from bugcheck.symbols.code_names import REACH
from bugcheck.symbols.ranges import Ranges
from bugcheck.symbols.symbols import FpoRecord, FrameData, InlineCall, SourceLine, Symbol, Symbols
from bugcheck.symbols.undecorate import undecorate

SIZE_LIMIT = 512 << 20
"""Bytes of a file; Firefox's largest has 400 MB."""

CHANGE_LIMIT = 1000
"""STACK CFI records that follow one INIT record."""

INLINE_LIMIT = 64
"""Inlined calls at one address."""


class BreakpadSymbols(Symbols):
    """Symbols of a Breakpad file.

    Attributes:
        architecture: as the file has it ("x86", "x86_64"). key: GUID and age, as symbol servers write them.
        gaps: lines that could not be read.
    """

    kind = "breakpad"

    def __init__(self, records: BreakpadRecords, source: str, matched: bool = True) -> None:
        self._records = records
        self.source = source
        self.matched = matched
        self.has_functions = bool(records.function_rvas)
        _, self.architecture, self.key, self.module_name = records.module
        self._functions = Ranges(records.function_rvas, records.function_sizes)
        publics = sorted(range(len(records.public_rvas)), key=lambda index: records.public_rvas[index])
        self._publics = publics
        self._public_rvas = [records.public_rvas[index] for index in publics]
        self.gaps = (
            (Gap(f"all records of {source}", f"{records.faults} unreadable lines", damage=True),)
            if records.faults
            else ()
        )

    def nearest(self, rva: int) -> Symbol | None:
        """Find the function that covers `rva`, or the linker symbol below it with no function in between."""
        function = self._functions.at(rva)
        if function is not None:
            return self._function(function)
        after = bisect_right(self._public_rvas, rva)
        if not after or rva - self._public_rvas[after - 1] > REACH:
            return None
        start = self._public_rvas[after - 1]
        before = bisect_right(self._function_starts, rva)
        if before and self._function_starts[before - 1] > start:
            return None
        return self._public(self._publics[after - 1])

    def find(self, name: str) -> Symbol | None:
        """Find a symbol by its name as written, or as the file has it."""
        return self._by_name.get(name)

    def symbols(self) -> Iterator[Symbol]:
        """Iterate over all symbols, ascending by address."""
        functions = (self._function(index) for index in range(len(self._records.function_rvas)))
        publics = (self._public(index) for index in self._publics)
        yield from sorted([*functions, *publics], key=lambda symbol: symbol.rva)

    def line_at(self, rva: int) -> SourceLine | None:
        """Source line of an address; None for code of no line."""
        found = self._lines.at(rva)
        if found is None or not self._records.line_numbers[found]:
            return None
        file = self._records.files.get(self._records.line_files[found], "")
        return SourceLine(file, self._records.line_numbers[found])

    def inlines_at(self, rva: int) -> tuple[InlineCall, ...]:
        """Functions inlined at an address, innermost first."""
        records = self._records
        found = [calls[index] for calls, ranges in self._inlines if (index := ranges.at(rva)) is not None]
        return tuple(
            [InlineCall(records.origins.get(c.origin, ""), records.files.get(c.file, ""), c.line) for c in found]
        )

    def frame_rule(self, rva: int) -> FpoRecord | FrameData | None:
        """x86 frame rule for an address; FrameData before FPO."""
        for records, ranges in self._frames:
            found = ranges.at(rva)
            if found is not None:
                return records[found]
        return None

    def call_frame_rules(self, rva: int) -> tuple[str, ...]:
        """STACK CFI rules in force at an address: those of the INIT record, then the changes up to there."""
        found = self._cfi.at(rva)
        if found is None:
            return ()
        rules = [self._records.cfi[found][2]]
        for index in range(found + 1, min(len(self._records.cfi), found + CHANGE_LIMIT)):
            start, size, text = self._records.cfi[index]
            if size or start > rva:
                break
            rules.append(text)
        return tuple(rules)

    def _function(self, index: int) -> Symbol:
        records = self._records
        rva, size = records.function_rvas[index], records.function_sizes[index]
        return _symbol(rva, records.function_names[index], size, "function")

    def _public(self, index: int) -> Symbol:
        return _symbol(self._records.public_rvas[index], self._records.public_names[index], 0, "public")

    @cached_property
    def _by_name(self) -> dict[str, Symbol]:
        found: dict[str, Symbol] = {}
        for symbol in self.symbols():
            found.setdefault(symbol.name, symbol)
            found.setdefault(symbol.decorated or symbol.name, symbol)
        return found

    @cached_property
    def _function_starts(self) -> list[int]:
        return sorted(self._records.function_rvas)

    @cached_property
    def _lines(self) -> Ranges:
        return Ranges(self._records.line_rvas, self._records.line_sizes)

    @cached_property
    def _inlines(self) -> list[tuple[list[Inline], Ranges]]:
        """Calls by nesting level, the innermost level first."""
        levels: dict[int, list[tuple[int, int, Inline]]] = {}
        for row in self._records.inlines:
            levels.setdefault(row[2].level, []).append(row)
        ordered = [levels[level] for level in sorted(levels, reverse=True)[-INLINE_LIMIT:]]
        return [([row[2] for row in rows], Ranges([r[0] for r in rows], [r[1] for r in rows])) for rows in ordered]

    @cached_property
    def _frames(self) -> list[tuple[list[FpoRecord | FrameData], Ranges]]:
        """Frame rules, those with programs first."""
        kinds: tuple[list[FpoRecord | FrameData], list[FpoRecord | FrameData]] = ([], [])
        starts = set(self._records.function_rvas)
        for record in self._records.frames:
            if isinstance(record, FrameData):
                kinds[0].append(replace(record, is_function_start=record.rva in starts))
            else:
                kinds[1].append(record)
        return [(rows, Ranges([r.rva for r in rows], [r.size for r in rows])) for rows in kinds]

    @cached_property
    def _cfi(self) -> Ranges:
        return Ranges([row[0] for row in self._records.cfi], [row[1] for row in self._records.cfi])


def open_breakpad(path: str, *, expect: PdbId | None = None, loose: bool = False) -> BreakpadSymbols:
    """Open a Breakpad file.

    Raises:
        DumpError: the file is no such file, too large, or of another PDB than `expect` (unless `loose`).
    """
    from bugcheck.archives.files import map_file

    view = map_file(path)
    if view.size > SIZE_LIMIT:
        raise LimitExceeded(path, f"a Breakpad file of {view.size:#x} bytes (limit {SIZE_LIMIT:#x})")
    records = read_records(view.read(0, view.size), path)
    matched = expect is None or records.module[2].upper() == expect.key.upper()
    if not matched and not loose and expect is not None:
        raise DumpError(path, f"it is for {records.module[3]} {records.module[2]}, wanted was {expect.key}")
    return BreakpadSymbols(records, path, matched)


def _symbol(rva: int, name: str, size: int, kind: str) -> Symbol:
    plain = undecorate(name) if name.startswith(("?", "_Z")) else name
    return Symbol(rva, plain, size, kind, "" if plain == name else name)
