"""PeHeader → VersionInfo: file version, company and original name from an image's VS_VERSION_INFO.

Source: "VS_VERSIONINFO", "VS_FIXEDFILEINFO", "StringFileInfo", "StringTable", "String" (Microsoft documentation, Menus
and other resources); "PE Format", "The .rsrc Section".

Folklore:
    Text and numbers disagree: Microsoft's updates change VS_FIXEDFILEINFO and leave the text FileVersion as it was
    ("10.0.19041.1 (WinBuild…)" in a file that is 10.0.19041.804). The numbers count.
    wValueLength of a String counts characters by the book and bytes in files of some tools; the node's own length and
    the NUL bound the text, so it is not needed.
    .rsrc is the first section to be paged out: headers with a version directory and no bytes behind it are common.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from bugcheck.addresses import format_address
from bugcheck.binary import decode_utf16
from bugcheck.errors import MemoryFault
from bugcheck.gaps import Gap
from bugcheck.images.page_window import PageWindow
from bugcheck.images.pe_header import DIRECTORY_RESOURCE, ByteReader, PeHeader
from bugcheck.records import dataclass, field

RT_VERSION = 16
ENGLISH = 0x0409
ENTRY_LIMIT = 0x400
"""Entries of one resource directory that are looked at."""

BLOCK_LIMIT = 0x10000
"""Largest VS_VERSIONINFO in bytes; its own length field has 16 bits."""

NODE_LIMIT = 512
"""Strings, and tables, that are read of one parent."""

_FIXED_SIGNATURE = 0xFEEF04BD
_FIXED = struct.Struct("<13I")
_NODE = struct.Struct("<HHH")
_ENTRY = struct.Struct("<II")
_IS_DIRECTORY = 0x8000_0000


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """What the version resource says; everything empty when the image has none or its bytes are missing (see `gaps`).

    Attributes:
        file_version: "a.b.c.d" of VS_FIXEDFILEINFO, "" when unknown; product_version likewise.
        file_flags: VS_FF_* that apply. file_type: VFT_* (3 is a driver). file_os: VOS_*.
        language: of the resource, a Windows language identifier.
        strings: of all string tables, English first, then the file's order; the first one of a name counts.
        gaps: what could not be read.
    """

    file_version: str = ""
    product_version: str = ""
    file_flags: int = 0
    file_os: int = 0
    file_type: int = 0
    language: int = 0
    strings: Mapping[str, str] = field(default_factory=dict[str, str])
    gaps: tuple[Gap, ...] = ()

    @property
    def company_name(self) -> str:
        """CompanyName, or ""."""
        return self.strings.get("CompanyName", "")

    @property
    def file_description(self) -> str:
        """FileDescription, or ""."""
        return self.strings.get("FileDescription", "")

    @property
    def product_name(self) -> str:
        """ProductName, or ""."""
        return self.strings.get("ProductName", "")

    @property
    def original_filename(self) -> str:
        """OriginalFilename, or ""."""
        return self.strings.get("OriginalFilename", "")


def read_version_info(reader: ByteReader, header: PeHeader) -> VersionInfo:
    """Find and read the version resource; missing bytes become gaps."""
    directory = header.directory(DIRECTORY_RESOURCE)
    if directory is None:
        return VersionInfo()
    window = PageWindow(reader)
    root = header.base + directory.rva
    where = f"version of image at {format_address(header.base)}"
    try:
        leaf = _find_leaf(window, root)
        if leaf is None:
            return VersionInfo()
        entry, language = leaf
        rva, size = _ENTRY.unpack(window.read(root + entry, _ENTRY.size))
        block = window.up_to(header.base + rva, min(size, BLOCK_LIMIT))
    except MemoryFault as fault:
        return VersionInfo(gaps=(Gap(where, str(fault)),))
    missing = size - len(block)
    gaps = (Gap(where, f"{missing:#x} of {size:#x} bytes", damage=size > BLOCK_LIMIT),) if missing else ()
    return parse_version_info(block, language, gaps)


def _find_leaf(window: PageWindow, root: int) -> tuple[int, int] | None:
    """Walk type, name and language, three levels by the format, to (offset of the data entry from `root`, language)."""
    versions = [row for row in _directory_rows(window, root) if row[0] == RT_VERSION]
    names = _children(window, root, versions[:1])
    languages = sorted(_children(window, root, names[:1]), key=lambda row: row[0] != ENGLISH)
    if not languages or languages[0][1] & _IS_DIRECTORY:
        return None
    return languages[0][1], languages[0][0]


def _children(window: PageWindow, root: int, parents: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Read the rows of a parent's directory; a parent that is a leaf too early is malformed and has none."""
    offsets = [target & ~_IS_DIRECTORY for _, target in parents if target & _IS_DIRECTORY]
    return _directory_rows(window, root + offsets[0]) if offsets else []


