"""Manifests as symchk writes them, and as nobody should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.errors import LimitExceeded
from bugcheck.images.identity import ImageId, PdbId
from bugcheck.symbols.manifest import read_manifest, write_manifest
from bugcheck.symbols.wanted import wanted_file

GUID = "5278AFF8-6C34-1677-D7D7-835C85B7B844"
# microsoft/pdblister: "<filename>,<guid><age>,1", the key as "%08X%04X%04X%02X…%x"
LINE = "ntkrnlmp.pdb,5278AFF86C341677D7D7835C85B7B8441,1\n"


def test_a_line_is_what_symchk_writes() -> None:
    assert write_manifest([wanted_file(PdbId("ntkrnlmp.pdb", GUID, 1))] * 2) == LINE
    image = wanted_file(ImageId("ntoskrnl.exe", 0x5F5E100, 0x1046000))
    assert write_manifest([image]) == "ntoskrnl.exe,05F5E1001046000,1\n"


@pytest.mark.parametrize(
    "data", [LINE.encode(), b"\xef\xbb\xbf" + LINE.replace("\n", "\r\n").encode(), LINE.encode("utf-16")]
)
def test_lists_from_windows(data: bytes) -> None:
    manifest = read_manifest(data)
    assert manifest.files[0].identity == PdbId("ntkrnlmp.pdb", GUID, 1)
    assert manifest.faults == ()


names = st.text(st.characters(codec="ascii", categories=("L", "N", "P")), min_size=1, max_size=30)


@given(st.lists(st.tuples(names, st.integers(0, 2**32 - 1), st.integers(1, 2**32 - 1)), max_size=8))
def test_round_trip(rows: list[tuple[str, int, int]]) -> None:
    from bugcheck.symbols.wanted import name_fault

    files = [wanted_file(ImageId(name, stamp, size)) for name, stamp, size in rows if not name_fault(name)]
    files = [file for file in files if not file.name.lower().endswith(".pdb")]
    unique = list({(file.name.lower(), file.key.upper()): file for file in reversed(files)}.values())
    manifest = read_manifest(write_manifest(files).encode())
    assert sorted(map(str, manifest.files)) == sorted(map(str, unique))


def test_hostile_lines_are_told_and_skipped() -> None:
    lines = [
        "../../x.pdb,5278AFF86C341677D7D7835C85B7B8441,1",
        "a.pdb,../..,1",
        "a.pdb,ABC",
        "a.pdb,ABC,x",
        "\0",
        "x" * 5000,
    ]
    manifest = read_manifest("\n".join([*lines, LINE]).encode())
    assert len(manifest.files) == 1
    assert [fault.partition(":")[0] for fault in manifest.faults] == [f"line {n}" for n in (1, 2, 3, 4, 5, 6)]
    many = read_manifest(b"nonsense\n" * 500)
    assert len(many.faults) == 101
    assert many.faults[-1] == "400 more lines name no file"


def test_limits() -> None:
    with pytest.raises(LimitExceeded):
        read_manifest(b"\n" * 200_001)
    with pytest.raises(LimitExceeded):
        read_manifest(b" " * ((16 << 20) + 1))


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    for file in read_manifest(data).files:
        assert "/" not in file.name
