"""PDB identities against the PDBs themselves and pefile; reproducible builds; records that are not there."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from bugcheck.binary import BinaryView
from bugcheck.images.debug_directory import CET_COMPAT, read_debug_directory
from bugcheck.images.identity import PdbId
from bugcheck.images.pe_header import FileImage, read_pe_header
from tests.images.builders import DATA_RAW, DATA_RVA, Memory, debug_data, pe, rsds
from tests.images.real_files import open_image, real_images

pefile = pytest.importorskip("pefile")
BASE = 0x82A00000


def _opened(*records: tuple[int, bytes], stamp: int = 0x5F5E1000) -> FileImage:
    return FileImage(BinaryView(pe(*debug_data(records), stamp=stamp), "test.sys"))


@pytest.mark.parametrize("path", real_images())
def test_entries_and_pdb_agree_with_pefile(path: Path) -> None:
    image = open_image(path)
    found = read_debug_directory(image, image.header)
    oracle = pefile.PE(str(path), fast_load=True)
    oracle.parse_data_directories([pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_DEBUG"]])
    expected = getattr(oracle, "DIRECTORY_ENTRY_DEBUG", [])
    assert [(row.kind, row.size, row.rva, row.raw_offset) for row in found.entries] == [
        (row.struct.Type, row.struct.SizeOfData, row.struct.AddressOfRawData, row.struct.PointerToRawData)
        for row in expected
    ]
    records = [row.entry for row in expected if row.struct.Type == 2]
    assert (
        [found.pdb.key.upper()] * len(records) == [row.Signature_String.upper() for row in records]
        if found.pdb
        else not records
    )
    assert found.gaps == ()


def _pdb_guid_and_age(path: Path) -> tuple[bytes, int]:
    """Read the PDB info stream (stream 1) of an MSF file: version, signature, age, GUID."""
    data = path.read_bytes()
    block_size, _, _, _, _, map_block = struct.unpack_from("<6I", data, 32)
    (directory_block,) = struct.unpack_from("<I", data, map_block * block_size)
    directory = directory_block * block_size
    (count, first_size) = struct.unpack_from("<II", data, directory)
    blocks_of_stream_0 = -(-first_size // block_size)
    (block,) = struct.unpack_from("<I", data, directory + 4 + 4 * count + 4 * blocks_of_stream_0)
    _, _, age, guid = struct.unpack_from("<III16s", data, block * block_size)
    return guid, age


@pytest.mark.parametrize(
    ("image", "pdb"),
    [
        ("story/ntkrnlmp.exe", "story/ntkrnlmp.pdb"),
        ("corpus/synthetic/ntkrnlmp.exe", "corpus/synthetic/ntkrnlmp.pdb"),
        ("corpus/synthetic/ntkrpamp.exe", "corpus/synthetic/ntkrpamp.pdb"),
        ("corpus/synthetic/mydrv_x64.sys", "corpus/synthetic/mydrv_x64.pdb"),
        ("corpus/synthetic/mydrv_x86.sys", "corpus/synthetic/mydrv_x86.pdb"),
        ("corpus/synthetic/user/cp_x64.exe", "corpus/synthetic/user/cp_x64.pdb"),
    ],
)
def test_identity_is_the_pdbs_own(shared: Path, image: str, pdb: str) -> None:
    opened = open_image(shared / image)
    found = read_debug_directory(opened, opened.header).pdb
    guid, age = _pdb_guid_and_age(shared / pdb)
    assert found is not None
    assert (found.name, bytes.fromhex(found.guid.replace("-", "")), found.age) == (
        Path(pdb).name,
        guid[3::-1] + guid[5:3:-1] + guid[7:5:-1] + guid[8:],
        age,
    )


def test_identity_as_llvm_pdbutil_prints_it(corpus: Path) -> None:
    image = open_image(corpus / "synthetic" / "user" / "cp_x64.exe")
    # llvm-pdbutil-14 dump -summary cp_x64.pdb: Age: 1, GUID: {D3565289-5327-F350-4C4C-44205044422E}
    expected = PdbId("cp_x64.pdb", "D3565289-5327-F350-4C4C-44205044422E", 1)
    assert read_debug_directory(image, image.header).pdb == expected


def test_reproducible_build_has_a_hash_for_a_time() -> None:
    image = _opened((2, rsds(b"a.pdb")), (16, b""), (20, b"\1\0\0\0"))
    found = read_debug_directory(image, image.header)
    assert found.is_reproducible
    assert found.timestamp_is_time is False
    assert found.extended_dll_characteristics & CET_COMPAT
    assert found.pdb == PdbId("a.pdb", "03020100-0504-0706-0809-0A0B0C0D0E0F", 1)


@pytest.mark.parametrize(("stamp", "is_time"), [(0x5F5E1000, True), (0, False), (0xFFFFFFFF, False)])
def test_fillers_are_no_time(stamp: int, is_time: bool) -> None:
    image = _opened((2, rsds(b"a.pdb")), stamp=stamp)
    assert read_debug_directory(image, image.header).timestamp_is_time is is_time


def test_image_without_debug_directory_has_a_time_and_no_gap() -> None:
    image = FileImage(BinaryView(pe(), "test.sys"))
    found = read_debug_directory(image, image.header)
    assert (found.entries, found.pdb, found.timestamp_is_time, found.gaps) == ((), None, True, ())


def test_missing_directory_leaves_the_time_open() -> None:
    data, places = debug_data([(16, b"")])
    memory = Memory(pe(data, places)[:0x600], BASE)
    found = read_debug_directory(memory, read_pe_header(memory, BASE))
    assert found.timestamp_is_time is None
    assert [gap.missing for gap in found.gaps] == ["1 of 1 entries at RVA 0x2000"]


def test_missing_record_is_a_gap_and_the_rest_is_read() -> None:
    image = _opened((2, rsds(b"a.pdb")), (16, b""), (20, b"\1\0\0\0"))
    laid_out = image.read_up_to(0, 0x3000)
    memory = Memory(laid_out, BASE, holes=[(DATA_RVA + 3 * 28, 0x18)])
    found = read_debug_directory(memory, read_pe_header(memory, BASE))
    assert found.pdb is None
    assert found.timestamp_is_time is False
    assert found.extended_dll_characteristics == 1
    assert [gap.missing for gap in found.gaps] == [f"{len(rsds(b'a.pdb')):#x} bytes at RVA 0x2054"]


def test_nb10_behind_the_sections_is_read_from_a_file_only() -> None:
    record = b"NB10" + struct.pack("<III", 0, 0x3B7D84D4, 2) + b"old.pdb\0"
    row = struct.pack("<IIHHIIII", 0, 0, 0, 0, 2, len(record), 0, DATA_RAW + 0x200)
    image = FileImage(BinaryView(pe(row, {6: (DATA_RVA, 28)}) + record, "old.sys"))
    assert read_debug_directory(image, image.header).pdb == PdbId("old.pdb", "3B7D84D4", 2)
    memory = Memory(image.read_up_to(0, 0x3000), BASE)
    found = read_debug_directory(memory, read_pe_header(memory, BASE))
    assert found.pdb is None
    assert len(found.gaps) == 1


def test_first_record_that_names_a_pdb_counts() -> None:
    image = _opened((2, b"NB09junk"), (2, rsds(b"a.pdb")), (2, rsds(b"b.pdb")))
    pdb = read_debug_directory(image, image.header).pdb
    assert pdb is not None
    assert pdb.name == "a.pdb"


def test_endless_directory_is_cut() -> None:
    data = pe(bytes(0x4000), {6: (DATA_RVA, 0xFFFFFFF0)})
    image = FileImage(BinaryView(data, "long.sys"))
    found = read_debug_directory(image, image.header)
    assert len(found.entries) == 64
    assert [gap.damage for gap in found.gaps] == [True]
