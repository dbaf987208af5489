"""Breakpad files: every kind of record, the corpus against symbolic, and hostile files."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bugcheck.errors import BugcheckError, CorruptDump, DumpError
from bugcheck.images.identity import PdbId
from bugcheck.symbols.breakpad import BreakpadSymbols, open_breakpad
from bugcheck.symbols.breakpad_reader import read_records
from bugcheck.symbols.symbols import FpoRecord, FrameData, InlineCall, SourceLine

# every record as docs/symbol_files.md describes it
TEXT = r"""MODULE windows x86 5A9832E5287241C1838ED98914E9B7FF1 test app.pdb
INFO CODE_ID 5AB380779000 test app.exe
FILE 1 c:\src\with space.cc
FILE 2 c:\src\other.h
INLINE_ORIGIN 7 foo::bar(int)
INLINE_ORIGIN 8 2 old style
FUNC m 1000 54 c `anonymous namespace'::function(int, char)
INLINE 0 20 1 7 1004 10 1030 4
INLINE 1 30 2 8 1008 4
1000 4 10 1
1004 10 11 2
1014 10 0 1
FUNC 1100 20 0 second
PUBLIC m 1200 4 ?Third@Class@@QAEXXZ
STACK WIN 4 1000 54 6 0 8 4 14 30 1 $T0 $ebp = $eip $T0 4 + ^ =
STACK WIN 4 1010 4 0 0 8 4 18 30 1 inner
STACK WIN 0 1000 200 3 0 8 c 24 0 0 1
STACK WIN 2 1300 10 0 0 0 0 0 0 0 0
STACK CFI INIT 1100 20 .cfa: $esp 4 + .ra: .cfa 4 - ^
STACK CFI 1101 .cfa: $esp 8 +
STACK CFI 1110 $ebp: .cfa 8 - ^
"""


def read(text: str = TEXT) -> BreakpadSymbols:
    return BreakpadSymbols(read_records(text.encode(), "t.sym"), "t.sym")


def test_names() -> None:
    symbols = read()
    assert (symbols.architecture, symbols.key, symbols.module_name) == (
        "x86",
        "5A9832E5287241C1838ED98914E9B7FF1",
        "test app.pdb",
    )
    first = symbols.nearest(0x1053)
    assert first == (0x1000, "`anonymous namespace'::function(int, char)", 0x54, "function", "")
    assert symbols.nearest(0x1054) is None  # between functions
    assert symbols.nearest(0xFFF) is None
    third = symbols.nearest(0x1280)
    assert third is not None
    assert (third.rva, third.name, third.decorated) == (0x1200, "Class::Third", "?Third@Class@@QAEXXZ")
    assert symbols.nearest(0x1200 + 0x8001) is None
    assert symbols.find("Class::Third") == symbols.find("?Third@Class@@QAEXXZ") == third
    assert symbols.find("fourth") is None
    assert [symbol.rva for symbol in symbols.symbols()] == [0x1000, 0x1100, 0x1200]
    assert symbols.has_functions
    assert symbols.gaps == ()


def test_lines_and_inlined_calls() -> None:
    symbols = read()
    assert symbols.line_at(0x1003) == SourceLine(r"c:\src\with space.cc", 10)
    assert symbols.line_at(0x1004) == SourceLine(r"c:\src\other.h", 11)
    assert symbols.line_at(0x1014) is None
    assert symbols.line_at(0x1100) is None
    outer = InlineCall("foo::bar(int)", r"c:\src\with space.cc", 20)
    assert symbols.inlines_at(0x1004) == (outer,)
    assert symbols.inlines_at(0x1008) == (InlineCall("old style", r"c:\src\other.h", 30), outer)
    assert symbols.inlines_at(0x1031) == (outer,)
    assert symbols.inlines_at(0x1040) == ()


def test_frame_rules() -> None:
    symbols = read()
    outer, inner, fpo = (symbols.frame_rule(rva) for rva in (0x1000, 0x1011, 0x1060))
    assert outer == FrameData(0x1000, 0x54, 0x14, 8, 0x30, 6, 4, False, True, "$T0 $ebp = $eip $T0 4 + ^ =")
    assert isinstance(inner, FrameData)
    assert (inner.locals_size, inner.is_function_start, inner.program) == (0x18, False, "inner")
    assert fpo == FpoRecord(0x1000, 0x200, 0x24, 8, 3, 0xC, True, False, 0)
    assert symbols.frame_rule(0x1300) is None


def test_call_frame_information_is_kept() -> None:
    symbols = read()
    assert symbols.call_frame_rules(0x1100) == (".cfa: $esp 4 + .ra: .cfa 4 - ^",)
    assert len(symbols.call_frame_rules(0x110F)) == 2
    assert len(symbols.call_frame_rules(0x111F)) == 3
    assert symbols.call_frame_rules(0x1120) == ()


def test_what_is_no_breakpad_file() -> None:
    for text in ("", "FUNC 1 2 3 x", "MODULE windows x86\n", "MODULE \n"):
        with pytest.raises(CorruptDump):
            read(text)


