"""Source of every expectation: pefile 2024.8.26 (MIT) reads the built images back."""

import pefile
import pytest

from bugcheck.synth import Architecture
from bugcheck.synth.description import PdbDescription
from bugcheck.synth.images import ImageSpec, build_image, image_file
from tests.synth.built import machine

PDB = PdbDescription("D:\\build\\flaky.pdb", bytes(range(0x10, 0x20)), 7)


def spec(architecture: Architecture) -> ImageSpec:
    return ImageSpec(
        architecture, "flaky.sys", 0x10000, 0x8000, 0x3F99BC4F, 0xD4E5, b"\x90\xc3", b"data" * 8,
        {"Zeta": 0x1001, "Alpha": 0x1000}, PDB, (3, 6, 0, 1),
    )  # fmt: skip


@pytest.mark.parametrize("architecture", Architecture, ids=lambda a: a.name)
def test_headers_sections_exports_debug_and_version(architecture: Architecture) -> None:
    image = pefile.PE(data=image_file(build_image(spec(architecture))))
    assert image.FILE_HEADER.Machine == architecture.machine
    assert image.FILE_HEADER.TimeDateStamp == 0x3F99BC4F
    optional = image.OPTIONAL_HEADER
    assert (optional.ImageBase, optional.SizeOfImage, optional.CheckSum) == (0x10000, 0x8000, 0xD4E5)
    assert [section.Name.rstrip(b"\0") for section in image.sections] == [b".text", b".data", b".rdata", b".rsrc"]
    exports = {symbol.name: symbol.address for symbol in image.DIRECTORY_ENTRY_EXPORT.symbols}
    assert exports == {b"Alpha": 0x1000, b"Zeta": 0x1001}
    assert image.DIRECTORY_ENTRY_EXPORT.name == b"flaky.sys"
    codeview = image.DIRECTORY_ENTRY_DEBUG[0].entry
    assert codeview.PdbFileName.rstrip(b"\0").decode() == PDB.name
    assert codeview.Age == 7
    assert (codeview.Signature_Data1, codeview.Signature_Data2) == (0x13121110, 0x1514)
    fixed = image.VS_FIXEDFILEINFO[0]
    assert (fixed.FileVersionMS, fixed.FileVersionLS) == (3 << 16 | 6, 1)
    strings = {key: value for table in image.FileInfo[0][0].StringTable for key, value in table.entries.items()}
    assert strings[b"FileVersion"] == b"3.6.0.1"
    assert strings[b"OriginalFilename"] == b"flaky.sys"


@pytest.mark.parametrize("name", ["x86", "x86_pae", "x64", "arm64", "arm32"])
def test_nt_in_memory_exports_its_variables(name: str) -> None:
    truth = machine(name)
    nt = truth.description.modules[0]
    pages = [address for address in truth.mappings() if nt.base <= address < nt.base + nt.size]
    data = truth.read(nt.base, max(pages) + 0x1000 - nt.base)
    assert data is not None
    image = pefile.PE(data=data)
    exports = {symbol.name.decode(): nt.base + symbol.address for symbol in image.DIRECTORY_ENTRY_EXPORT.symbols}
    for symbol in ("PsLoadedModuleList", "KiBugCheckData", "KdDebuggerDataBlock"):
        assert exports[symbol] == truth.symbols[symbol]


def test_an_image_larger_than_its_size_is_refused() -> None:
    with pytest.raises(ValueError, match="SizeOfImage"):
        build_image(ImageSpec(Architecture.X64, "big.sys", 0, 0x1000, 0, 0))
