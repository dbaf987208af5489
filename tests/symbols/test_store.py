"""Folders and stores on disk: every place a file may lie, and every way it may be the wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from bugcheck.images.identity import ImageId
from bugcheck.symbols.cache import SymbolCache
from bugcheck.symbols.store import Attempt, LocalStore, Search, read_pointer
from bugcheck.symbols.wanted import WantedFile, wanted_file
from tests.images.builders import pe
from tests.symbols.store_builders import GUID, packed, pdb_bytes, put, szdd, wanted_pdb

KEY = GUID.replace("-", "") + "1"
PDB = pdb_bytes()
IMAGE = wanted_file(ImageId("drv.sys", 0x5F5E1000, 0x3000))


@pytest.mark.parametrize(
    "place",
    [
        # "For each directory in the symbol path, the debugger looks in three directories" (symbol-path)
        ("nt.pdb",),
        ("sys", "nt.pdb"),
        ("dll", "nt.pdb"),
        ("symbols", "exe", "nt.pdb"),
        ("nt.pdb", KEY, "nt.pdb"),
        ("NT.PDB", KEY.lower(), "Nt.pdb"),  # a store filled on Windows, read on Linux
    ],
)
def test_a_pdb_is_found(place: tuple[str, ...], tmp_path: Path) -> None:
    path = put(tmp_path, PDB, *place)
    found = LocalStore(tmp_path).search(wanted_pdb())
    assert found.matched
    assert found.path == path
    assert found.attempts[-1].outcome == "found"


@pytest.mark.parametrize("place", [("drv.sys",), ("sys", "drv.sys"), ("drv.sys", "5F5E10003000", "drv.sys")])
def test_an_image_is_found(place: tuple[str, ...], tmp_path: Path) -> None:
    path = put(tmp_path, pe(), *place)
    assert LocalStore(tmp_path).search(IMAGE).path == path


def test_two_tiers(tmp_path: Path) -> None:
    # "Symbol Store Folder Tree": D:\SymStore\Symbols\nt\ntdll.dll\… when index2.txt is there
    path = put(tmp_path, PDB, "nt", "nt.pdb", KEY, "nt.pdb")
    assert LocalStore(tmp_path).search(wanted_pdb()).path is None
    put(tmp_path, b"", "index2.txt")
    assert LocalStore(tmp_path).search(wanted_pdb()).path == path
    assert SymbolCache(tmp_path).path_of(wanted_pdb()) == path


@pytest.mark.parametrize("form", ["{}", "PATH:{}", "PATH:{}\r\n", "\ufeff{}\0"])
def test_a_pointer_is_followed(form: str, tmp_path: Path) -> None:
    # "Symbol Storage Format": file.ptr contains the path
    target = put(tmp_path / "elsewhere", PDB, "build", "nt.pdb")
    put(tmp_path / "store", form.format(target).encode(), "nt.pdb", KEY, "file.ptr")
    assert LocalStore(tmp_path / "store").search(wanted_pdb()).path == target


def test_a_pointer_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    for text, outcome in (
        ("/no/such/nt.pdb", "damaged"),
        ("MSG: Filtered", "refused"),
        ("", "refused"),
        ("a\0b", "refused"),
    ):
        put(tmp_path, text.encode(), "nt.pdb", KEY, "file.ptr")
        attempt = LocalStore(tmp_path).search(wanted_pdb()).attempts[-1]
        assert attempt.outcome == outcome, text


def test_read_pointer() -> None:
    assert read_pointer(b"path:\\\\mybuilds\\symbols\\acpi.dbg\r\n") == "\\\\mybuilds\\symbols\\acpi.dbg"


@pytest.mark.parametrize("pack", [packed, szdd])
def test_compressed_files_are_unpacked_into_the_cache(pack: object, tmp_path: Path) -> None:
    put(tmp_path / "store", pack(PDB), "nt.pdb", KEY, "nt.pd_")  # pyright: ignore
    without = LocalStore(tmp_path / "store").search(wanted_pdb())
    assert without.path is None
    assert without.attempts[-1].outcome == "skipped"
    found = LocalStore(tmp_path / "store", SymbolCache(tmp_path / "cache")).search(wanted_pdb())
    assert found.path == tmp_path / "cache" / "nt.pdb" / KEY / "nt.pdb"
    assert found.path.read_bytes() == PDB
    assert [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()] == ["nt.pdb"]


@pytest.mark.parametrize(
    ("data", "outcome", "words"),
    [
        (pdb_bytes(age=2), "mismatch", "age 2, wanted was"),
        (pdb_bytes("00000000-0000-0000-0000-000000000001"), "mismatch", "a PDB {00000000"),
        (pe(), "mismatch", "an image with TimeDateStamp 5F5E1000"),
        (PDB[:700], "damaged", ""),
        (b"BSJB" + bytes(100), "damaged", ".NET"),
        (b"", "damaged", "empty"),
        (b"garbage", "damaged", "no symbol file"),
    ],
)
def test_the_wrong_file_is_told(data: bytes, outcome: str, words: str, tmp_path: Path) -> None:
    put(tmp_path, data, "nt.pdb")
    found = LocalStore(tmp_path).search(wanted_pdb())
    assert found.path is None
    assert found.attempts[0].outcome == outcome
    assert words in found.attempts[0].detail


def test_the_right_file_behind_a_wrong_one(tmp_path: Path) -> None:
    put(tmp_path, pdb_bytes(age=2), "nt.pdb")
    right = put(tmp_path, PDB, "nt.pdb-dir", "x")
    right.rename(tmp_path / "x")
    path = put(tmp_path, PDB, "symbols", "sys", "nt.pdb")
    assert LocalStore(tmp_path).search(wanted_pdb()).path == path


def test_loose_takes_another_build_and_says_so(tmp_path: Path) -> None:
    path = put(tmp_path, pdb_bytes(age=2), "nt.pdb")
    found = LocalStore(tmp_path).search(wanted_pdb(), loose=True)
    assert found.path == path
    assert not found.matched


def test_the_dbi_age_counts(tmp_path: Path) -> None:
    # pdbstr and stripping raise the age of the PDB stream only
    put(tmp_path, pdb_bytes(age=7, dbi_age=1), "nt.pdb")
    assert LocalStore(tmp_path).search(wanted_pdb()).matched


def test_nothing_there() -> None:
    found = LocalStore("/no/such/folder").search(wanted_pdb())
    assert found.attempts[0].detail == "no such folder"


def test_an_unknown_identity_is_satisfied_by_a_whole_file(tmp_path: Path) -> None:
    put(tmp_path, PDB, "a.pdb", "ABC", "a.pdb")
    assert LocalStore(tmp_path).search(WantedFile("a.pdb", "ABC")).matched


def test_why_a_file_is_not_there() -> None:
    wanted = WantedFile("a.pdb", "0" * 32 + "1")

    def why(*attempts: Attempt) -> str:
        return Search(wanted, None, False, attempts).why_not

    server = "http://example.org/s"
    missing = [Attempt(f"{server}/a.pdb/{wanted.key}/{name}", "missing", "HTTP 404") for name in ("a.pdb", "a.pd_")]
    assert why(*missing) == "none at http://example.org/s (HTTP 404)"
    wrong = Attempt("/sym/a.pdb", "mismatch", "it is another build")
    assert why(wrong, *missing) == "/sym/a.pdb: it is another build"
    down = Attempt(server, "failed", "Connection refused")
    assert why(*missing[:1], down) == "http://example.org/s: Connection refused"
    assert Search(wanted, None, False, (down,)).is_unreachable
    assert not Search(wanted, None, False, tuple(missing)).is_unreachable
    assert why() == "nowhere to look"