def _directory_rows(window: PageWindow, address: int) -> list[tuple[int, int]]:
    named, numbered = struct.unpack("<HH", window.read(address + 12, 4))
    data = window.read(address + 16, min(named + numbered, ENTRY_LIMIT) * _ENTRY.size)
    return [(name, target) for name, target in _ENTRY.iter_unpack(data)]


def parse_version_info(block: bytes, language: int = 0, gaps: tuple[Gap, ...] = ()) -> VersionInfo:
    """Parse the bytes of a VS_VERSIONINFO; what is cut off or malformed in them stays empty."""
    root = next(_nodes(block, 0, len(block)), None)
    if root is None or root.key != "VS_VERSION_INFO":
        return VersionInfo(language=language, gaps=gaps)
    strings = _strings(block, root.value + (root.value_length + 3 & ~3), root.end)
    fixed = _fixed_info(block, root)
    if not fixed:
        return VersionInfo(language=language, strings=strings, gaps=gaps)
    return VersionInfo(
        file_version=_dotted(fixed[2], fixed[3]),
        product_version=_dotted(fixed[4], fixed[5]),
        file_flags=fixed[6] & fixed[7],
        file_os=fixed[8],
        file_type=fixed[9],
        language=language,
        strings=strings,
        gaps=gaps,
    )


@dataclass(frozen=True, slots=True)
class _Node:
    """A block of the tree: its key, where its value begins, how long it claims to be, and where the block ends."""

    key: str
    value: int
    value_length: int
    end: int


def _nodes(block: bytes, position: int, end: int) -> Iterator[_Node]:
    """Iterate over the nodes that lie side by side from `position`; each starts on 4 bytes."""
    for _ in range(NODE_LIMIT):
        if position + _NODE.size > end:
            return
        length, value_length, _ = _NODE.unpack_from(block, position)
        if length < _NODE.size:
            return
        node_end = min(position + length, end)
        key_end = _key_end(block, position + _NODE.size, node_end)
        key = decode_utf16(block[position + _NODE.size : key_end])
        yield _Node(key, key_end + 2 + 3 & ~3, value_length, node_end)
        position = position + length + 3 & ~3


def _key_end(block: bytes, start: int, end: int) -> int:
    """Find the NUL character that ends a key, on a character's boundary; `end` when there is none."""
    position = block.find(b"\0\0", start, end)
    while position >= 0 and (position - start) % 2:
        position = block.find(b"\0\0", position + 1, end)
    return position if position >= 0 else end


def _fixed_info(block: bytes, root: _Node) -> tuple[int, ...]:
    if root.value_length < _FIXED.size or root.value + _FIXED.size > root.end:
        return ()
    fixed = _FIXED.unpack_from(block, root.value)
    return fixed if fixed[0] == _FIXED_SIGNATURE else ()


def _strings(block: bytes, position: int, end: int) -> dict[str, str]:
    tables: list[_Node] = []
    for child in _nodes(block, position, end):
        if child.key == "StringFileInfo":
            tables.extend(_nodes(block, child.value, child.end))
    tables.sort(key=lambda table: not table.key.startswith("0409"))
    strings: dict[str, str] = {}
    for table in tables[:NODE_LIMIT]:
        for node in _nodes(block, table.value, table.end):
            strings.setdefault(node.key, decode_utf16(block[node.value : node.end]))
    return strings


def _dotted(high: int, low: int) -> str:
    return f"{high >> 16}.{high & 0xFFFF}.{low >> 16}.{low & 0xFFFF}"
