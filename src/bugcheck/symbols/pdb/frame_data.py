"""Debug header streams 0 and 9 → FpoRecord and FrameData: how x86 functions keep their frames.

Source: FPO_DATA of winnt.h ("PE Format", "Debug Type", FPO) and FRAMEDATA of `cvinfo.h` in Microsoft's microsoft-pdb
repository (MIT).  Programs are offsets into the strings of the PDB's `/names` stream.

Folklore:
    FPO_DATA counts locals, parameters and saved registers in 4-byte words, FRAMEDATA in bytes.
    A prologue has one FRAMEDATA record for each step, all ending where the function ends: the one that starts last at
    or below an address counts.
    Object files put a 4-byte relocation in front of the FRAMEDATA records; some linkers leave it there.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from bugcheck.symbols.symbols import FpoRecord, FrameData

PROGRAM_LIMIT = 0x1000
"""Longest frame program in bytes; real ones have up to 200."""

_FPO = struct.Struct("<IIIHH")
_FRAME = struct.Struct("<IIIIIIHHI")
_BACK = 64
"""Records below an address that are looked at for one that covers it."""


class FrameTables(NamedTuple):
    """Frame records as an index keeps them, ascending by RVA: their RVAs, the records, the programs' strings."""

    fpo_rva: array[int]
    fpo: bytes
    frame_rva: array[int]
    frame: bytes
    programs: bytes


def index_frames(fpo: bytes, frame: bytes, strings: bytes) -> FrameTables:
    """Sort the streams' records, and keep of `/names` the programs they refer to."""
    fpo_records = sorted(_FPO.iter_unpack(fpo[: len(fpo) // _FPO.size * _FPO.size]))
    body = frame[4:] if len(frame) % _FRAME.size == 4 else frame
    records = sorted(_FRAME.iter_unpack(body[: len(body) // _FRAME.size * _FRAME.size]))
    kept: dict[int, int] = {}
    programs = bytearray(b"\0")
    packed: list[bytes] = []
    for record in records:
        if record[5] not in kept:
            text = strings[record[5] : record[5] + PROGRAM_LIMIT].split(b"\0", 1)[0]
            kept[record[5]] = len(programs) if text else 0
            programs += text + b"\0" if text else b""
        packed.append(_FRAME.pack(*record[:5], kept[record[5]], *record[6:]))
    return FrameTables(
        array("I", [record[0] for record in fpo_records]),
        b"".join([_FPO.pack(*record) for record in fpo_records]),
        array("I", [record[0] for record in records]),
        b"".join(packed),
        bytes(programs),
    )


def find_fpo(starts: Sequence[int], records: memoryview | bytes, rva: int) -> FpoRecord | None:
    """Find the FPO record that covers an RVA."""
    last = bisect_right(starts, rva) - 1
    for number in range(last, max(-1, last - _BACK), -1):
        start, size, local_words, parameter_words, attributes = _FPO.unpack_from(records, number * _FPO.size)
        if rva - start < size:
            return FpoRecord(
                rva=start,
                size=size,
                locals_size=local_words * 4,
                parameters_size=parameter_words * 4,
                prologue_size=attributes & 0xFF,
                saved_registers_size=(attributes >> 8 & 7) * 4,
                uses_ebp=bool(attributes >> 12 & 1),
                has_seh=bool(attributes >> 11 & 1),
                frame_type=attributes >> 14,
            )
    return None


def find_frame(
    starts: Sequence[int], records: memoryview | bytes, programs: memoryview | bytes, rva: int
) -> FrameData | None:
    """Find the FRAMEDATA record that covers an RVA: the one that starts last."""
    last = bisect_right(starts, rva) - 1
    for number in range(last, max(-1, last - _BACK), -1):
        row = _FRAME.unpack_from(records, number * _FRAME.size)
        if rva - row[0] < row[1]:
            program = bytes(programs[row[5] : row[5] + PROGRAM_LIMIT]).split(b"\0", 1)[0]
            return FrameData(
                rva=row[0],
                size=row[1],
                locals_size=row[2],
                parameters_size=row[3],
                max_stack=row[4],
                prologue_size=row[6],
                saved_registers_size=row[7],
                has_seh=bool(row[8] & 1),
                is_function_start=bool(row[8] & 4),
                program=program.decode("ascii", "backslashreplace"),
            )
    return None
