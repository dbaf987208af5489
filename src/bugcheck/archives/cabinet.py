"""A cabinet → its headers, and its folders, each unpacked once.

Source: [MS-CAB] "Cabinet File Format" (structures 2.1 to 2.4); libmspack, through pylibmspack, unpacks.

A folder of a cabinet is one compressed stream that holds its files one after the other.  Each folder is handed to
libmspack as a cabinet of its own with one file in it, the whole stream: so every folder is unpacked once, in the time
its size takes, and no name from the cabinet ever becomes a path.  The block headers give the exact size beforehand.

Folklore: a damaged block ends its folder; what came before it is whole.  In a set of cabinets the last block of a
folder that goes on in the next cabinet says 0 unpacked bytes.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import IO

from bugcheck.archives.packed import CHUNK, Unpacking
from bugcheck.archives.spool import mapped, system_words
from bugcheck.binary import BinaryView, Layout, decode_ascii
from bugcheck.errors import CorruptDump, DumpError
from bugcheck.records import dataclass

_HEADER = Layout("CFHEADER", 36, files_offset=(16, 4), folder_count=(26, 2), file_count=(28, 2), flags=(30, 2))
_FOLDER = Layout("CFFOLDER", 8, data_offset=(0, 4), block_count=(4, 2), compression=(6, 2))
_FILE = Layout("CFFILE", 16, size=(0, 4), start=(4, 4), folder=(8, 2), attributes=(14, 2))
_BLOCK = Layout("CFDATA", 8, packed_size=(4, 2), size=(6, 2))
_PREVIOUS, _NEXT, _RESERVE = 1, 2, 4
_NAME_IS_UTF8 = 0x80
_NAME_LIMIT = 257
_OPEN_FILES = "/proc/self/fd"


@dataclass(frozen=True, slots=True)
class CabinetFile:
    """A CFFILE: `start` and `size` in bytes of the unpacked folder number `folder`."""

    name: str
    size: int
    start: int
    folder: int


@dataclass(frozen=True, slots=True)
class CabinetFolder:
    """A CFFOLDER: its blocks lie from `offset` to at most `end` in the file."""

    offset: int
    end: int
    block_count: int
    compression: int


@dataclass(frozen=True, slots=True)
class Cabinet:
    """A cabinet's headers. `block_reserve`: bytes between a block's header and its data."""

    folders: tuple[CabinetFolder, ...]
    files: tuple[CabinetFile, ...]
    block_reserve: int


@dataclass(frozen=True, slots=True)
class _Blocks:
    """A folder's blocks as their headers tell: where they end, how many are whole, their unpacked size in bytes."""

    end: int
    count: int
    size: int
    damage: str


def read_cabinet(view: BinaryView) -> Cabinet:
    """Read the headers. Raises TruncatedDump when the file ends within them, CorruptDump for an endless name."""
    header = _HEADER.at(view, 0)
    offset, folder_reserve, block_reserve = _after_header(view, header.flags)
    stride = _FOLDER.size + folder_reserve
    folders = [_FOLDER.at(view, offset + index * stride) for index in range(header.folder_count)]
    # blocks of two folders never overlap: a file that says so would be unpacked over and over
    offsets = sorted(folder.data_offset for folder in folders if folder.block_count)
    ends: dict[int, int] = {}
    for start, end in zip(offsets, [*offsets[1:], view.size], strict=False):
        ends.setdefault(start, end)
    return Cabinet(
        tuple(
            CabinetFolder(f.data_offset, ends.get(f.data_offset, f.data_offset), f.block_count, f.compression)
            for f in folders
        ),
        tuple(_files(view, header.files_offset, header.file_count)),
        block_reserve,
    )


def _after_header(view: BinaryView, flags: int) -> tuple[int, int, int]:
    """Return the first folder's offset, and the reserved bytes of a folder and of a block."""
    offset, folder_reserve, block_reserve = _HEADER.size, 0, 0
    if flags & _RESERVE:
        header_reserve, folder_reserve, block_reserve = view.unpack("HBB", offset)
        offset += 4 + header_reserve
    for _ in range(2 * bool(flags & _PREVIOUS) + 2 * bool(flags & _NEXT)):  # a cabinet's and a disk's name each
        offset += len(_name(view, offset)) + 1
    return offset, folder_reserve, block_reserve


def _files(view: BinaryView, offset: int, count: int) -> Iterator[CabinetFile]:
    for _ in range(count):
        file = _FILE.at(view, offset)
        raw = _name(view, offset + _FILE.size)
        name = raw.decode("utf-8", "replace") if file.attributes & _NAME_IS_UTF8 else decode_ascii(raw)
        yield CabinetFile(name, file.size, file.start, file.folder)
        offset += _FILE.size + len(raw) + 1


