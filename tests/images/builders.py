"""Small PE images written field by field, and memory with holes; independent of bugcheck's structure definitions."""

from __future__ import annotations

import struct
from collections.abc import Sequence

HEADERS_SIZE = 0x400
TEXT_RVA = 0x1000
DATA_RVA = 0x2000
DATA_RAW = 0x600
NT_OFFSET = 0x80


def pe(
    data: bytes = b"",
    directories: dict[int, tuple[int, int]] | None = None,
    *,
    wide: bool = True,
    stamp: int = 0x5F5E1000,
    checksum: int = 0,
) -> bytes:
    """Write an image: .text of 0x200 bytes at RVA 0x1000, .rdata with `data` at RVA 0x2000 (file offset 0x600)."""
    raw_size = (len(data) + 0x1FF) & ~0x1FF
    pages = (max(len(data), 1) + 0xFFF) & ~0xFFF
    table = [(0, 0)] * 16
    for index, place in (directories or {}).items():
        table[index] = place
    standard = struct.pack("<HBBIIII", 0x20B if wide else 0x10B, 14, 29, 0x200, raw_size, 0, 0x1010)
    bases = struct.pack("<IQ", 0x1000, 0x140000000) if wide else struct.pack("<III", 0x1000, 0x2000, 0x400000)
    windows = struct.pack(
        "<II6HIIIIHH", 0x1000, 0x200, 10, 0, 10, 1, 6, 2, 0, DATA_RVA + pages, HEADERS_SIZE, checksum, 1, 0x4160
    )
    stacks = struct.pack("<4QII" if wide else "<4III", 0x100000, 0x1000, 0x100000, 0x1000, 0, 16)
    optional = standard + bases + windows + stacks + b"".join(struct.pack("<II", *place) for place in table)
    coff = struct.pack("<4sHHIIIHH", b"PE\0\0", 0x8664 if wide else 0x14C, 2, stamp, 0, 0, len(optional), 0x22)
    sections = struct.pack("<8s6IHHI", b".text", 0x180, TEXT_RVA, 0x200, 0x400, 0, 0, 0, 0, 0x60000020)
    sections += struct.pack("<8s6IHHI", b".rdata", len(data), DATA_RVA, raw_size, DATA_RAW, 0, 0, 0, 0, 0x40000040)
    dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", NT_OFFSET)
    head = (dos.ljust(NT_OFFSET, b"\0") + coff + optional + sections).ljust(HEADERS_SIZE, b"\0")
    return head + b"\xcc" * 0x200 + data.ljust(raw_size, b"\0")


def debug_data(records: Sequence[tuple[int, bytes]]) -> tuple[bytes, dict[int, tuple[int, int]]]:
    """Write a debug directory with (type, data) records for `pe`: the section's bytes and the directories."""
    position = 28 * len(records)
    rows, blobs = b"", b""
    for kind, blob in records:
        place = position + len(blobs)
        rows += struct.pack("<IIHHIIII", 0, 0x5F5E1000, 0, 0, kind, len(blob), DATA_RVA + place, DATA_RAW + place)
        blobs += blob
    return rows + blobs, {6: (DATA_RVA, len(rows))}


def rsds(path: bytes, guid: bytes = bytes(range(16)), age: int = 1) -> bytes:
    """Write an RSDS record."""
    return b"RSDS" + guid + struct.pack("<I", age) + path + b"\0"


