"""Headers of real files against pefile, of a real triage dump against dbgeng, and of hostile bytes."""

from __future__ import annotations

import random
import struct
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.binary import BinaryView
from bugcheck.errors import BugcheckError, CorruptDump, MemoryFault, TruncatedDump
from bugcheck.images.checksum import read_checksum
from bugcheck.images.debug_directory import read_debug_directory
from bugcheck.images.exports import read_exports
from bugcheck.images.identity import ImageId
from bugcheck.images.pe_header import FileImage, PeHeader, read_pe_header, try_read_pe_header
from bugcheck.images.version_resource import read_version_info
from tests.images.builders import (
    DATA_RVA,
    NT_OFFSET,
    Memory,
    debug_data,
    export_data,
    pe,
    rsds,
    version_block,
    version_data,
)
from tests.images.real_files import open_image, real_images

pefile = pytest.importorskip("pefile")
BASE = 0xFFFFF80612340000


@pytest.mark.parametrize("path", real_images())
def test_header_agrees_with_pefile(path: Path) -> None:
    header, oracle = open_image(path).header, pefile.PE(str(path), fast_load=True)
    coff, optional = oracle.FILE_HEADER, oracle.OPTIONAL_HEADER
    assert header.gaps == ()
    assert header.nt_offset == oracle.DOS_HEADER.e_lfanew
    assert (header.machine, header.time_date_stamp, header.characteristics) == (
        coff.Machine,
        coff.TimeDateStamp,
        coff.Characteristics,
    )
    assert header.is_pe32_plus == (optional.Magic == 0x20B)
    assert header.linker_version == (optional.MajorLinkerVersion, optional.MinorLinkerVersion)
    assert header.os_version == (optional.MajorOperatingSystemVersion, optional.MinorOperatingSystemVersion)
    assert header.image_version == (optional.MajorImageVersion, optional.MinorImageVersion)
    assert header.subsystem_version == (optional.MajorSubsystemVersion, optional.MinorSubsystemVersion)
    assert (header.entry_point, header.image_base) == (optional.AddressOfEntryPoint, optional.ImageBase)
    assert (header.section_alignment, header.file_alignment) == (optional.SectionAlignment, optional.FileAlignment)
    assert (header.size_of_image, header.size_of_headers) == (optional.SizeOfImage, optional.SizeOfHeaders)
    assert (header.checksum, header.subsystem, header.dll_characteristics) == (
        optional.CheckSum,
        optional.Subsystem,
        optional.DllCharacteristics,
    )
    assert [(row.rva, row.size) for row in header.directories] == [
        (row.VirtualAddress, row.Size) for row in optional.DATA_DIRECTORY
    ]


@pytest.mark.parametrize("path", real_images())
def test_sections_and_their_bytes_agree_with_pefile(path: Path) -> None:
    image, oracle = open_image(path), pefile.PE(str(path), fast_load=True)
    assert [
        (row.name.encode(), row.rva, row.virtual_size, row.raw_offset, row.raw_size, row.characteristics)
        for row in image.header.sections
    ] == [
        (
            row.Name.rstrip(b"\0"),
            row.VirtualAddress,
            row.Misc_VirtualSize,
            row.PointerToRawData,
            row.SizeOfRawData,
            row.Characteristics,
        )
        for row in oracle.sections
    ]
    for section in image.header.sections:
        size = min(section.raw_size, section.extent)
        assert image.try_read(section.rva, size) == oracle.get_data(section.rva, size)


def test_old_driver_is_mapped_flat(shared: Path) -> None:
    image = open_image(shared / "story" / "RapDrv.sys")
    # llvm-readobj-14 --file-headers: SectionAlignment: 128, SizeOfImage: 57344 (the file has 54272 bytes)
    raw = (shared / "story" / "RapDrv.sys").read_bytes()
    assert (image.header.section_alignment, image.header.size_of_image) == (128, 57344)
    assert image.read_up_to(0, len(raw)) == raw[: image.header.size_of_image]


