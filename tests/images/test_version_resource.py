"""Version resources of real files against pefile, built ones, and hostile trees."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.binary import BinaryView
from bugcheck.images.pe_header import FileImage, read_pe_header
from bugcheck.images.version_resource import VersionInfo, parse_version_info, read_version_info
from tests.images.builders import DATA_RVA, Memory, node, pe, version_block, version_data
from tests.images.real_files import open_image, real_images

pefile = pytest.importorskip("pefile")
BASE = 0xFFFFF80612340000
ENGLISH = {
    "CompanyName": "Contoso, Ltd.",
    "FileDescription": "Test driver",
    "OriginalFilename": "test.sys",
    "ProductName": "P",
}
GERMAN = {"CompanyName": "Contoso GmbH", "Kommentar": "Prüfung 🙂"}


def _read(block: bytes, languages: tuple[int, ...] = (0x409,)) -> VersionInfo:
    image = FileImage(BinaryView(pe(*version_data(block, languages)), "test.sys"))
    return read_version_info(image, image.header)


@pytest.mark.parametrize("path", real_images())
def test_real_files_agree_with_pefile(path: Path) -> None:
    image = open_image(path)
    found = read_version_info(image, image.header)
    oracle = pefile.PE(str(path), fast_load=True)
    oracle.parse_data_directories([pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_RESOURCE"]])
    assert found.gaps == ()
    if not hasattr(oracle, "VS_FIXEDFILEINFO"):
        assert found == VersionInfo()
        return
    fixed = oracle.VS_FIXEDFILEINFO[0]
    assert found.file_version == _dotted(fixed.FileVersionMS, fixed.FileVersionLS)
    assert found.product_version == _dotted(fixed.ProductVersionMS, fixed.ProductVersionLS)
    assert (found.file_os, found.file_type) == (fixed.FileOS, fixed.FileType)
    tables = [table for row in oracle.FileInfo[0] for table in getattr(row, "StringTable", [])]
    assert found.strings == {key.decode(): text.decode() for table in tables for key, text in table.entries.items()}


def _dotted(high: int, low: int) -> str:
    return ".".join(str(part) for part in struct.unpack(">4H", struct.pack(">II", high, low)))


def test_all_that_a_version_says() -> None:
    found = _read(version_block({"040904B0": ENGLISH}, (10, 0, 19041, 1)))
    assert (found.file_version, found.product_version) == ("10.0.19041.1", "10.0.19041.804")
    assert (found.file_flags, found.file_os, found.file_type, found.language) == (1, 0x40004, 3, 0x409)
    assert (found.company_name, found.file_description) == ("Contoso, Ltd.", "Test driver")
    assert (found.product_name, found.original_filename) == ("P", "test.sys")
    assert found.gaps == ()


def test_any_language_is_read() -> None:
    found = _read(version_block({"040704B0": GERMAN}), (0x407,))
    assert found.language == 0x407
    assert found.strings == GERMAN
    assert (found.original_filename, found.product_name) == ("", "")


def test_english_counts_first_and_others_fill_in() -> None:
    found = _read(version_block({"040704B0": GERMAN, "040904B0": ENGLISH}), (0x407, 0x409))
    assert found.language == 0x409
    assert found.strings == {**GERMAN, **ENGLISH}


def test_version_in_memory_is_the_same() -> None:
    image = FileImage(BinaryView(pe(*version_data(version_block({"040904B0": ENGLISH}))), "test.sys"))
    memory = Memory(image.read_up_to(0, 0x3000), BASE)
    assert read_version_info(memory, read_pe_header(memory, BASE)) == read_version_info(image, image.header)


def test_missing_bytes_are_a_gap() -> None:
    data = pe(*version_data(version_block({"040904B0": ENGLISH})))
    memory = Memory(data[:0x600], BASE)
    found = read_version_info(memory, read_pe_header(memory, BASE))
    assert found == VersionInfo(gaps=found.gaps)
    assert [gap.what for gap in found.gaps] == ["version of image at fffff806`12340000"]
    assert "0xfffff8061234200c" in found.gaps[0].missing


def test_block_with_a_hole_keeps_what_stands_before_it() -> None:
    image = FileImage(BinaryView(pe(*version_data(version_block({"040904B0": ENGLISH}))), "test.sys"))
    size = len(image.view.data)
    memory = Memory(image.read_up_to(0, 0x3000), BASE, holes=[(DATA_RVA + 0x150, size)])
    found = read_version_info(memory, read_pe_header(memory, BASE))
    assert found.file_version == "1.2.3.4"
    assert found.company_name == "Contoso, Ltd."
    assert found.original_filename == ""
    assert len(found.gaps) == 1


@pytest.mark.parametrize(
    "patch", [(16 + 8 + 4, 0x80000000), (32 + 16 + 4, 0x80000000), (56 + 16 + 4, 0x80000020), (16 + 8 + 4, 0x20)]
)
def test_a_tree_that_turns_back_or_ends_early_has_no_version(patch: tuple[int, int]) -> None:
    data, places = version_data(version_block({"040904B0": ENGLISH}))
    changed = bytearray(data)
    struct.pack_into("<I", changed, *patch)
    image = FileImage(BinaryView(pe(bytes(changed), places), "cycle.sys"))
    found = read_version_info(image, image.header)
    assert found.company_name == ""


def test_directory_of_131070_entries_is_cut() -> None:
    data, places = version_data(version_block({"040904B0": ENGLISH}))
    changed = bytearray(data.ljust(0x4000, b"\0"))
    struct.pack_into("<HH", changed, 12, 0xFFFF, 0xFFFF)
    image = FileImage(BinaryView(pe(bytes(changed), places), "wide.sys"))
    assert read_version_info(image, image.header).company_name == "Contoso, Ltd."


def test_other_types_only_mean_no_version() -> None:
    data, places = version_data(version_block({}))
    changed = bytearray(data)
    struct.pack_into("<I", changed, 16 + 8, 24)  # RT_MANIFEST
    image = FileImage(BinaryView(pe(bytes(changed), places), "test.sys"))
    assert read_version_info(image, image.header) == VersionInfo()


def test_block_without_fixed_info_still_has_strings() -> None:
    strings = node("StringFileInfo", b"", [node("040904B0", b"", [node("ProductName", b"P\0\0\0", text=True)])])
    found = parse_version_info(node("VS_VERSION_INFO", b"", [strings]))
    assert (found.file_version, found.product_name) == ("", "P")


def test_another_block_is_no_version() -> None:
    assert parse_version_info(node("VS_OTHER_INFO", bytes(52))) == VersionInfo()


def test_a_thousand_strings_are_cut() -> None:
    found = parse_version_info(version_block({"040904B0": {f"k{index}": "" for index in range(1000)}}))
    assert len(found.strings) == 512


@given(st.binary(max_size=200))
def test_no_bytes_are_an_error(data: bytes) -> None:
    parse_version_info(data)
    parse_version_info(version_block({})[:-4] + data)


@given(st.integers(0, 0x200))
def test_any_cut_keeps_a_part(size: int) -> None:
    whole = parse_version_info(version_block({"040904B0": ENGLISH}))
    cut = parse_version_info(version_block({"040904B0": ENGLISH})[:size])
    assert cut.file_version in ("", whole.file_version)
    assert set(cut.strings) <= set(whole.strings) | {key[:end] for key in whole.strings for end in range(len(key))}
