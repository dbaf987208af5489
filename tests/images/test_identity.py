"""Keys and CodeView records against published examples and llvm-pdbutil."""

from __future__ import annotations

import struct
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.images.identity import ImageId, PdbId, base_name, format_guid, parse_codeview


def test_image_key_matches_the_published_example() -> None:
    # SSQP Key Conventions, PE-timestamp-filesize: foo.exe/542d574232000/foo.exe, the stamp's letters in upper case
    assert ImageId("Foo.exe", 0x542D5742, 0x32000).key == "542D574232000"


def test_image_key_keeps_the_leading_zero_of_the_stamp() -> None:
    # microsoft/perfview#2417: SystemSettings.dll, server key 0d9f641e599000
    assert ImageId("SystemSettings.dll", 0x0D9F641E, 0x599000).key == "0D9F641E599000"


def test_image_size_is_in_lower_case() -> None:
    # SSQP Key Conventions: "the image size is printed using as few digits as needed, in lower-case"
    assert ImageId("a.sys", 0xABCDEF, 0xABC000).key == "00ABCDEFabc000"


def test_pdb_key_matches_the_published_example() -> None:
    # SSQP Key Conventions, PDB-Signature-Age: foo.pdb/497b72f6390a44fc878e5a2d63b6cc4b1/foo.pdb
    assert PdbId("Foo.pdb", "497B72F6-390A-44FC-878E-5A2D63B6CC4B", 1).key == "497B72F6390A44FC878E5A2D63B6CC4B1"


def test_age_is_hexadecimal_without_padding() -> None:
    assert PdbId("a.pdb", "497B72F6-390A-44FC-878E-5A2D63B6CC4B", 0x1A).key.endswith("CC4B1a")


def test_nb10_has_a_signature_in_place_of_the_guid() -> None:
    record = b"NB10" + struct.pack("<III", 0, 0x3B7D84D4, 2) + b"C:\\build\\ntkrnlmp.pdb\0"
    assert parse_codeview(record) == PdbId("ntkrnlmp.pdb", "3B7D84D4", 2)


@given(
    st.uuids(), st.integers(0, 0xFFFFFFFF), st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=60)
)
def test_any_rsds_record_comes_back(guid: uuid.UUID, age: int, path: str) -> None:
    # uuid.bytes_le is the GUID's layout in memory
    found = parse_codeview(b"RSDS" + guid.bytes_le + struct.pack("<I", age) + path.encode() + b"\0junk")
    assert found is not None
    assert (found.guid, found.age, found.path) == (str(guid).upper(), age, path)
    assert found.name == path.replace("/", "\\").split("\\")[-1]
    assert found.key == guid.hex.upper() + format(age, "x")


@given(st.binary(max_size=64), st.sampled_from([b"", b"RSDS", b"NB10", b"NB09"]))
def test_no_bytes_are_an_error(data: bytes, magic: bytes) -> None:
    found = parse_codeview(magic + data)
    assert found is None or (magic + data)[:4] in (b"RSDS", b"NB10")


@pytest.mark.parametrize("size", range(24))
def test_a_record_cut_short_names_nothing(size: int) -> None:
    assert parse_codeview((b"RSDS" + bytes(20))[:size]) is None


def test_path_is_no_part_of_the_identity() -> None:
    guid = "497B72F6-390A-44FC-878E-5A2D63B6CC4B"
    assert PdbId("a.pdb", guid, 1, "C:\\a.pdb") == PdbId("a.pdb", guid, 1, "D:\\x\\a.pdb")


def test_base_name_of_either_slash() -> None:
    assert [base_name(path) for path in ("a\\b/c.sys", "\\SystemRoot\\x.sys", "x.sys", "")] == [
        "c.sys",
        "x.sys",
        "x.sys",
        "",
    ]


def test_guid_refuses_other_sizes() -> None:
    with pytest.raises(struct.error):
        format_guid(bytes(15))