def test_section_of_a_flat_image_is_where_it_lies_in_the_file() -> None:
    content = bytes(range(200))
    data = bytearray(pe(bytes(0x80) + content))
    optional = NT_OFFSET + 24
    struct.pack_into("<II", data, optional + 32, 0x80, 0x80)  # SectionAlignment, FileAlignment
    for row, place in ((optional + 240, 0x400), (optional + 280, 0x680)):
        struct.pack_into("<I", data, row + 12, place)
        struct.pack_into("<I", data, row + 20, place)
    image = FileImage(BinaryView(bytes(data), "flat.sys"))
    assert image.read_up_to(0x680, 200) == content


@pytest.mark.parametrize("wide", [True, False])
def test_memory_and_file_read_the_same(wide: bool) -> None:
    image = FileImage(BinaryView(pe(b"data" * 100, wide=wide), "test.sys"))
    laid_out = image.read_up_to(0, image.header.size_of_image)
    assert len(laid_out) == image.header.size_of_image
    from_memory = read_pe_header(Memory(laid_out, BASE), BASE)
    assert from_memory.base == BASE
    assert from_memory.image_id("\\SystemRoot\\test.sys") == ImageId("test.sys", 0x5F5E1000, 0x3000)
    assert _without_base(from_memory) == _without_base(image.header)


def _without_base(header: PeHeader) -> list[object]:
    return [getattr(header, name) for name in PeHeader.__slots__ if name != "base"]


def test_directory_and_section_look_up() -> None:
    header = FileImage(BinaryView(pe(b"x" * 0x30, {6: (DATA_RVA, 28), 2: (0, 5), 3: (5, 0)}), "test.sys")).header
    assert header.directory(6) is not None
    assert [header.directory(index) for index in (0, 2, 3, 16, 99)] == [None] * 5
    named = [
        section.name if (section := header.section_of(rva)) else None
        for rva in (0, 0x1000, 0x117F, 0x1180, 0x2000, 0x202F, 0x2030)
    ]
    assert named == [None, ".text", ".text", None, ".rdata", ".rdata", None]


def test_absence_costs_one_call() -> None:
    memory = Memory(b"", BASE)
    assert try_read_pe_header(memory, BASE) is None
    assert memory.calls == 1
    with pytest.raises(MemoryFault) as caught:
        read_pe_header(memory, BASE)
    assert caught.value.address == BASE


@pytest.mark.parametrize("size", [1, 0x3F, 0x40, NT_OFFSET + 8, NT_OFFSET + 24, NT_OFFSET + 24 + 111])
def test_header_cut_off_is_missing_not_corrupt(size: int) -> None:
    memory = Memory(pe()[:size], BASE)
    assert try_read_pe_header(memory, BASE) is None
    with pytest.raises(MemoryFault) as caught:
        read_pe_header(memory, BASE)
    assert caught.value.address == BASE + (NT_OFFSET if size == 0x40 else size)


def test_rows_that_are_missing_leave_gaps() -> None:
    after_one_section = NT_OFFSET + 24 + 240 + 40 + 39
    header = read_pe_header(Memory(pe()[:after_one_section], BASE), BASE)
    assert [section.name for section in header.sections] == [".text"]
    assert [(gap.what, gap.missing, gap.damage) for gap in header.gaps] == [
        ("all sections of image at fffff806`12340000", "1 of 2 rows", False)
    ]
    cut_in_directories = read_pe_header(Memory(pe()[: NT_OFFSET + 24 + 112 + 15], BASE), BASE)
    assert len(cut_in_directories.directories) == 1
    assert len(cut_in_directories.gaps) == 2


