"""What a file is, told from a few of its bytes: real files, built ones, and mutants."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bugcheck.binary import BinaryView
from bugcheck.errors import DumpError
from bugcheck.images.identity import ImageId, PdbId
from bugcheck.symbols.identify import FoundBreakpad, FoundImage, identify, mismatch
from bugcheck.symbols.pdb.identity import PdbIdentity
from tests.images.builders import pe
from tests.symbols.store_builders import GUID, pdb_bytes, pdb_id


def view(data: bytes) -> BinaryView:
    return BinaryView(data, "file")


def test_what_things_are() -> None:
    pdb = identify(view(pdb_bytes(age=4, dbi_age=3)))
    assert isinstance(pdb, PdbIdentity)
    assert (pdb.guid, pdb.age, pdb.dbi_age, pdb.linked_age) == (GUID, 4, 3, 3)
    assert identify(view(pe(stamp=7))) == FoundImage(7, 0x3000)
    assert identify(view(b"MODULE windows x86_64 ABC1 a b.pdb\r\nFILE")) == FoundBreakpad("a b.pdb", "ABC1")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "an empty file"),
        (bytes(100), "zeros"),
        (b"  <!DOCTYPE html>", "a web page"),
        (b"<html>", "a web page"),
        (b"BSJB\1\0", "a portable (.NET) PDB"),
        (b"Microsoft C/C++ program database 2.00\r\n\x1aJG\0\0", "Visual C++ 6"),
        (b"MSCF\0", "a compressed file"),
        (b"PAGEDU64", "a file beginning with 50 41 47"),
        (b"MODULE windows\n", "MODULE record is too short"),
        (pe()[:-0x100], "cut off"),
        (b"MZ", "MZ"),
    ],
)
def test_what_things_are_not(data: bytes, words: str) -> None:
    with pytest.raises(DumpError) as caught:
        identify(view(data))
    assert words in caught.value.reason or words == "MZ"
    assert mismatch(view(data), None) == caught.value.reason


def test_mismatches_are_said_in_full() -> None:
    assert mismatch(view(pdb_bytes()), pdb_id()) == ""
    assert mismatch(view(pdb_bytes()), pdb_id(age=2)) == f"it is a PDB {{{GUID}}} age 1, wanted was {{{GUID}}} age 2"
    wanted = ImageId("a.sys", 0x10, 0x3000)
    assert mismatch(view(pe(stamp=0x10)), wanted) == ""
    assert mismatch(view(pe(stamp=0x11)), wanted).endswith("wanted was TimeDateStamp 00000010, SizeOfImage 3000")
    assert mismatch(view(pdb_bytes()), wanted).startswith("it is a PDB")
    assert mismatch(view(pe()), pdb_id()).startswith("it is an image")
    sym = b"MODULE windows x86 " + GUID.replace("-", "").lower().encode() + b"1 nt.pdb\n"
    assert mismatch(view(sym), pdb_id()) == ""


def test_real_pairs(corpus: Path) -> None:
    # corpus/synthetic: linked by lld-link, image and PDB side by side
    from bugcheck.images.debug_directory import read_debug_directory
    from bugcheck.images.pe_header import FileImage

    folder = corpus / "synthetic"
    pairs = [path for path in sorted(folder.rglob("*")) if path.suffix in (".exe", ".sys", ".dll")]
    pairs = [path for path in pairs if path.with_suffix(".pdb").is_file()]
    assert len(pairs) >= 4
    for path in pairs:
        image = FileImage(view(path.read_bytes()))
        pdb: PdbId | None = read_debug_directory(image, image.header).pdb
        assert pdb is not None
        assert mismatch(view(path.with_suffix(".pdb").read_bytes()), pdb) == ""
        assert mismatch(view(path.read_bytes()), image.header.image_id(path.name)) == ""


def test_mutants_are_judged() -> None:
    source = random.Random(5)
    for whole in (pdb_bytes(padding=0x1000), pe()):
        for _ in range(200):
            data = bytearray(whole)
            for _ in range(source.randrange(1, 5)):
                place = source.randrange(min(len(data) - 4, 0x700))
                data[place : place + 4] = source.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", source.randbytes(4)])
            cut = source.randrange(len(data)) if source.random() < 0.3 else len(data)
            assert isinstance(mismatch(view(bytes(data[:cut])), pdb_id()), str)
