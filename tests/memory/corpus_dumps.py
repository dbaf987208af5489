"""A tiny loader of kernel dumps with pages, independent of src/bugcheck/dump/formats.

DUMP_HEADER64: machine type at 30h, DirectoryTableBase at 10h, PHYSICAL_MEMORY_DESCRIPTOR at 88h, pages behind 2000h.
DUMP_HEADER: 20h, 10h, 64h, 1000h, PaeEnabled at 5Ch.  (facts/dump-formats.md and rizin's dmp_specs.h; x86 offsets by
volatility3's crash32 symbols.)  Pages always end the file, so a full and a bitmap dump differ only in where they start.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Architecture, Dump, VirtualRun
from bugcheck.memory.physical import PhysicalMemory
from bugcheck.memory.translated import TranslatedSpace
from tests.memory.builders import PAGE, FrameMap


@dataclass
class Loaded:
    """An open dump, its runs and its space."""

    dump: Dump
    runs: list[tuple[int, int]]
    directory_table_base: int
    build: int

    def space(self) -> TranslatedSpace:
        return TranslatedSpace(
            PhysicalMemory(self.dump), self.dump.architecture, self.directory_table_base, build=self.build
        )


def load(path: Path, runs: list[tuple[int, int]] | None = None) -> Loaded:
    """Open a dump; `runs` overrides the header's (bitmap dumps)."""
    with path.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    build = struct.unpack_from("<I", data, 0xC)[0]
    if data[:8] == b"PAGEDU64":
        architecture, descriptor, form = Architecture.X64, 0x88, "<QQ"
        base = struct.unpack_from("<Q", data, 0x10)[0]
        first = descriptor + 16
    else:
        architecture, descriptor, form = (Architecture.X86_PAE if data[0x5C] == 1 else Architecture.X86), 0x64, "<II"
        base = struct.unpack_from("<I", data, 0x10)[0]
        first = descriptor + 8
    count = struct.unpack_from("<I", data, descriptor)[0]
    size = struct.calcsize(form)
    runs = runs or [struct.unpack_from(form, data, first + i * size) for i in range(count)]
    places: dict[int, int] = {}
    offset = len(data) - PAGE * sum(length for _, length in runs)
    for start, length in runs:
        for frame in range(start, start + length):
            places[frame] = offset
            offset += PAGE
    dump = Dump("kernel_full", architecture, BinaryView(data, path.name), physical=FrameMap(places))
    return Loaded(dump, runs, base, build)


def minidump_runs(data: bytes) -> list[VirtualRun]:
    """The runs of a user minidump. MINIDUMP_HEADER, _DIRECTORY, _MEMORY_LIST, _MEMORY64_LIST (minidumpapiset.h)."""
    runs: list[VirtualRun] = []
    count, directory = struct.unpack_from("<II", data, 8)
    for index in range(count):
        kind, _, place = struct.unpack_from("<III", data, directory + 12 * index)
        if kind == 5:
            for entry in range(struct.unpack_from("<I", data, place)[0]):
                start, size, offset = struct.unpack_from("<QII", data, place + 4 + 16 * entry)
                runs.append(VirtualRun(start, size, offset, "memory list"))
        elif kind == 9:
            entries, offset = struct.unpack_from("<QQ", data, place)
            for entry in range(entries):
                start, size = struct.unpack_from("<QQ", data, place + 16 + 16 * entry)
                runs.append(VirtualRun(start, size, offset, "memory list"))
                offset += size
    return runs