def node(key: str, value: bytes, children: Sequence[bytes] = (), *, text: bool = False) -> bytes:
    """Write one block of a version resource: length, value length, type, key, value, children, all on 4 bytes."""
    body = _on_4(b"\0" * 6 + key.encode("utf-16-le") + b"\0\0")[6:]
    body += value
    for child in children:
        body = _on_4(b"\0" * 6 + body)[6:] + child
    return struct.pack("<HHH", 6 + len(body), len(value) // 2 if text else len(value), int(text)) + body


def version_block(tables: dict[str, dict[str, str]], file: tuple[int, int, int, int] = (1, 2, 3, 4)) -> bytes:
    """Write VS_VERSIONINFO with product version 10.0.19041.804 and the string tables given by "LLLLCCCC" name."""
    high, low = file[0] << 16 | file[1], file[2] << 16 | file[3]
    fixed = struct.pack(
        "<13I", 0xFEEF04BD, 0x10000, high, low, 10 << 16, 19041 << 16 | 804, 0x3F, 0x1, 0x40004, 3, 7, 0, 0
    )
    written = [
        node(name, b"", [node(key, (text + "\0").encode("utf-16-le"), text=True) for key, text in strings.items()])
        for name, strings in tables.items()
    ]
    return node("VS_VERSION_INFO", fixed, [node("StringFileInfo", b"", written, text=True)])


def version_data(block: bytes, languages: Sequence[int] = (0x409,)) -> tuple[bytes, dict[int, tuple[int, int]]]:
    """Write a resource tree whose type 16, name 1 has `block` in each language, for `pe`."""
    leaves = 72 + 8 * len(languages)
    start = leaves + 16 * len(languages)
    tree = _resource_directory([(3, 0x80000020), (16, 0x80000020)])
    tree += _resource_directory([(1, 0x80000038)])
    tree += _resource_directory([(language, leaves + 16 * index) for index, language in enumerate(languages)])
    tree += struct.pack("<IIII", DATA_RVA + start, len(block), 0, 0) * len(languages)
    data = tree + block
    return data, {2: (DATA_RVA, len(data))}


def export_data(
    functions: Sequence[int | bytes], names: Sequence[tuple[bytes, int]], ordinal_base: int = 1
) -> tuple[bytes, dict[int, tuple[int, int]]]:
    """Write an export table: functions are RVAs or forwarder texts, names are (name, index of its function)."""
    arrays = 40 + 4 * len(functions) + 6 * len(names)
    texts = b"test.sys\0"
    rvas: list[int] = []
    for function in functions:
        if isinstance(function, bytes):
            rvas.append(DATA_RVA + arrays + len(texts))
            texts += function + b"\0"
        else:
            rvas.append(function)
    name_rvas: list[int] = []
    for name, _ in names:
        name_rvas.append(DATA_RVA + arrays + len(texts))
        texts += name + b"\0"
    places = (DATA_RVA + 40, DATA_RVA + 40 + 4 * len(functions), DATA_RVA + 40 + 4 * len(functions) + 4 * len(names))
    head = struct.pack("<IIHHIIIIIII", 0, 0, 0, 0, DATA_RVA + arrays, ordinal_base, len(functions), len(names), *places)
    body = struct.pack(f"<{len(rvas)}I{len(names)}I", *rvas, *name_rvas)
    data = head + body + struct.pack(f"<{len(names)}H", *(index for _, index in names)) + texts
    return data, {0: (DATA_RVA, len(data))}


class Memory:
    """Bytes at a base with missing stretches; counts how often it is asked."""

    def __init__(self, data: bytes, base: int = 0, holes: Sequence[tuple[int, int]] = ()) -> None:
        """Hold `data` at `base` without the stretches `holes`: (offset, size) in bytes."""
        self.data = data
        self.base = base
        self.missing = bytearray(len(data))
        for offset, size in holes:
            self.missing[offset : offset + size] = b"\1" * len(self.missing[offset : offset + size])
        self.calls = 0

    def read_up_to(self, address: int, size: int) -> bytes:
        self.calls += 1
        offset = address - self.base
        if not 0 <= offset < len(self.data):
            return b""
        hole = self.missing.find(1, offset, offset + size)
        return self.data[offset : offset + size if hole < 0 else hole]

    def try_read(self, address: int, size: int) -> bytes | None:
        data = self.read_up_to(address, size)
        return data if len(data) == size else None


def _on_4(data: bytes) -> bytes:
    return data.ljust((len(data) + 3) & ~3, b"\0")


def _resource_directory(entries: Sequence[tuple[int, int]]) -> bytes:
    return struct.pack("<IIHHHH", 0, 0, 0, 0, 0, len(entries)) + b"".join(struct.pack("<II", *row) for row in entries)
