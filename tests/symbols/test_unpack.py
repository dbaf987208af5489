"""Compressed symbol files against libmspack and against damage."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bugcheck.binary import BinaryView
from bugcheck.errors import CorruptDump, DumpError, LimitExceeded
from bugcheck.symbols.unpack import is_packed, unpack
from tests.archives.cabinets import STORED, cabinet, lzx_blocks, stored_block
from tests.symbols.store_builders import packed, pdb_bytes, szdd

DATA = pdb_bytes(padding=0x3000)


def unpacked(data: bytes, tmp_path: Path, limit: int = 1 << 20) -> bytes:
    target = tmp_path / "out"
    unpack(BinaryView(data, "in"), target, limit)
    return target.read_bytes()


@pytest.mark.parametrize("pack", [packed, szdd])
def test_whole(pack: object, tmp_path: Path) -> None:
    data = pack(DATA)  # pyright: ignore
    assert is_packed(BinaryView(data, "in"))
    assert unpacked(data, tmp_path) == DATA


def test_stored_and_lzx(tmp_path: Path) -> None:
    assert unpacked(cabinet([("a", 600, 0, 0)], [(STORED, [stored_block(DATA[:600])])]), tmp_path) == DATA[:600]
    small = DATA[:0x3000]
    assert unpacked(cabinet([("a", len(small), 0, 0)], [(3 | 15 << 8, lzx_blocks(small))]), tmp_path) == small


def test_szdd_matches_as_libmspack_does(tmp_path: Path) -> None:
    """Random control bytes, literals and matches: both must unpack alike."""
    from pylibmspack import SzddFile

    source = random.Random(1)
    for _ in range(20):
        body, size = b"", 0
        for _ in range(200):
            control = source.randrange(256)
            body += bytes([control])
            for bit in range(8):
                if control >> bit & 1:
                    body += source.randbytes(1)
                    size += 1
                else:
                    pair = source.randbytes(2)
                    body += pair
                    size += (pair[1] & 0x0F) + 3
        data = b"SZDD\x88\xf0\x27\x33A\0" + size.to_bytes(4, "little") + body
        assert unpacked(data, tmp_path) == SzddFile.from_bytes(data).read()


def test_limits_hold_before_anything_is_unpacked(tmp_path: Path) -> None:
    for data in (packed(DATA), szdd(DATA)):
        with pytest.raises(LimitExceeded):
            unpacked(data, tmp_path, limit=1000)


def test_not_one_file(tmp_path: Path) -> None:
    two = cabinet([("a", 100, 0, 0), ("b", 100, 100, 0)], [(STORED, [stored_block(DATA[:200])])])
    none = cabinet([], [])
    for data in (two, none):
        with pytest.raises(CorruptDump, match="files where one"):
            unpacked(data, tmp_path)


def test_mutants_are_unpacked_or_refused(tmp_path: Path) -> None:
    source = random.Random(2)
    for whole in (
        packed(DATA),
        szdd(DATA),
        cabinet([("a", len(DATA), 0, 0)], [(3 | 15 << 8, lzx_blocks(DATA[:0x3000]))]),
    ):
        for _ in range(60):
            data = bytearray(whole)
            for _ in range(source.randrange(1, 8)):
                data[source.randrange(min(len(data), 300))] = source.randrange(256)
            try:
                unpacked(bytes(data[: source.randrange(len(data))] if source.random() < 0.3 else data), tmp_path)
            except DumpError:
                continue