def test_unreadable_lines_are_counted() -> None:
    bad = "FUNC\nFUNC x y z w\n1 2 3\n1 2 99999999999 1\n1 2 -3 1\nSTACK WIN 4 1\n"
    bad += "INLINE 0 1\nFILE a b\nPUBLIC 123456789 0 n\n"
    symbols = read(TEXT + bad)
    assert symbols.gaps[0].missing == "9 unreadable lines"
    assert symbols.gaps[0].damage
    assert symbols.line_at(0x1003) == SourceLine(r"c:\src\with space.cc", 10)


def test_another_pdb_is_refused_or_marked(tmp_path: Path) -> None:
    path = tmp_path / "t.sym"
    path.write_text(TEXT)
    guid = "5A9832E5-2872-41C1-838E-D98914E9B7FF"
    assert open_breakpad(str(path), expect=PdbId("test app.pdb", guid, 1)).matched
    with pytest.raises(DumpError, match="wanted was"):
        open_breakpad(str(path), expect=PdbId("test app.pdb", guid, 2))
    assert not open_breakpad(str(path), expect=PdbId("test app.pdb", guid, 2), loose=True).matched


def exercise(data: bytes) -> None:
    """Read a file's bytes and use everything in it; only bugcheck's own errors may come."""
    try:
        symbols = BreakpadSymbols(read_records(data, "mutant"), "mutant")
    except BugcheckError:
        return
    for symbol in list(symbols.symbols())[:50]:
        for rva in (symbol.rva, symbol.rva + symbol.size // 2):
            symbols.nearest(rva)
            symbols.line_at(rva)
            symbols.inlines_at(rva)
            symbols.frame_rule(rva)
            symbols.call_frame_rules(rva)
    symbols.find("second")


def test_mutants_are_read_or_refused() -> None:
    source = random.Random(4)
    for _ in range(400):
        data = bytearray(TEXT.encode())
        for _ in range(source.randrange(1, 10)):
            data[source.randrange(len(data))] = source.choice(b" \n0f9-xm:FSI\xff")
        exercise(bytes(data[: source.randrange(len(data))] if source.random() < 0.3 else data))


FILES = [
    "symbols/breakpad/getsentry__symbolic__windows_CrashWithException.pdb.sym",
    "symbols/breakpad/getsentry__symbolic__windows_crash.sym",
    "symbols/breakpad/google__breakpad__dump_syms_regtest64.sym",
    "user/google__breakpad/symbols/kernel32.pdb/BCE8785C57B44245A669896B6A19B9542/kernel32.sym",
    "user/google__breakpad/symbols/linux_inline/BBA6FA10B8AAB33D00000000000000000/linux_inline.new.sym",
    "user/google__breakpad/symbols/overflow/B0E1FC01EF48E39CAF5C881D2DF0C3840/overflow.sym",
]


@pytest.mark.parametrize("name", FILES)
def test_the_corpus_as_symbolic_reads_it(name: str, corpus: Path) -> None:
    """Names, lines and inlined calls at every record's start (symbolic 13, an independent reader)."""
    archive = pytest.importorskip("symbolic.debuginfo").Archive.open(str(corpus / name))
    theirs = next(iter(archive.iter_objects())).make_symcache()
    records = read_records((corpus / name).read_bytes(), name)
    symbols = BreakpadSymbols(records, name)
    assert symbols.gaps == ()
    addresses = {*records.function_rvas, *records.line_rvas, *records.public_rvas}
    assert addresses
    for rva in sorted(addresses):
        frames = theirs.lookup(rva)
        found = symbols.nearest(rva)
        assert (found and (found.decorated or found.name)) == (frames[-1].symbol if frames else None)
        if not frames:
            continue
        line = symbols.line_at(rva)
        assert (line.line if line else 0) == frames[0].line
        inlined = symbols.inlines_at(rva)
        assert [call.name for call in inlined] == [frame.symbol for frame in frames[:-1]]
        assert [(call.file, call.line) for call in inlined] == [(f.full_path, f.line) for f in frames[1:]]


def test_a_public_within_a_function_gives_way(corpus: Path) -> None:
    # docs/symbol_files.md: "If a given address is covered by both …, the processor uses the FUNC data"
    path = corpus / "symbols/breakpad/google__breakpad__dump_syms_regtest.sym"
    found = open_breakpad(str(path)).nearest(0x45DD)
    assert found is not None
    assert found.name == "_NLG_Notify"


@pytest.mark.parametrize(
    ("name", "frames"),
    [
        # grep -c '^STACK WIN [04]'
        ("symbols/breakpad/google__breakpad__omap_reorder_bbs.sym", 2506),
        ("user/google__breakpad/symbols/kernel32.pdb/BCE8785C57B44245A669896B6A19B9542/kernel32.sym", 4210),
        ("user/google__breakpad/symbols/test_app.pdb/5A9832E5287241C1838ED98914E9B7FF1/test_app.sym", 1815),
    ],
)
def test_every_frame_record_is_found_again(name: str, frames: int, corpus: Path) -> None:
    records = read_records((corpus / name).read_bytes(), name)
    assert len(records.frames) == frames
    symbols = BreakpadSymbols(records, name)
    programs = [record for record in records.frames if isinstance(record, FrameData)]
    for record in programs:
        rule = symbols.frame_rule(record.rva)
        assert isinstance(rule, FrameData)
        assert rule.rva == record.rva
