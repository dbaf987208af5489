"""Names and addresses, beside llvm-pdbutil's lists (committed) and symbolic's look-ups (where it is installed)."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from bugcheck.symbols.pdb.open import open_pdb
from bugcheck.symbols.symbols import Symbol
from tests.symbols.pdb.fixtures import DATA, NAMES, expected, open_fixture, streams_of, write_msf


@pytest.mark.parametrize("name", NAMES)
def test_publics_are_those_of_llvm_pdbutil(name: str) -> None:
    with open_fixture(name) as symbols:
        ours = {(symbol.rva, symbol.decorated or symbol.name) for symbol in symbols.symbols()}
        assert expected(name)["publics"]
        for rva, decorated, _ in expected(name)["publics"]:
            assert (rva, decorated) in ours
            found = symbols.find(decorated)
            assert found is not None
            assert found.rva == rva


@pytest.mark.parametrize("name", NAMES)
def test_procedures_are_those_of_llvm_pdbutil(name: str) -> None:
    with open_fixture(name) as symbols:
        ours = [[s.rva, s.name, s.size] for s in symbols.symbols() if s.kind == "function"]
        assert ours == expected(name)["procedures"]
        assert symbols.has_functions == bool(ours)


@pytest.mark.parametrize("name", ["x64", "x86", "arm64"])
def test_every_byte_of_a_procedure_has_its_name_and_what_lies_between_has_none(name: str) -> None:
    with open_fixture(name) as symbols:
        covered: dict[int, str] = {}
        for rva, procedure, size in expected(name)["procedures"]:
            covered.update(dict.fromkeys(range(rva, rva + size), procedure))
        for rva in range(0x1000, 0x2000):
            found = symbols.nearest(rva)
            assert (found.name if found else None) == covered.get(rva), hex(rva)


def test_a_stripped_pdb_names_code_by_its_publics() -> None:
    with open_fixture("public_x64") as symbols, open_fixture("x64") as private:
        assert not symbols.has_functions
        for rva, name, flags in expected("public_x64")["publics"]:
            if flags == "function":
                inside = symbols.nearest(rva + 3)
                assert inside is not None
                assert (inside.rva, inside.decorated or inside.name, inside.kind) == (rva, name, "public")
        # BigFrame is static: no public names it, and the public before it must not either (the code is x64.pdb's).
        hidden = private.find("BigFrame")
        assert hidden is not None
        assert symbols.nearest(hidden.rva + 8) is None
        assert symbols.line_at(0x1000) is None
        assert symbols.inlines_at(0x1000) == ()


def test_a_public_reaches_no_further_than_its_section() -> None:
    with open_fixture("public_x64") as symbols:
        last = max(rva for rva, _, flags in expected("public_x64")["publics"] if flags == "function")
        assert symbols.nearest(last) is not None
        for outside in (0, 0xFFF, 0x1FFF, 0x9000, 0xFFFF_FFFF):
            assert symbols.nearest(outside) is None


def test_without_contributions_the_next_symbol_ends_a_public(tmp_path: Path) -> None:
    streams = streams_of((DATA / "public_x64.pdb").read_bytes())
    modules, contributions = (int.from_bytes(streams[3][n : n + 4], "little") for n in (24, 28))
    dbi = streams[3][: 64 + modules] + streams[3][64 + modules + contributions :]
    streams[3] = dbi[:28] + bytes(4) + dbi[32:]
    path = tmp_path / "made.pdb"
    path.write_bytes(write_msf(streams))
    with open_pdb(path, cache=None) as symbols:
        publics = [row for row in expected("public_x64")["publics"] if row[2] == "function"]
        for (rva, name, _), (following, _, _) in itertools.pairwise(publics):
            found = symbols.nearest(following - 1)
            assert found is not None
            assert (found.rva, found.decorated or found.name) == (rva, name)


def test_x86_decorations_come_off_and_stay_findable() -> None:
    with open_fixture("x86") as symbols:
        for plain, decorated in (("StdCall", "_StdCall@12"), ("FastCall", "@FastCall@12"), ("Leaf", "_Leaf")):
            by_plain, by_decorated = symbols.find(plain), symbols.find(decorated)
            assert by_plain == by_decorated
            assert by_plain is not None
            assert (by_plain.name, by_plain.decorated, by_plain.kind) == (plain, decorated, "function")
        assert symbols.find("leaf") is None
        assert symbols.find("") is None
        assert symbols.find("\ud800") is None


def test_data_is_named_too() -> None:
    with open_fixture("x64") as symbols:
        counter = symbols.find("StaticCounter")
        assert counter is not None
        assert counter.kind == "data"
        assert symbols.nearest(counter.rva + 2) == counter
        table = symbols.nearest(8208 + 4)
        assert table == Symbol(8208, "shapes::Square::`vftable'", 0, "public", "??_7Square@shapes@@6B@")


def test_symbols_ascend() -> None:
    with open_fixture("x86") as symbols:
        addresses = [symbol.rva for symbol in symbols.symbols()]
        assert addresses == sorted(addresses)


SYMBOLIC = """
import json, sys
from symbolic.debuginfo import Archive
cache = next(Archive.open(sys.argv[1]).iter_objects()).make_symcache()
rows = [[[l.symbol.split("(")[0], l.full_path, l.line] for l in cache.lookup(a)] for a in range(0x1000, 0x1300)]
print(json.dumps(rows))
"""


@pytest.mark.slow
@pytest.mark.skipif(find_spec("symbolic") is None, reason="symbolic is not installed")
@pytest.mark.parametrize("name", ["x64", "x86", "arm64"])
def test_names_lines_and_inlined_calls_equal_symbolic(name: str) -> None:
    path = DATA / f"{name}.pdb"
    run = subprocess.run([sys.executable, "-c", SYMBOLIC, path], capture_output=True, check=True, timeout=60)
    theirs = json.loads(run.stdout)
    with open_pdb(path, cache=None) as symbols:
        for address, frames in zip(range(0x1000, 0x1300), theirs, strict=True):
            found = symbols.nearest(address)
            calls = symbols.inlines_at(address)
            line = symbols.line_at(address)
            names = [call.name for call in calls] + ([found.name] if found else [])
            places = ([line] if line else []) + [(call.file, call.line) for call in calls]
            # symbolic closes "`anonymous namespace'::hidden(int)" at its parenthesis just as the others
            assert names == [frame[0] for frame in frames], hex(address)
            assert [tuple(place) for place in places] == [tuple(frame[1:]) for frame in frames], hex(address)
        assert any(len(frames) == 3 for frames in theirs)
