"""The corpus and the builder → Seeds: undamaged files of every format, from which mutants are made.

Source: `bugcheck.synth` for every kernel kind and architecture; ../shared/corpus and ../shared/story where they are.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from bugcheck.synth import (
    Architecture,
    DumpKind,
    MachineDescription,
    arm32_machine,
    arm64_machine,
    build_machine,
    build_minidump,
    kernel_dump_of,
    user_process,
    wow64_process,
    x64_encoded_machine,
    x64_five_level_machine,
    x64_machine,
    x86_machine,
    x86_pae_machine,
)
from fuzz.evidence_files import EVIDENCE_FORMATS, evidence_seeds
from fuzz.hostile import HOSTILE
from fuzz.symbol_files import SYMBOL_FORMATS, symbol_seeds

SHARED = Path(__file__).resolve().parents[2] / "shared"
LOG_TEXTS = Path(__file__).resolve().parents[1] / "tests" / "dump" / "log" / "data"
PACKED = "packed"
HANDMADE = "hostile"
LOGS = "windbg_log"
SEARCHED = (PACKED, LOGS)
"""Formats that no reader of dumps reads: what searches a file for dumps opens them."""
FORMATS = (
    "kernel_full",
    "kernel_summary",
    "kernel_header_only",
    "kernel_triage",
    "kernel_bitmap_full",
    "kernel_bitmap_kernel",
    "kernel_automatic",
    "kernel_live",
    "user_minidump",
    PACKED,
    LOGS,
    HANDMADE,
    *SYMBOL_FORMATS,
    *EVIDENCE_FORMATS,
)
_MACHINES: dict[str, Callable[[], MachineDescription]] = {
    "x64": x64_machine,
    "x64_encoded": x64_encoded_machine,
    "x64_five_level": x64_five_level_machine,
    "x86": x86_machine,
    "x86_pae": x86_pae_machine,
    "arm64": arm64_machine,
    "arm32": arm32_machine,
}
_KINDS = {
    "kernel_full": (DumpKind.FULL,),
    "kernel_summary": (DumpKind.SUMMARY,),
    "kernel_header_only": (DumpKind.HEADER_ONLY,),
    "kernel_triage": (DumpKind.TRIAGE_FULL_PATHS, DumpKind.TRIAGE_BASE_NAMES),
    "kernel_bitmap_full": (DumpKind.BITMAP_FULL,),
    "kernel_bitmap_kernel": (DumpKind.BITMAP_KERNEL, DumpKind.LIVE_KERNEL),
    "kernel_automatic": (DumpKind.AUTOMATIC,),
    "kernel_live": (DumpKind.KERNEL_MEMORY, DumpKind.KERNEL_AND_USER, DumpKind.COMPLETE),
}
_DUMP_TYPES = {
    1: "kernel_full",
    2: "kernel_summary",
    3: "kernel_header_only",
    4: "kernel_triage",
    5: "kernel_bitmap_full",
    6: "kernel_bitmap_kernel",
    7: "kernel_automatic",
    8: "kernel_live",
    9: "kernel_live",
    10: "kernel_live",
}
_REAL = ("corpus/kernel", "corpus/kernel-corrupt", "corpus/user", "corpus/synthetic", "story")


class Seed(NamedTuple):
    """An undamaged file: its name and its bytes."""

    name: str
    data: bytes


@cache
def seeds_of(format_name: str, *, real: bool = True) -> tuple[Seed, ...]:
    """Collect the seeds of a format, the built ones first; `real` adds those of ../shared."""
    if format_name == HANDMADE:
        return tuple(Seed(name, make()) for name, make in HOSTILE.items())
    if format_name in SYMBOL_FORMATS:
        return tuple(Seed(name, data) for name, data in symbol_seeds(format_name, real=real))
    if format_name in EVIDENCE_FORMATS:
        return tuple(Seed(name, data) for name, data in evidence_seeds(format_name, real=real))
    if format_name == LOGS:
        return (*_logs(LOG_TEXTS), *_logs(SHARED / "story", "original.txt")) if real else tuple(_logs(LOG_TEXTS))
    built = packed() if format_name == PACKED else tuple(_built(format_name))
    return built + tuple(_real(format_name)) if real else built


def _logs(folder: Path, pattern: str = "*.txt") -> Iterator[Seed]:
    """Take the logs of a folder."""
    yield from (Seed(path.name, path.read_bytes()) for path in sorted(folder.glob(pattern)))


def _built(format_name: str) -> Iterator[Seed]:
    if format_name == "user_minidump":
        for architecture in Architecture:
            if architecture is not Architecture.X86_PAE:
                yield Seed(f"synth/user_{architecture.name.lower()}", build_minidump(user_process(architecture)))
        yield Seed("synth/user_wow64", build_minidump(wow64_process()))
        return
    for name, describe in _MACHINES.items():
        truth = build_machine(describe())
        for kind in _KINDS[format_name]:
            try:
                yield Seed(f"synth/{name}_{kind.name.lower()}", kernel_dump_of(truth, kind))
            except ValueError:  # this machine cannot have this kind
                continue


def _real(format_name: str) -> Iterator[Seed]:
    for folder in _REAL:
        for path in sorted((SHARED / folder).rglob("*.*dmp")):
            data = path.read_bytes()
            if format_of(data) == format_name:
                yield Seed(str(path.relative_to(SHARED)), data)


def format_of(data: bytes) -> str:
    """Tell a dump's format by its magic and DumpType, without asking the readers; "" for no dump."""
    if data[:4] == b"MDMP":
        return "user_minidump"
    offset = {b"PAGEDUMP": 0xF88, b"PAGEDU64": 0xF98}.get(data[:8])
    if offset is None:
        return ""
    return _DUMP_TYPES.get(int.from_bytes(data[offset : offset + 4], "little"), "")


