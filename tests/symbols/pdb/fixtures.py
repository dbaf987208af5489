"""The committed PDBs, what llvm-pdbutil says of them (data/pdb/expected.py), and PDBs made from them by hand."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from purepdb import MsfFile

from bugcheck.symbols.pdb.index import PdbSymbols
from bugcheck.symbols.pdb.open import open_pdb

DATA = Path(__file__).resolve().parents[1] / "data" / "pdb"
NAMES = ("x64", "x86", "arm64", "public_x64")
MAGIC = b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\x00\x00\x00"


def expected(name: str) -> dict[str, Any]:
    """Read llvm-pdbutil's view of a fixture."""
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


def open_fixture(name: str) -> PdbSymbols:
    """Open a fixture without an index on disk."""
    return open_pdb(DATA / f"{name}.pdb", cache=None)


def streams_of(data: bytes) -> list[bytes]:
    """Read all streams of a PDB; one that is not there is empty."""
    msf = MsfFile(data)
    return [msf.read_stream(n) if msf.is_valid_stream(n) else b"" for n in range(msf.num_streams)]


def write_msf(streams: list[bytes], block: int = 4096) -> bytes:
    """Lay out streams as an MSF 7.00 file (LLVM, "The MSF File Format"), each in consecutive blocks."""
    blocks: list[bytes] = [b"", b"", b""]  # the superblock and two free block maps
    places: list[int] = []
    for stream in streams:
        first = len(blocks)
        blocks += [stream[at : at + block] for at in range(0, len(stream), block)]
        places += range(first, len(blocks))
    sizes = [len(stream) for stream in streams]
    directory = struct.pack(f"<{1 + len(sizes) + len(places)}I", len(sizes), *sizes, *places)
    first = len(blocks)
    blocks += [directory[at : at + block] for at in range(0, len(directory), block)]
    where = len(blocks)
    blocks.append(struct.pack(f"<{where - first}I", *range(first, where)))
    blocks[0] = MAGIC + struct.pack("<6I", block, 1, len(blocks), len(directory), 0, where)
    return b"".join(piece.ljust(block, b"\0") for piece in blocks)


def debug_slots(dbi: bytes) -> tuple[int, list[int]]:
    """Find the optional debug header in a DBI stream: its offset, and the stream numbers in it."""
    modules, contributions, section_map, sources, servers, _, size, ec = struct.unpack_from("<8i", dbi, 24)
    at = 64 + modules + contributions + section_map + sources + servers + ec
    return at, list(struct.unpack_from(f"<{size // 2}H", dbi, at))


def with_debug_streams(data: bytes, added: dict[int, bytes]) -> bytes:
    """Add streams to a PDB under slots of its optional debug header."""
    streams = streams_of(data)
    at, slots = debug_slots(streams[3])
    for slot, stream in added.items():
        slots[slot] = len(streams)
        streams.append(stream)
    streams[3] = streams[3][:at] + struct.pack(f"<{len(slots)}H", *slots) + streams[3][at + 2 * len(slots) :]
    return write_msf(streams)
