"""Opening: identity, the index on disk, and what becomes of it when something is wrong with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bugcheck.errors import BugcheckError, CorruptDump, DumpError
from bugcheck.images.identity import PdbId
from bugcheck.symbols.pdb.index_file import map_index
from bugcheck.symbols.pdb.open import open_pdb
from tests.symbols.pdb.fixtures import DATA

GUID = "A72AEE59-6C5D-8C5C-4C4C-44205044422E"


@pytest.fixture
def pdb(tmp_path: Path) -> Path:
    return Path(shutil.copy(DATA / "x64.pdb", tmp_path / "x64.pdb"))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "pdb"


def names(pdb: Path, cache: Path | None) -> list[str]:
    with open_pdb(pdb, cache=cache) as symbols:
        return [symbol.name for symbol in symbols.symbols()]


def test_the_index_answers_as_the_pdb_did(pdb: Path, cache: Path) -> None:
    with open_pdb(pdb, cache=cache) as first, open_pdb(pdb, cache=cache) as second, open_pdb(pdb, cache=None) as third:
        for rva in range(0x1000, 0x1200, 7):
            assert first.nearest(rva) == second.nearest(rva) == third.nearest(rva)
            assert first.line_at(rva) == second.line_at(rva) == third.line_at(rva)
        assert first.types is not None
        assert second.types is not None
        assert first.types.layout("_THING") == second.types.layout("_THING")
        assert (second.guid, second.age, second.kind, second.machine) == (first.guid, 1, "pdb", 0x8664)
    assert len(list(cache.iterdir())) == 1


def test_a_warm_index_does_not_import_purepdb(pdb: Path, cache: Path) -> None:
    with open_pdb(DATA / "x86.pdb", cache=cache) as symbols:
        assert symbols.types is not None
    code = (
        "import sys; from bugcheck.symbols.pdb.open import open_pdb\n"
        "s = open_pdb(sys.argv[1], cache=sys.argv[2])\n"
        "assert s.find('StdCall').rva and s.nearest(0x1010).name and s.frame_rule(0x1010).program\n"
        "assert s.types.layout('_THING').size\n"
        "heavy = {'purepdb', 'pycxxfilt', 'json', 'pathlib', 'tempfile'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {[p for p in sys.path if p]!r}\n{code}"]
    run = subprocess.run([*command, DATA / "x86.pdb", cache], capture_output=True, text=True, timeout=60)
    assert (run.stdout.strip(), run.stderr) == ("[]", "")


def test_expected_identity(pdb: Path) -> None:
    with open_pdb(pdb, cache=None) as symbols:
        identity = PdbId("x64.pdb", symbols.guid, symbols.age)
    with open_pdb(pdb, cache=None, expect=identity) as symbols:
        assert symbols.matched


@pytest.mark.parametrize("other", [(GUID, 1), ("12345678", 1), ("", 0)])
def test_another_pdb_is_an_error_unless_asked_for(pdb: Path, other: tuple[str, int]) -> None:
    with pytest.raises(DumpError, match="the image asks for"):
        open_pdb(pdb, cache=None, expect=PdbId("x64.pdb", *other))
    with open_pdb(pdb, cache=None, expect=PdbId("x64.pdb", *other), loose=True) as symbols:
        assert not symbols.matched
        assert symbols.find("Leaf") is not None


def test_another_age_is_another_pdb(pdb: Path) -> None:
    with open_pdb(pdb, cache=None) as symbols:
        wanted = PdbId("x64.pdb", symbols.guid, symbols.age + 1)
    with pytest.raises(DumpError, match="age 1, the image asks for"):
        open_pdb(pdb, cache=None, expect=wanted)


def test_a_pdb_that_changed_gets_a_new_index(pdb: Path, cache: Path) -> None:
    before = names(pdb, cache)
    pdb.write_bytes(pdb.read_bytes().replace(b"BigFrame\0", b"BigFreme\0"))
    os.utime(pdb, ns=(1, 1))
    assert [name for name in names(pdb, cache) if name not in before] == ["BigFreme"]
    assert len(list(cache.iterdir())) == 1


@pytest.mark.parametrize("position", [0, 9, 40, 100, 130, 700, 2000, 5000, -20])
def test_a_damaged_index_is_built_again(pdb: Path, cache: Path, position: int) -> None:
    before = names(pdb, cache)
    (index,) = cache.iterdir()
    sound = index.read_bytes()
    damaged = bytearray(sound)
    damaged[position] ^= 0xFF
    index.write_bytes(damaged)
    with open_pdb(pdb, cache=cache) as symbols:
        assert [symbol.name for symbol in symbols.symbols()] == before
        assert symbols.find("Leaf") is not None
        assert symbols.types is not None
        assert symbols.types.layout("_THING") is not None
    again = map_index(str(index))
    assert again is not None
    again.close()


@pytest.mark.parametrize("size", [0, 7, 100, 500, 3000])
def test_a_cut_off_index_is_built_again(pdb: Path, cache: Path, size: int) -> None:
    before = names(pdb, cache)
    (index,) = cache.iterdir()
    sound = index.read_bytes()
    index.write_bytes(sound[:size])
    assert names(pdb, cache) == before
    assert index.read_bytes() == sound


def test_a_cache_that_cannot_be_written_is_done_without(pdb: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    assert "Leaf" in names(pdb, blocked / "cache")
    assert "Leaf" in names(pdb, blocked)


def test_a_pdb_that_is_gone_when_lines_are_needed(pdb: Path, cache: Path) -> None:
    names(pdb, cache)
    with open_pdb(pdb, cache=cache) as symbols:
        pdb.unlink()
        with pytest.raises(DumpError):
            symbols.line_at(0x1000)


def test_a_pdb_that_changed_when_lines_are_needed(pdb: Path, cache: Path) -> None:
    with open_pdb(pdb, cache=cache) as symbols:
        os.utime(pdb, ns=(1, 1))
        with pytest.raises(CorruptDump, match="has changed"):
            symbols.line_at(0x1000)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"MZ",
        b"BSJB" + bytes(100),
        b"Microsoft C/C++ program database 2.00\r\n\x1aJG\0\0" + bytes(100),
        bytes(5000),
    ],
)
def test_files_that_are_no_pdb(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.pdb"
    path.write_bytes(content)
    with pytest.raises(BugcheckError):
        open_pdb(path, cache=None)


def test_paths_that_are_none(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.pdb", "\0"):
        with pytest.raises(DumpError):
            open_pdb(path, cache=None)
