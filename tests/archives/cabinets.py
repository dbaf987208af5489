"""Files → a .cab, written by hand from [MS-CAB]: the reader is tested against the page, not against itself."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

STORED, MSZIP, QUANTUM, LZX = 0, 1, 2, 3 | 15 << 8
"""CFFOLDER.typeCompress ([MS-CAB] 2.2); LZX with a window of 2**15 bytes."""
BLOCK = 0x8000


def stored_block(data: bytes) -> bytes:
    """One CFDATA without compression. The checksum 0 means none."""
    return struct.pack("<IHH", 0, len(data), len(data)) + data


def mszip_blocks(data: bytes) -> list[bytes]:
    """CFDATA blocks in MSZIP: each `CK` and raw Deflate, the block before serving as its dictionary ([MS-MCI])."""
    blocks: list[bytes] = []
    previous = b""
    for start in range(0, len(data), BLOCK):
        piece = data[start : start + BLOCK]
        packer = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=previous) if previous else zlib.compressobj(9, 8, -15)
        packed = b"CK" + packer.compress(piece) + packer.flush()
        blocks.append(struct.pack("<IHH", 0, len(packed), len(piece)) + packed)
        previous = piece
    return blocks


def lzx_blocks(data: bytes) -> list[bytes]:
    """CFDATA blocks in LZX, one uncompressed LZX block over all ([MS-PATCH] 2.3: E8 bit, type 3, 24-bit size)."""
    bits = 0 << 27 | 3 << 24 | len(data)  # 28 bits, filled up to 32 below
    word = bits << 4
    start = struct.pack("<HHIII", word >> 16, word & 0xFFFF, 1, 1, 1)
    blocks: list[bytes] = []
    for offset in range(0, len(data), BLOCK):
        piece = data[offset : offset + BLOCK]
        packed = (start if not offset else b"") + piece
        blocks.append(struct.pack("<IHH", 0, len(packed), len(piece)) + packed)
    return blocks


def cabinet(
    files: Sequence[tuple[str, int, int, int]],
    folders: Sequence[tuple[int, Sequence[bytes]]],
    *,
    reserve: int = 0,
    next_cabinet: str = "",
) -> bytes:
    """Write a cabinet: files as (name, size, start in the folder, folder number), folders as (compression, blocks)."""
    flags = 4 * bool(reserve) | 2 * bool(next_cabinet)
    extra = struct.pack("<HBB", 6, 3, reserve) + b"header" if reserve else b""
    extra += next_cabinet.encode() + b"\0disk 2\0" if next_cabinet else b""
    folder_reserve = b"fol" if reserve else b""
    entries = b"".join(
        struct.pack("<IIHHHH", size, start, folder, 0x21, 0, 0) + name.encode("latin-1") + b"\0"
        for name, size, start, folder in files
    )
    files_at = 36 + len(extra) + len(folders) * (8 + len(folder_reserve))
    data_at = files_at + len(entries)
    table = data = b""
    for compression, blocks in folders:
        table += struct.pack("<IHH", data_at + len(data), len(blocks), compression) + folder_reserve
        data += b"".join(block[:8] + bytes(reserve) + block[8:] for block in blocks)
    total = data_at + len(data)
    counts = (len(folders), len(files))
    header = struct.pack("<4sIIIIIBBHHHHH", b"MSCF", 0, total, 0, files_at, 0, 3, 1, *counts, flags, 7, 0)
    return header + extra + table + entries + data
