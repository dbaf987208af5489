"""Damaged and hostile PDBs: only bugcheck's own errors, and soon."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import pytest

from bugcheck.errors import BugcheckError, CorruptDump, LimitExceeded
from bugcheck.symbols.pdb.lines import ANNOTATION_LIMIT
from bugcheck.symbols.pdb.open import open_pdb
from bugcheck.symbols.undecorate import undecorate
from tests.symbols.pdb.fixtures import DATA, streams_of, write_msf
from tests.symbols.pdb.mutants import mutants, use


@pytest.mark.parametrize(("name", "seed"), [("x64", 1), ("x86", 2), ("public_x64", 3)])
def test_mutants_end_in_an_answer_or_an_error_of_ours(tmp_path: Path, name: str, seed: int) -> None:
    path = tmp_path / "mutant.pdb"
    outcomes: list[str] = []
    for data in mutants((DATA / f"{name}.pdb").read_bytes(), 60, seed):
        path.write_bytes(data)
        start = time.process_time()
        outcomes.append(use(path, None))
        assert time.process_time() - start < 10
    assert "ok" in outcomes
    assert set(outcomes) - {"ok"}


@pytest.mark.parametrize("size", [1, 31, 32, 55, 56, 57, 4096, 8192, 40000])
def test_cut_off_files(tmp_path: Path, size: int) -> None:
    path = tmp_path / "cut.pdb"
    path.write_bytes((DATA / "x64.pdb").read_bytes()[:size])
    with pytest.raises(BugcheckError):
        open_pdb(path, cache=None)


def test_a_directory_that_claims_gigabytes(tmp_path: Path) -> None:
    data = bytearray((DATA / "x64.pdb").read_bytes())
    struct.pack_into("<I", data, 44, 0xF000_0000)
    path = tmp_path / "large.pdb"
    path.write_bytes(data)
    with pytest.raises(LimitExceeded, match="stream directory"):
        open_pdb(path, cache=None)


def test_modules_that_all_claim_one_stream(tmp_path: Path) -> None:
    # fifty thousand modules, each with the records of the first: each record would be read fifty thousand times
    streams = streams_of((DATA / "x64.pdb").read_bytes())
    dbi = streams[3]
    size = struct.unpack_from("<i", dbi, 24)[0]
    first = dbi[64 : 64 + dbi.index(b"\0", dbi.index(b"\0", 64 + 64) + 1) + 1 - 64]
    first += bytes(-len(first) % 4)
    many = first * 50_000
    streams[3] = dbi[:24] + struct.pack("<i", len(many)) + dbi[28:64] + many + dbi[64 + size :]
    path = tmp_path / "modules.pdb"
    path.write_bytes(write_msf(streams))
    start = time.process_time()
    with open_pdb(path, cache=None) as symbols:
        assert symbols.find("BigFrame") is not None
    assert time.process_time() - start < 10


def test_a_procedure_of_nothing_but_annotations(tmp_path: Path) -> None:
    streams = streams_of((DATA / "x64.pdb").read_bytes())
    module = struct.unpack_from("<H", streams[3], 64 + 34)[0]
    symbols_size, _, lines_size = struct.unpack_from("<III", streams[3], 64 + 36)
    old = streams[module]
    at = old.index(b"WithInlines\0") - 39
    site = struct.pack("<HHIII", 0xFF00 + 14, 0x114D, 0, 0, 0x1000) + bytes([3, 1]) * (0xFF00 // 2)
    body = old[4:at] + old[at:][: 2 + struct.unpack_from("<H", old, at)[0]] + site * 100
    made = bytearray(old[:4] + body)
    struct.pack_into("<I", made, at + 8, len(made))
    streams[module] = bytes(made) + old[symbols_size : symbols_size + lines_size]
    dbi = bytearray(streams[3])
    struct.pack_into("<I", dbi, 64 + 36, len(made))
    streams[3] = bytes(dbi)
    assert len(made) > 4 * ANNOTATION_LIMIT
    path = tmp_path / "annotations.pdb"
    path.write_bytes(write_msf(streams))
    with open_pdb(path, cache=None) as symbols:
        start = time.process_time()
        assert symbols.line_at(0x1020) is not None
        assert time.process_time() - start < 10


def test_names_that_expand_without_end() -> None:
    name = "?f@@YAXP6AXHH@Z" + "".join(f"P6AX{str(level) * 50}@Z" for level in range(9)) + "@Z"
    assert len(undecorate(name, full=True)) <= 8192
    assert undecorate("?" * 100_000) == "?" * 100_000
    assert undecorate("_Z" + "S_" * 2000) == "_Z" + "S_" * 2000


def test_a_type_stream_that_lies_about_itself(tmp_path: Path) -> None:
    streams = streams_of((DATA / "x64.pdb").read_bytes())
    streams[2] = struct.pack("<5I", 20040203, 56, 0x1000, 0xFFFF_FFFF, 0).ljust(56, b"\0")
    path = tmp_path / "types.pdb"
    path.write_bytes(write_msf(streams))
    with pytest.raises(CorruptDump, match="type stream"):
        open_pdb(path, cache=None)