def _name(view: BinaryView, offset: int) -> bytes:
    raw, nul, _ = view.read_up_to(offset, _NAME_LIMIT).partition(b"\0")
    if not nul:
        raise CorruptDump(view.name, "a cabinet's name without an end", offset)
    return raw


def unpack_folder(view: BinaryView, cabinet: Cabinet, number: int, unpacking: Unpacking) -> tuple[BinaryView, str]:
    """Unpack one folder to a mapped temporary file; also say what damage cut it short, or "".

    Raises:
        LimitExceeded: before anything is unpacked, going by the block headers.
        CorruptDump: nothing at all came out.
        DumpError: the disk is full, or the temporary folder cannot be written to.
    """
    import tempfile

    folder = cabinet.folders[number]
    name = f"{view.name}/folder {number}"
    blocks = _blocks(view, folder, cabinet.block_reserve)
    unpacking.check_size(name, blocks.size, blocks.end - folder.offset)
    unpacking.spend(name, blocks.size)
    try:
        with tempfile.TemporaryFile(dir=unpacking.folder) as file:
            damage = _extract(view, folder, blocks, cabinet.block_reserve, file, unpacking) if blocks.size else ""
            unpacked = mapped(file.fileno(), os.fstat(file.fileno()).st_size, name)
    except OSError as error:
        raise DumpError(name, f"cannot be unpacked to a temporary file: {system_words(error)}") from error
    damage = damage or blocks.damage
    if damage and not unpacked.size:
        raise CorruptDump(name, damage, folder.offset)
    return unpacked, damage


def _blocks(view: BinaryView, folder: CabinetFolder, reserve: int) -> _Blocks:
    offset, size = folder.offset, 0
    end = min(folder.end, view.size)
    for count in range(folder.block_count):
        if offset + _BLOCK.size > end:
            return _Blocks(offset, count, size, "the cabinet is cut off")
        block = _BLOCK.at(view, offset)
        after = offset + _BLOCK.size + reserve + block.packed_size
        if after > end:
            return _Blocks(offset, count, size, "the cabinet is cut off")
        if not block.size:
            return _Blocks(offset, count, size, "it goes on in another cabinet of the set")
        offset, size = after, size + block.size
    return _Blocks(offset, folder.block_count, size, "")


def _extract(
    view: BinaryView, folder: CabinetFolder, blocks: _Blocks, reserve: int, output: IO[bytes], unpacking: Unpacking
) -> str:
    """Let libmspack write the folder into `output`; return what it complained about, or ""."""
    import shutil
    import tempfile

    if os.path.isdir(_OPEN_FILES):  # noqa: PTH112 (pathlib costs 10 ms): both files stay nameless
        member = str(output.fileno())
        with tempfile.TemporaryFile(dir=unpacking.folder) as packed:
            _write_single(view, folder, blocks, reserve, member, packed)
            return _libmspack(f"{_OPEN_FILES}/{packed.fileno()}", member, _OPEN_FILES, blocks.size)
    with tempfile.TemporaryDirectory(dir=unpacking.folder) as private:
        path = os.path.join(private, "packed")  # noqa: PTH118
        with open(path, "wb") as packed:  # noqa: PTH123
            _write_single(view, folder, blocks, reserve, "unpacked", packed)
        damage = _libmspack(path, "unpacked", private, blocks.size)
        with open(os.path.join(private, "unpacked"), "rb") as unpacked:  # noqa: PTH118, PTH123
            shutil.copyfileobj(unpacked, output, CHUNK)
        output.flush()
        return damage


def _libmspack(path: str, member: str, folder: str, size: int) -> str:
    from pylibmspack import CabArchive, MspackError  # pyright: ignore[reportMissingTypeStubs]

    try:
        CabArchive(path).extract_raw(member, folder, max_size=size)
    except MspackError as error:
        return f"the cabinet is damaged ({error})"
    return ""


def _write_single(
    view: BinaryView, folder: CabinetFolder, blocks: _Blocks, reserve: int, member: str, file: IO[bytes]
) -> None:
    """Write a cabinet of one folder and one file `member` that is all of it."""
    entry = struct.pack("<IIHHHH", blocks.size, 0, 0, 0x21, 0, 0) + member.encode() + b"\0"
    prefix = struct.pack("<HBB", 0, 0, reserve) if reserve else b""
    files_offset = _HEADER.size + len(prefix) + _FOLDER.size
    data_offset = files_offset + len(entry)
    total = data_offset + blocks.end - folder.offset
    flags = _RESERVE if reserve else 0
    file.write(struct.pack("<4sIIIIIBBHHHHH", b"MSCF", 0, total, 0, files_offset, 0, 3, 1, 1, 1, flags, 0, 0))
    file.write(prefix + struct.pack("<IHH", data_offset, blocks.count, folder.compression) + entry)
    for offset in range(folder.offset, blocks.end, CHUNK):
        file.write(view.read(offset, min(CHUNK, blocks.end - offset)))
    file.flush()
