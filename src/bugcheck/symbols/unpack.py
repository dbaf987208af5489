"""A compressed symbol file (.pd_, .ex_, .dl_, .sy_) → the file.

Source: [MS-CAB] through `archives.cabinet`; for SZDD "COMPRESS.EXE file formats: SZDD and KWAJ" (libmspack
documentation).

Folklore: symstore /compress writes cabinets of one file in MSZIP or LZX; compress.exe of the 1990s wrote SZDD.  The
name inside is of no interest: the file is verified by its identity.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from bugcheck.archives.cabinet import read_cabinet, unpack_folder
from bugcheck.archives.packed import Limits, Unpacking
from bugcheck.archives.spool import system_words
from bugcheck.binary import BinaryView
from bugcheck.errors import CorruptDump, DumpError, LimitExceeded

SIZE_LIMIT = 4 << 30
"""Bytes of an unpacked file; the largest PDBs can be 4 GiB with common block sizes."""

_SZDD_MAGIC = b"SZDD\x88\xf0'3A"
_CHUNK = 1 << 20
_WINDOW = 0x1000


def is_packed(view: BinaryView) -> bool:
    """Tell whether a file is one of the kinds that `unpack` takes."""
    head = view.read_up_to(0, 9)
    return head.startswith(b"MSCF") or head == _SZDD_MAGIC


def unpack(view: BinaryView, target: Path, size_limit: int = SIZE_LIMIT) -> None:
    """Write the file that a compressed one holds to `target`.

    Raises:
        CorruptDump: it is damaged, or holds no or several files.
        LimitExceeded: it unpacks to more than `size_limit` bytes.
        DumpError: the disk refuses.
    """
    chunks = _szdd(view, size_limit) if view.read_up_to(0, 4) == b"SZDD" else _cabinet(view, target, size_limit)
    try:
        with target.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
    except OSError as error:
        raise DumpError(str(target), f"cannot be written: {system_words(error)}") from error


def _cabinet(view: BinaryView, target: Path, size_limit: int) -> Iterator[bytes]:
    cabinet = read_cabinet(view)
    if len(cabinet.files) != 1 or cabinet.files[0].folder >= len(cabinet.folders):
        raise CorruptDump(view.name, f"a cabinet of {len(cabinet.files)} files where one symbol file was expected")
    file = cabinet.files[0]
    if file.size > size_limit:
        raise LimitExceeded(view.name, f"unpacks to more than {size_limit:#x} bytes (the limit)")
    unpacking = Unpacking(Limits(member_bytes=size_limit, total_bytes=size_limit), folder=str(target.parent))
    folder, damage = unpack_folder(view, cabinet, file.folder, unpacking)
    if damage or file.start + file.size > folder.size:
        raise CorruptDump(view.name, damage or "the cabinet holds less than its file's size")
    for offset in range(file.start, file.start + file.size, _CHUNK):
        yield folder.read(offset, min(_CHUNK, file.start + file.size - offset))


def _szdd(view: BinaryView, size_limit: int) -> Iterator[bytes]:
    """Unpack LZSS with a window of 4 KiB of spaces; 8 literals or matches follow each control byte."""
    if view.read_up_to(0, len(_SZDD_MAGIC)) != _SZDD_MAGIC:
        raise CorruptDump(view.name, "an SZDD file of an unknown mode", 8)
    size = view.u32(10)
    if size > size_limit:
        raise LimitExceeded(view.name, f"unpacks to more than {size_limit:#x} bytes (the limit)")
    source = io.BytesIO(view.read_up_to(14, view.size))
    window = bytearray(b" " * _WINDOW)
    position, done = _WINDOW - 16, 0
    while done < size:
        piece, position = _szdd_group(source, window, position)
        if not piece:
            raise CorruptDump(view.name, f"the SZDD data ends after {done:#x} of {size:#x} bytes")
        piece = piece[: size - done]
        done += len(piece)
        yield piece


def _szdd_group(source: io.BytesIO, window: bytearray, position: int) -> tuple[bytes, int]:
    """Unpack what one control byte governs: at most 8 x 18 bytes; fewer at the end of the data."""
    piece = bytearray()
    for bit in range(8) if (control := source.read(1)) else ():
        pair = source.read(1 if control[0] >> bit & 1 else 2)
        if len(pair) == 1 and control[0] >> bit & 1:
            run = pair
        elif len(pair) == 2:
            start = pair[0] | (pair[1] & 0xF0) << 4
            position = _szdd_match(window, position, start, (pair[1] & 0x0F) + 3, piece)
            continue
        else:
            break
        piece += run
        window[position] = run[0]
        position = (position + 1) % _WINDOW
    return bytes(piece), position


def _szdd_match(window: bytearray, position: int, start: int, length: int, piece: bytearray) -> int:
    for offset in range(length):
        value = window[(start + offset) % _WINDOW]
        window[position] = value
        piece.append(value)
        position = (position + 1) % _WINDOW
    return position
