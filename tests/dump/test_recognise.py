"""What a file is that is no dump: made by hand from each format's page, and the corpus's real ones."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from bugcheck.archives.files import map_file
from bugcheck.binary import BinaryView
from bugcheck.dump.recognise import describe_unknown


def elf(kind: int, machine: int, tail: bytes = b"") -> bytes:
    """e_ident, e_type, e_machine (System V ABI, "ELF Header")."""
    return b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", kind, machine) + bytes(44) + tail


PE = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty"),
        (bytes(100), "all zeros: the disk kept its length but not its data"),
        (bytes(3 << 20), "all zeros: the disk kept its length but not its data"),
        (b"\xff" * 100, "every byte of the file is 0xff"),
        (bytes(0x123456) + b"PAGE", "the first 0x123456 bytes are zeros, where a header should be"),
        (b"\xcc" * 0x1800 + b"PAGE", "the first 0x1800 bytes are bytes 0xcc"),
        (elf(4, 62), "an ELF core dump (x86-64)"),
        (elf(4, 183), "an ELF core dump (ARM64)"),
        (elf(4, 999), "an ELF core dump (machine 999)"),
        (elf(4, 62, b"VBCORE\0"), "a VirtualBox core"),
        (elf(4, 62, b"QEMU\0"), "a QEMU core"),
        (elf(3, 62), "an ELF file for x86-64"),
        (b"\xcf\xfa\xed\xfe" + struct.pack("<III", 0x1000007, 3, 4) + bytes(16), "a core dump of macOS"),
        (b"\xcf\xfa\xed\xfe" + struct.pack("<III", 0x1000007, 3, 2) + bytes(16), "a Mach-O file"),
        (PE, "a Windows program, library or driver (PE)"),
        (b"MZ" + bytes(70), "a DOS program"),
        (b"hibr" + bytes(60), "a Windows hibernation file"),
        (b"RSTR" + bytes(60), "a Windows hibernation file"),
        (struct.pack("<I", 0xBED2BED2) + bytes(60), "a VMware snapshot"),
        (bytes.fromhex("53ff00f0") * 2 + bytes(60), "raw physical memory"),
        (struct.pack("<I", 0x4C694D45) + bytes(60), "LiME"),
        (b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0", "symbols, not a dump"),
        (b"Microsoft C/C++ program database 2.00\r\n\x1aJG\0\0", "symbols, not a dump"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(60), "a 7z archive, which is not opened here: unpack it first"),
        (b"Rar!\x1a\x07\x01\x00" + bytes(60), "a RAR archive, which is not opened here: unpack it first"),
        (b"MDMP" + bytes(60), "its header is none"),
        (b"PAGE\x01\x02\x03\x04" + bytes(60), "its second word is 01 02 03 04"),
        (b"PAGEDUMP" + bytes(0xFF7), "a 32-bit kernel dump cut off in its header (0xfff of 0x1000 bytes)"),
        (b"PAGEDU64" + bytes(60), "a 64-bit kernel dump cut off in its header (0x44 of 0x2000 bytes)"),
        (b"PAGEDU64" + bytes(0x2000), "a 64-bit kernel dump, but of no known type"),
        (b"<!DOCTYPE html>\n<html><body>not found</body>", "a web page (HTML)"),
        (b"0: kd> !analyze -v\r\n**** Bugcheck Analysis ****", "a text that speaks of WinDbg"),
        ("\ufeff0: kd> !analyze -v\r\n".encode("utf-16-le"), "a text that speaks of WinDbg"),
        ("0: kd> !analyze -v\r\n".encode("utf-16-le"), "a text that speaks of WinDbg"),
        ("Ein Text mit Umlauten: äöü, und mehr davon".encode(), "a text file"),
        (b"PAGE one of a plain text", "its second word is"),
        (b"abc", "only 3 bytes, no dump is that short (begins 61 62 63)"),
        (bytes(range(128, 178)), "no kind of file that is known here (begins 80 81 82 83 84 85 86 87)"),
    ],
)
def test_what_a_file_is(data: bytes, words: str) -> None:
    assert words in describe_unknown(BinaryView(data, "a"))


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("pattern", "words", "least"),
    [
        ("evidence/evtx/*.evtx", "a Windows event log (.evtx)", 30),
        ("evidence/evt/*.[Ee]vt", "XP or Server 2003 (.evt)", 2),
        ("evidence/registry/*.hve", "a registry hive", 4),
        ("evidence/wer/*.wer", "a Windows Error Reporting report", 2),
        ("evidence/prefetch/*.pf", "prefetch file", 8),
        ("evidence/setupapi/*.log", "a text file", 2),
        ("synthetic/*.pdb", "symbols, not a dump", 4),
        ("synthetic/*.sys", "a Windows program, library or driver (PE)", 2),
        ("symbols/breakpad/*.sym", "a text file", 8),
    ],
)
def test_real_files(corpus: Path, pattern: str, words: str, least: int) -> None:
    paths = sorted(corpus.glob(pattern))
    assert len(paths) >= least
    for path in paths:
        assert words in describe_unknown(map_file(str(path)))