def packed() -> tuple[Seed, ...]:
    """Pack a small minidump and a small triage dump in every container."""
    user = build_minidump(user_process())
    small = kernel_dump_of(build_machine(x86_machine()), DumpKind.TRIAGE_BASE_NAMES)
    return (
        Seed("synth/user.dmp.gz", gzip.compress(user, mtime=0)),
        Seed("synth/user.dmp.xz", lzma.compress(user)),
        Seed("synth/user.dmp.lzma", lzma.compress(user, lzma.FORMAT_ALONE)),
        Seed("synth/user.dmp.bz2", bz2.compress(user)),
        Seed("synth/two.zip", _zip({"a/user.dmp": user, "b.dmp": small, "note.txt": b"text"}, zipfile.ZIP_DEFLATED)),
        Seed("synth/lzma.zip", _zip({"user.dmp": user}, zipfile.ZIP_LZMA)),
        Seed("synth/bzip2.zip", _zip({"user.dmp": user}, zipfile.ZIP_BZIP2)),
        Seed("synth/nested.zip", _zip({"inner.gz": gzip.compress(small, mtime=0)}, zipfile.ZIP_STORED)),
        Seed("synth/two.tar", _tar({"user.dmp": user, "b.dmp": small})),
        Seed("synth/stored.cab", cabinet(small, 0)),
        Seed("synth/mszip.cab", cabinet(small, 1)),
    )


def _zip(files: dict[str, bytes], method: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return stream.getvalue()


def _tar(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def cabinet(data: bytes, compression: int) -> bytes:
    """Write a cabinet with the one file `a.dmp`, stored (0) or MSZIP (1), after [MS-CAB] 2.3 and [MS-MCI]."""
    blocks: list[bytes] = []
    history = b""
    for start in range(0, len(data), 0x8000):
        piece = data[start : start + 0x8000]
        packer = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=history) if history else zlib.compressobj(9, 8, -15)
        body = b"CK" + packer.compress(piece) + packer.flush() if compression else piece
        blocks.append(struct.pack("<IHH", 0, len(body), len(piece)) + body)
        history = piece
    file_entry = struct.pack("<IIHHHH", len(data), 0, 0, 0x21, 0, 0x20) + b"a.dmp\0"
    data_at = 36 + 8 + len(file_entry)
    folder = struct.pack("<IHH", data_at, len(blocks), compression)
    total = data_at + sum(map(len, blocks))
    header = struct.pack("<4sIIIIIBBHHHHH", b"MSCF", 0, total, 0, 44, 0, 3, 1, 1, 1, 0, 0, 0)
    return header + folder + file_entry + b"".join(blocks)