def _patched(offset: int, form: str, value: int) -> bytes:
    data = bytearray(pe(b"data" * 100))
    struct.pack_into(form, data, offset, value)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"PK" + bytes(0x100), "not MZ"),
        (_patched(60, "<I", 0xFFFFFFF0), "PE header claimed at 0xfffffff0"),
        (_patched(NT_OFFSET, "<I", 0x4550414E), "no PE signature"),
        (_patched(NT_OFFSET + 24, "<H", 0x107), "unknown kind 0x107"),
    ],
)
def test_what_is_no_image_is_refused_with_name_and_place(data: bytes, reason: str) -> None:
    with pytest.raises(CorruptDump, match=reason) as in_file:
        FileImage(BinaryView(data, "bad.sys"))
    assert in_file.value.file == "bad.sys"
    with pytest.raises(CorruptDump, match="image at fffff806`12340000 at offset"):
        read_pe_header(Memory(data, BASE), BASE)


@pytest.mark.parametrize("data", [b"", b"MZ", pe()[:0x90], _patched(60, "<I", 0x00FF0000)])
def test_file_that_ends_too_early_says_so(data: bytes) -> None:
    with pytest.raises(TruncatedDump, match=r"short.sys.*ends inside its PE headers"):
        FileImage(BinaryView(data, "short.sys"))


def test_65535_sections_are_cut_at_the_limit() -> None:
    data = _patched(NT_OFFSET + 6, "<H", 0xFFFF) + bytes(3_000_000)
    header = FileImage(BinaryView(data, "many.sys")).header
    assert len(header.sections) == 96
    assert [(gap.missing, gap.damage) for gap in header.gaps] == [("65439 of 65535 rows", True)]


def test_overlapping_sections_keep_the_lower_start() -> None:
    content = bytes(range(250)) * 24
    data = bytearray(pe(content))
    rdata = NT_OFFSET + 24 + 240 + 40
    struct.pack_into("<I", data, rdata + 12, 0x1000)  # .rdata on top of .text, which has one page
    image = FileImage(BinaryView(bytes(data), "twice.sys"))
    assert image.read_up_to(0x1000, 0x200) == b"\xcc" * 0x200
    assert image.read_up_to(0x1200, 0xE00) == bytes(0xE00)
    assert image.read_up_to(0x2000, 0x2000) == content[0x1000:].ljust(0x1000, b"\0")


def test_virtual_tail_is_zero_and_what_lies_beyond_is_missing() -> None:
    image = FileImage(BinaryView(pe(b"x" * 0x30), "test.sys"))
    assert image.try_read(0x2000, 0x1000) == (b"x" * 0x30).ljust(0x1000, b"\0")
    assert image.try_read(0x2FFF, 2) is None
    assert image.read_up_to(0x2FFF, 2) == b"\0"
    assert image.read_up_to(-1, 4) == b""


def test_raw_data_behind_the_end_of_the_file_is_missing_not_zero() -> None:
    image = FileImage(BinaryView(pe(b"x" * 0x200)[:0x700], "cut.sys"))
    assert image.read_up_to(0x2000, 0x200) == b"x" * 0x100


@given(st.integers(0, 0x3400), st.integers(1, 0x2000))
def test_any_read_is_a_slice_of_the_whole(address: int, size: int) -> None:
    image = FileImage(BinaryView(pe(bytes(range(256)) * 3), "test.sys"))
    whole = image.read_up_to(0, 0x10000)
    assert len(whole) == 0x3000
    assert image.read_up_to(address, size) == whole[address : address + size]


def read_everything(data: bytes, holes: list[tuple[int, int]]) -> int:
    """Run every reader of the folder over a file, and over the same image in memory with holes; count the images."""
    laid_out = data[:0x400].ljust(0x1000, b"\0") + data[0x400:0x600].ljust(0x1000, b"\0") + data[0x600:]
    images = 0
    for opened in (lambda: FileImage(BinaryView(data, "mutant")), lambda: Memory(laid_out, BASE, holes)):
        try:
            reader = opened()
            header = read_pe_header(reader, BASE if isinstance(reader, Memory) else 0)
        except BugcheckError:
            continue
        images += 1
        read_debug_directory(reader, header)
        read_version_info(reader, header)
        exports = read_exports(reader, header)
        exports.nearest(0x1234)
        if isinstance(reader, FileImage):
            read_checksum(reader)
    return images


