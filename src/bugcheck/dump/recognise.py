"""The first bytes of a file that is no dump → what it is, in words.

Source: each format's own specification or header (named in signatures.tsv beside this file).

Folklore: a disk that loses power after a crash keeps a dump's length but not its data, so the file is all zeros.  An
ELF core is a Linux core dump, or what VirtualBox and QEMU write of a whole machine: their notes tell.
"""

from __future__ import annotations

from itertools import chain

from bugcheck.binary import BinaryView

_HEAD = 0x1000
_TEXT_HEAD = 0x10000
_BLOCK = 0x100000
_WHOLE = 16 * _BLOCK
"""Bytes that are looked at without gaps."""
_SAMPLES = 256
_SAMPLE = 0x4000
_ELF_MACHINES = {3: "x86", 40: "ARM", 62: "x86-64", 183: "ARM64", 243: "RISC-V"}
_ELF_CORE, _MACHO_CORE = 4, 4
_MACHO = (b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe")
_KERNEL_HEADERS = {b"DUMP": ("32", 0x1000), b"DU64": ("64", 0x2000)}
_WINDBG = ("!analyze", "Bugcheck Analysis", "BugCheck Analysis")


def describe_unknown(view: BinaryView) -> str:
    """Say what a file is, as one clause without a full stop; its first bytes in hexadecimal when nothing fits."""
    if not view.size:
        return "the file is empty"
    head = view.read_up_to(0, _HEAD)
    described = _one_byte(view, head) or _dump_like(view, head) or _executable(view, head) or _by_signature(head)
    return described or _text(view) or _unknown(view, head)


def _one_byte(view: BinaryView, head: bytes) -> str:
    """Describe a file, or a beginning of a page at least, that repeats one byte."""
    first = head[:1]
    if len(head) < 16 or head.count(first) != len(head):
        return ""
    stop = _first_other(view, first)
    if stop is None and first == b"\0":
        seen = "" if view.size <= _WHOLE else ", wherever it was looked at"
        return f"the file is all zeros{seen}: the disk kept its length but not its data"
    if stop is None:
        seen = "" if view.size <= _WHOLE else " wherever it was looked at"
        return f"every byte of the file is {first[0]:#04x}{seen}"
    what = "zeros" if first == b"\0" else f"bytes {first[0]:#04x}"
    return f"the first {stop:#x} bytes are {what}, where a header should be"


def _first_other(view: BinaryView, byte: bytes) -> int | None:
    """Find the first byte that differs; of a large file all of its beginning and samples of the rest are looked at."""
    same = byte * _BLOCK
    step = max(_BLOCK, (view.size - _WHOLE) // _SAMPLES // _BLOCK * _BLOCK)
    for offset in chain(range(0, min(view.size, _WHOLE), _BLOCK), range(_WHOLE, view.size, step)):
        block = view.read_up_to(offset, _BLOCK if offset < _WHOLE else _SAMPLE)
        if not same.startswith(block):
            return offset + len(block) - len(block.lstrip(byte))
    return None


def _dump_like(view: BinaryView, head: bytes) -> str:
    if head.startswith(b"MDMP"):
        return "it begins like a user-mode minidump (MDMP), but its header is none"
    if not head.startswith(b"PAGE") or len(head) < 8:
        return ""
    kind = head[4:8]
    if kind not in _KERNEL_HEADERS:
        return f"it begins like a kernel dump (PAGE), but its second word is {kind.hex(' ')}, not DUMP or DU64"
    bits, size = _KERNEL_HEADERS[kind]
    if view.size < size:
        return f"a {bits}-bit kernel dump cut off in its header ({view.size:#x} of {size:#x} bytes)"
    return f"it begins like a {bits}-bit kernel dump, but of no known type"


def _executable(view: BinaryView, head: bytes) -> str:
    if head.startswith(b"\x7fELF") and len(head) >= 20:
        return _elf(head)
    if head.startswith(_MACHO) and len(head) >= 16:
        core = int.from_bytes(head[12:16], "little") == _MACHO_CORE
        return "a core dump of macOS (Mach-O)" if core else "a Mach-O file (macOS program or library)"
    if head.startswith(b"MZ") and len(head) >= 64:
        offset = int.from_bytes(head[60:64], "little")
        is_pe = view.read_up_to(offset, 4) == b"PE\0\0"
        return "a Windows program, library or driver (PE)" if is_pe else "a DOS program (MZ)"
    return ""


def _elf(head: bytes) -> str:
    order = "big" if head[5] == 2 else "little"
    kind = int.from_bytes(head[16:18], order)
    number = int.from_bytes(head[18:20], order)
    machine = _ELF_MACHINES.get(number, f"machine {number}")
    if kind != _ELF_CORE:
        return f"an ELF file for {machine} (program or library of Linux or another Unix)"
    if b"VBCORE" in head:
        return f"a VirtualBox core of a virtual machine (ELF, {machine}): convert it to a Windows dump first"
    if b"QEMU" in head:
        return f"a QEMU core of a virtual machine (ELF, {machine}): convert it to a Windows dump first"
    return f"an ELF core dump ({machine}) of Linux or another Unix"


def _by_signature(head: bytes) -> str:
    return next((what for offset, magic, what in _signatures() if head.startswith(magic, offset)), "")


def _signatures() -> list[tuple[int, bytes, str]]:
    from importlib.resources import files

    text = files("bugcheck.dump").joinpath("signatures.tsv").read_text("utf-8")
    rows = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    return [(int(offset, 16), bytes.fromhex(magic), what) for offset, magic, what, _source in rows]


def _text(view: BinaryView) -> str:
    text = _decoded(view.read_up_to(0, _TEXT_HEAD))
    if text is None:
        return ""
    start = text.lstrip("\ufeff \t\r\n")[:256].lower()
    if start.startswith(("<!doctype html", "<html")):
        return "a web page (HTML)"
    if start.startswith("version=") and "eventtype=" in start:
        return "a Windows Error Reporting report (.wer): text about a crash, not its dump"
    if any(sign in text for sign in _WINDBG):
        return "a text that speaks of WinDbg's !analyze, but holds no analysis that could be read"
    return "a text file"


def _decoded(raw: bytes) -> str | None:
    """Decode text in UTF-8 or UTF-16, or None when it is no text."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = raw[: len(raw) & ~1].decode("utf-16", "replace")
    elif len(raw) >= 8 and not raw[1:64:2].strip(b"\0") and raw[:64:2].isascii():
        text = raw[: len(raw) & ~1].decode("utf-16-le", "replace")
    else:
        text = raw.decode("utf-8", "replace")
    odd = sum(not (c.isprintable() or c in "\ufeff\t\r\n\f") or c == "\ufffd" for c in text[:_HEAD])
    return text if len(text) >= 8 and odd * 50 <= min(len(text), _HEAD) else None


def _unknown(view: BinaryView, head: bytes) -> str:
    start = head[:8].hex(" ")
    if view.size < 32:
        return f"only {view.size} bytes, no dump is that short (begins {start})"
    return f"no kind of file that is known here (begins {start})"
