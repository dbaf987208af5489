"""Lines and inlined calls, beside llvm-pdbutil's line table (committed), the fixtures' source, and made annotations."""

from __future__ import annotations

import pytest

from bugcheck.symbols.pdb.line_records import InlineRow, inline_rows
from bugcheck.symbols.symbols import InlineCall, SourceLine
from tests.symbols.pdb.fixtures import DATA, expected, open_fixture

FIXTURE = "C:\\fixture\\fixture.c"


@pytest.mark.parametrize("name", ["x64", "x86", "arm64"])
def test_lines_are_those_of_llvm_pdbutil(name: str) -> None:
    rows = expected(name)["lines"]
    assert len(rows) > 30
    with open_fixture(name) as symbols:
        for rva, (file, line) in {rva: (file, line) for rva, file, line in rows}.items():
            calls = symbols.inlines_at(rva)
            # llvm-pdbutil lists the outer function's own lines; in inlined code that is the outermost call's place
            outer = SourceLine(calls[-1].file, calls[-1].line) if calls else symbols.line_at(rva)
            assert outer == (file, line), hex(rva)


def line_of(text: str) -> int:
    source = (DATA / "fixture.c").read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(source, 1) if text in line)


def test_nested_inlined_calls_name_their_places() -> None:
    with open_fixture("x64") as symbols:
        function = symbols.find("WithInlines")
        assert function is not None
        chains = {rva: symbols.inlines_at(rva) for rva in range(function.rva, function.rva + function.size)}
        deepest = [rva for rva, chain in chains.items() if len(chain) == 2]
        assert deepest
        for rva in deepest:
            assert chains[rva] == (
                InlineCall("InnerInline", FIXTURE, line_of("int y = InnerInline")),
                InlineCall("OuterInline", FIXTURE, line_of("sum += OuterInline")),
            )
            line = symbols.line_at(rva)
            assert line is not None
            assert line.line in (line_of("StaticCounter ^= x"), line_of("return Leaf(x + 1)"))


def test_methods_carry_their_class() -> None:
    with open_fixture("x64") as symbols:
        names = {call.name for rva in range(0x1000, 0x1300) for call in symbols.inlines_at(rva)}
        assert "shapes::Square::area" in names


def test_no_line_outside_of_code() -> None:
    with open_fixture("x64") as symbols:
        for rva in (0, 0xFFF, 0x2000, 0x100C, 0xFFFF_FFFF):
            assert symbols.line_at(rva) is None
            assert symbols.inlines_at(rva) == ()


def test_annotations_by_the_book() -> None:
    # cvinfo.h: offset 4 and line +1 in one; then +3, line -1; a length of 5 ends the row; 12 has length and offset
    changes = bytes([11, 2 << 4 | 4, 6, 3, 3, 3, 4, 5, 12, 2, 0x81, 0x00])
    assert inline_rows(changes, 7, 10) == [
        InlineRow(4, 7, 7, 11),
        InlineRow(7, 12, 7, 10),
        InlineRow(12 + 0x100, 12 + 0x100 + 2, 7, 10),
    ]


def test_annotations_that_are_none() -> None:
    assert inline_rows(b"", 1, 1) == []
    assert inline_rows(bytes([3]), 1, 1) == []
    assert inline_rows(bytes([99, 1, 4, 4]), 1, 1) == []
    assert inline_rows(bytes([3, 0xFF, 4, 4]), 1, 1) == []
    assert inline_rows(bytes([2, 1, 3, 4, 4, 4]), 1, 1) == []  # code in another chunk