SEEDS = [
    pe(*debug_data([(2, rsds(b"C:\\test.pdb")), (16, b""), (20, b"\1\0\0\0")])),
    pe(*version_data(version_block({"040904B0": {"CompanyName": "Contoso", "FileDescription": "Test"}}))),
    pe(*export_data([0x1000, 0x1010, b"NTDLL.RtlFoo"], [(b"First", 0), (b"Third", 2)]), wide=False),
]


@pytest.mark.parametrize("seed", range(len(SEEDS)))
def test_500_mutants_raise_nothing_else_and_stay_fast(seed: int) -> None:
    chance = random.Random(seed)
    started = time.process_time()
    images = 0
    for _ in range(500):
        holes = [(chance.randrange(0x2400), chance.randrange(1, 0x40)) for _ in range(chance.randrange(3))]
        images += read_everything(mutant(chance, SEEDS[seed]), holes)
    # a mutant takes 0.2 ms on average; a loop without a limit would take seconds
    assert time.process_time() - started < 5
    assert images > 300  # else the mutants are too broken to reach the tables


def mutant(chance: random.Random, data: bytes) -> bytes:
    """Overwrite one to six numbers, within headers and tables, by ones that hurt; sometimes cut the end off."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        low, high = chance.choice([(NT_OFFSET, NT_OFFSET + 0x190), (0x600, len(data) - 8), (0, 0x40)])
        width = chance.choice([1, 2, 4])
        value = chance.choice([0, 1, 0x7F, 0xFFFFFFFF, 0x80000000, chance.randrange(1 << 32), chance.randrange(0x3000)])
        place = chance.randrange(low, high)
        changed[place : place + width] = (value & (1 << 8 * width) - 1).to_bytes(width, "little")
    return bytes(changed[: chance.randrange(len(changed))] if chance.random() < 0.1 else changed)


def _triage_memory(path: Path) -> list[tuple[int, bytes]]:
    """Read the data blocks of a 64-bit triage dump: TRIAGE_DUMP64 at 0x2000, their offset at +0x78, count at +0x7c."""
    data = path.read_bytes()
    offset, count = struct.unpack_from("<II", data, 0x2078)
    rows = struct.iter_unpack("<QII", data[offset : offset + 16 * count])
    return [(address, data[place : place + size]) for address, place, size in rows]


def test_header_of_nt_in_a_real_triage_dump(corpus: Path) -> None:
    blocks = _triage_memory(corpus / "kernel" / "rizinorg__rizin-testbins__triage_x64.dmp")
    base = 0xFFFFF8047BA00000  # expected/dbgeng.jsonl: kernel_base
    (page,) = [data for address, data in blocks if address == base]
    memory = Memory(page, base)
    header = read_pe_header(memory, base)
    # symbols/kphdyn.xml, 10.0.19041.804: timestamp="0x0d8333e6" size="0x01046000"; dbgeng.jsonl: checksum 00A5938C
    assert header.image_id("ntoskrnl.exe").key == "0D8333E61046000"
    assert header.checksum == 0xA5938C
    assert header.machine == 0x8664
    assert header.image_base == base  # the loader writes the actual base
    assert len(header.sections) == 33
    assert header.gaps == ()
    # the dump kept nothing else of the image: each reader says so
    debug = read_debug_directory(memory, header)
    assert (debug.pdb, debug.timestamp_is_time, len(debug.gaps)) == (None, None, 1)
    assert len(read_version_info(memory, header).gaps) == 1
    assert len(read_exports(memory, header).gaps) == 1


def test_heads_of_images_in_real_triage_dumps_end_too_early(corpus: Path) -> None:
    heads = 0
    for path in sorted((corpus / "kernel").glob("*.dmp")):
        if path.read_bytes()[:8] != b"PAGEDU64":
            continue
        for address, data in _triage_memory(path):
            if data[:2] == b"MZ" and len(data) == 0x100:
                heads += 1
                assert try_read_pe_header(Memory(data, address), address) is None
    assert heads == 19
