"""The cache on disk: nothing under its final name but by rename, and markers that are believed for a while."""

from __future__ import annotations

from pathlib import Path

import pytest

from bugcheck.errors import DumpError
from bugcheck.symbols.cache import SymbolCache
from tests.symbols.store_builders import wanted_pdb

SERVER = "https://server.test/symbols"
NOW = 1_800_000_000.0


def test_private_names_never_meet(tmp_path: Path) -> None:
    cache = SymbolCache(tmp_path)
    names = {cache.private_path(wanted_pdb()) for _ in range(100)}
    assert len(names) == 100
    assert cache.path_of(wanted_pdb()) not in names


def test_adopting_replaces_in_one_step(tmp_path: Path) -> None:
    cache = SymbolCache(tmp_path)
    for content in (b"first", b"second"):
        new = cache.private_path(wanted_pdb())
        new.write_bytes(content)
        assert cache.adopt(new, wanted_pdb()).read_bytes() == content
        assert not new.exists()


def test_what_a_faster_process_left_is_as_good(tmp_path: Path) -> None:
    cache = SymbolCache(tmp_path)
    new = cache.private_path(wanted_pdb())
    with pytest.raises(DumpError):
        cache.adopt(new, wanted_pdb())  # neither is there
    cache.path_of(wanted_pdb()).write_bytes(b"theirs")
    assert cache.adopt(new, wanted_pdb()).read_bytes() == b"theirs"


def test_parts_are_taken_over_once(tmp_path: Path) -> None:
    cache = SymbolCache(tmp_path)
    now = tmp_path.stat().st_mtime
    mine, validator, size = cache.take_part(wanted_pdb(), "server1", now)
    assert (validator, size) == ("", 0)
    mine.write_bytes(b"half")
    cache.leave_part(mine, "server1", "abc")
    assert cache.take_part(wanted_pdb(), "server2", now)[2] == 0
    taken, validator, size = cache.take_part(wanted_pdb(), "server1", now)
    assert (validator, size) == ("abc", 4)
    assert cache.take_part(wanted_pdb(), "server1", now)[2] == 0
    cache.leave_part(taken, "server1", "")  # of no use without a validator
    assert not taken.exists()
    assert cache.take_part(wanted_pdb(), "server1", now)[2] == 0


def test_markers(tmp_path: Path) -> None:
    cache = SymbolCache(tmp_path)
    assert cache.missing_since(wanted_pdb(), SERVER, NOW, 100) is None
    cache.note_missing(wanted_pdb(), SERVER, NOW)
    assert cache.missing_since(wanted_pdb(), SERVER, NOW + 99, 100) == NOW
    assert cache.missing_since(wanted_pdb(), SERVER, NOW + 100, 100) is None
    assert cache.missing_since(wanted_pdb(), SERVER, NOW - 1, 100) is None  # the clock was set back
    assert cache.missing_since(wanted_pdb(), "https://other.test", NOW, 100) is None
    (marker,) = tmp_path.rglob("*.missing")
    for damaged in (b"", b"x", b"\xff\xfe", b"9" * 5000, f"{int(NOW)} elsewhere".encode()):
        marker.write_bytes(damaged)
        assert cache.missing_since(wanted_pdb(), SERVER, NOW, 100) is None


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    cache = SymbolCache(blocked)
    with pytest.raises(DumpError, match="cannot be made"):
        cache.private_path(wanted_pdb())
    cache.note_missing(wanted_pdb(), SERVER, NOW)  # silently: it only saves time
