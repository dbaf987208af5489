"""Names and keys from dumps: only plain file names become paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.errors import CorruptDump
from bugcheck.images.identity import ImageId, PdbId
from bugcheck.symbols.wanted import name_fault, wanted_by_key, wanted_file

GUID = "5278AFF8-6C34-1677-D7D7-835C85B7B844"


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a/b",
        "a\\b",
        "a:b",
        "a\0b",
        "a\nb",
        "nul",
        "CON.pdb",
        "com1.sys",
        "a ",
        "a.",
        "x" * 161,
        "a*b",
        "\ud800",
    ],
)
def test_names_that_are_none(name: str) -> None:
    assert name_fault(name)


def test_names_of_drivers() -> None:
    for name in ("ntkrnlmp.pdb", "CrowdStrike (x64).pdb", "контроль.pdb", "a-b_c.1.2.pdb", "console.pdb"):
        assert not name_fault(name)


@given(st.text(max_size=200))
def test_what_passes_stays_in_its_folder(name: str) -> None:
    if not name_fault(name):
        assert not set("/\\:\0") & set(name)
        assert name not in (".", "..")


def test_a_path_is_cut_to_its_name() -> None:
    assert wanted_file(PdbId("D:\\build\\x\\drv.pdb", GUID, 10)).name == "drv.pdb"
    assert wanted_file(PdbId("drv.pdb", GUID, 10)).key == GUID.replace("-", "") + "a"
    assert wanted_file(ImageId("drv.sys", 0x5F5E100, 0x4000)).key == "05F5E1004000"


def test_hostile_identities_are_told() -> None:
    with pytest.raises(CorruptDump, match="names no symbol file"):
        wanted_file(PdbId("..", GUID, 1))
    with pytest.raises(CorruptDump, match="no usable key"):
        wanted_file(PdbId("drv.pdb", "../../etc", 1))


def test_keys_tell_what_they_identify() -> None:
    pdb = wanted_by_key("nt.pdb", GUID.replace("-", "").lower() + "1f")
    assert pdb is not None
    assert pdb.identity == PdbId("nt.pdb", GUID, 0x1F)
    image = wanted_by_key("nt.exe", "05F5E100ab000")
    assert image is not None
    assert image.identity == ImageId("nt.exe", 0x5F5E100, 0xAB000)
    for key in ("", "x", "../..", "1" * 49, GUID):
        assert wanted_by_key("nt.pdb", key) is None
