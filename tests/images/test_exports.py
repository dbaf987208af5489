"""Export tables against pefile, nearest look-ups against a plain search, and hostile tables."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.binary import BinaryView
from bugcheck.images.exports import Export, Exports, read_exports
from bugcheck.images.pe_header import FileImage, read_pe_header
from tests.images.builders import DATA_RVA, Memory, export_data, pe
from tests.images.real_files import open_image, real_images

pefile = pytest.importorskip("pefile")
BASE = 0xFFFFF80612340000
FUNCTIONS = [0x1100, 0x1000, 0, b"NTDLL.RtlAllocateHeap", 0x1100, 0x1050]
NAMES = [(b"Alias", 4), (b"Alloc", 3), (b"First", 1), (b"Second", 0)]


def _built(*, wide: bool = True) -> FileImage:
    return FileImage(BinaryView(pe(*export_data(FUNCTIONS, NAMES, 5), wide=wide), "test.sys"))


def _oracle(data: bytes) -> list[tuple[int, bytes, int, bytes]]:
    parsed = pefile.PE(data=data, fast_load=True)
    parsed.parse_data_directories([pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_EXPORT"]])
    table = getattr(parsed, "DIRECTORY_ENTRY_EXPORT", None)
    symbols = table.symbols if table else []
    return sorted((row.address, row.name or b"", row.ordinal, row.forwarder or b"") for row in symbols)


def _found(exports: Exports) -> list[tuple[int, bytes, int, bytes]]:
    rows = exports.functions + exports.forwarders
    return sorted((row.rva, row.name.encode(), row.ordinal, row.forwarder.encode()) for row in rows)


@pytest.mark.parametrize("path", real_images())
def test_real_files_agree_with_pefile(path: Path) -> None:
    image = open_image(path)
    found = read_exports(image, image.header)
    assert found.gaps == ()
    assert _found(found) == _oracle(path.read_bytes())


def test_exports_of_the_synthetic_kernel(corpus: Path) -> None:
    image = open_image(corpus / "synthetic" / "ntkrnlmp.exe")
    found = read_exports(image, image.header)
    # llvm-readobj-14 --coff-exports ntkrnlmp.exe: 16 exports, KeBugCheckEx among them
    assert len(found.functions) == 16
    assert "KeBugCheckEx" in [row.name for row in found.functions]
    assert found.image_name == "ntkrnlmp.exe"


@pytest.mark.parametrize("wide", [True, False])
def test_aliases_bare_ordinals_and_forwarders(wide: bool) -> None:
    image = _built(wide=wide)
    found = read_exports(image, image.header)
    assert _found(found) == _oracle(bytes(image.view.data))
    assert found.image_name == "test.sys"
    assert found.functions == (
        Export(0x1000, "First", 6),
        Export(0x1050, "", 10),
        Export(0x1100, "Second", 5),
        Export(0x1100, "Alias", 9),
    )
    assert [(row.name, row.ordinal, row.forwarder) for row in found.forwarders] == [
        ("Alloc", 8, "NTDLL.RtlAllocateHeap")
    ]


def test_nearest_export() -> None:
    image = _built()
    exports = read_exports(image, image.header)
    assert exports.nearest(0xFFF) is None
    assert exports.nearest(0x1000) == (Export(0x1000, "First", 6), 0)
    assert exports.nearest(0x104F) == (Export(0x1000, "First", 6), 0x4F)
    assert exports.nearest(0x1234) == (Export(0x1100, "Second", 5), 0x134)
    assert Exports().nearest(5) is None


def test_nearest_prefers_a_name_to_a_bare_ordinal() -> None:
    image = FileImage(BinaryView(pe(*export_data([0x1000, 0x1000], [(b"Named", 1)])), "test.sys"))
    assert read_exports(image, image.header).nearest(0x1001) == (Export(0x1000, "Named", 2), 1)


@given(st.lists(st.integers(1, 60), max_size=20), st.integers(0, 70))
def test_nearest_is_what_a_plain_search_finds(rvas: list[int], rva: int) -> None:
    functions = tuple(Export(place, f"f{index}", index) for index, place in enumerate(sorted(rvas)))
    before = [row for row in functions if row.rva <= rva]
    expected = None
    if before:
        start = max(row.rva for row in before)
        expected = next(row for row in before if row.rva == start), rva - start
    assert Exports("x", functions).nearest(rva) == expected


def test_exports_in_memory_are_the_same() -> None:
    image = _built()
    memory = Memory(image.read_up_to(0, 0x3000), BASE)
    assert read_exports(memory, read_pe_header(memory, BASE)) == read_exports(image, image.header)


def test_image_without_exports_has_no_gap() -> None:
    image = FileImage(BinaryView(pe(), "test.sys"))
    assert read_exports(image, image.header) == Exports()


def test_hole_in_the_names_leaves_the_other_names() -> None:
    image = _built()
    laid_out = image.read_up_to(0, 0x3000)
    hole = laid_out.index(b"First\0")
    memory = Memory(laid_out, BASE, holes=[(hole, 3)])
    found = read_exports(memory, read_pe_header(memory, BASE))
    # "Alloc" stands right before the hole and ends there, "Second" right behind it
    assert [row.name for row in found.functions] == ["", "", "Second", "Alias"]
    assert [(gap.missing, gap.damage) for gap in found.gaps] == [("1 names or forwarders", False)]


def test_missing_directory_is_a_gap() -> None:
    memory = Memory(pe(*export_data(FUNCTIONS, NAMES))[:0x600], BASE)
    found = read_exports(memory, read_pe_header(memory, BASE))
    assert found.functions == ()
    assert [gap.what for gap in found.gaps] == ["exports of image at fffff806`12340000"]


def _hostile(offset: int, value: int, padding: int = 0) -> Exports:
    data, places = export_data(FUNCTIONS, NAMES)
    changed = bytearray(data.ljust(padding, b"A"))
    struct.pack_into("<I", changed, offset, value)
    image = FileImage(BinaryView(pe(bytes(changed), places), "hostile.sys"))
    return read_exports(image, image.header)


@pytest.mark.parametrize("offset", [20, 24])
def test_four_billion_functions_or_names_are_cut(offset: int) -> None:
    found = _hostile(offset, 0xFFFFFFFF, padding=0x100000)
    assert any(gap.damage and "of 4294967295" in gap.missing for gap in found.gaps)
    assert len(found.functions) + len(found.forwarders) <= 2 * 0x10000


def test_names_that_never_end_are_bounded() -> None:
    started = time.process_time()
    names = [(b"", 0)] * 0x8000
    data, places = export_data([0x1000], names)
    changed = bytearray(data + b"\xff" * 0x2000)
    place = DATA_RVA + len(data)
    changed[44 : 44 + 4 * len(names)] = struct.pack("<I", place) * len(names)
    image = FileImage(BinaryView(pe(bytes(changed), places), "hostile.sys"))
    found = read_exports(image, image.header)
    assert sum(len(row.name) for row in found.functions) < 0x500000
    assert found.gaps
    assert time.process_time() - started < 3


def test_index_beyond_the_functions_is_left_out() -> None:
    data, places = export_data([0x1000], [(b"Good", 0), (b"Bad", 7)])
    image = FileImage(BinaryView(pe(data, places), "test.sys"))
    assert [row.name for row in read_exports(image, image.header).functions] == ["Good"]
