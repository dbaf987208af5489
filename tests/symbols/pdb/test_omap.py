"""Images whose code was moved after linking: the x64 fixture with OMAP streams of our own.

Layout: WithInlines (source 0x1010 to 0x1060) went to 0x5000; the second half of BigFrame (0x10c0 to 0x10ef) went below
its first half, to 0x4800; EntryPoint (0x10f0) was left out; all else stayed.  The rule of OMAP: dbghelp.h, OMAP.
"""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from bugcheck.symbols.pdb.index import PdbSymbols
from bugcheck.symbols.pdb.open import open_pdb
from tests.symbols.pdb.fixtures import DATA, debug_slots, expected, streams_of, with_debug_streams

MOVED, HALF = 0x5000, 0x4800
FROM_SOURCE = [(0x1000, 0x1000), (0x1010, MOVED), (0x1060, 0x1060), (0x10C0, HALF), (0x10F0, 0), (0x1130, 0x1130)]
TO_SOURCE = [(0x1000, 0x1000), (0x1010, 0), (0x1060, 0x1060), (0x10C0, 0), (0x1130, 0x1130), (HALF, 0x10C0)]
TO_SOURCE += [(HALF + 0x30, 0), (MOVED, 0x1010), (MOVED + 0x50, 0)]


@pytest.fixture
def symbols(tmp_path: Path) -> PdbSymbols:
    data = (DATA / "x64.pdb").read_bytes()
    streams = streams_of(data)
    sections = streams[debug_slots(streams[3])[1][5]]
    added = {3: _pairs(TO_SOURCE), 4: _pairs(FROM_SOURCE), 10: sections}
    path = tmp_path / "omap.pdb"
    path.write_bytes(with_debug_streams(data, added))
    return open_pdb(path, cache=tmp_path)


def _pairs(rows: list[tuple[int, int]]) -> bytes:
    return b"".join(struct.pack("<II", *row) for row in rows)


def test_moved_code_keeps_its_name(symbols: PdbSymbols) -> None:
    moved = symbols.find("WithInlines")
    assert moved is not None
    assert moved.rva == MOVED
    assert symbols.nearest(MOVED + 0x11) == moved
    assert symbols.nearest(0x1010 + 0x11) is None  # nothing of the source is there any more
    assert symbols.nearest(MOVED + 0x50) is None
    stayed = symbols.nearest(0x1003)
    assert stayed is not None
    assert (stayed.name, stayed.rva) == ("Leaf", 0x1000)


def test_the_offset_in_a_split_function_is_that_of_the_source(symbols: PdbSymbols) -> None:
    start = next(rva for rva, name, _ in expected("x64")["procedures"] if name == "BigFrame")
    found = symbols.nearest(HALF + 4)
    assert found is not None
    assert found.name == "BigFrame"
    assert HALF + 4 - found.rva == 0x10C4 - start


def test_code_that_was_left_out_is_not_found(symbols: PdbSymbols) -> None:
    assert symbols.find("EntryPoint") is None
    assert "EntryPoint" not in [symbol.name for symbol in symbols.symbols()]
    addresses = [symbol.rva for symbol in symbols.symbols()]
    assert addresses == sorted(addresses)
    assert MOVED in addresses


def test_lines_and_inlined_calls_move_with_the_code(symbols: PdbSymbols) -> None:
    with open_pdb(DATA / "x64.pdb", cache=None) as source:
        for offset in range(0x50):
            assert symbols.line_at(MOVED + offset) == source.line_at(0x1010 + offset)
            assert symbols.inlines_at(MOVED + offset) == source.inlines_at(0x1010 + offset)
