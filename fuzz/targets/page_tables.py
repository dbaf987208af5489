"""Bytes → physical memory with page tables in it: translation and enumeration, every processor."""

from __future__ import annotations

from itertools import pairwise

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Architecture, Dump
from bugcheck.dump.page_maps import RunMap
from bugcheck.errors import MemoryFault
from bugcheck.memory.page_tables.enumeration import Budget
from bugcheck.memory.physical import PhysicalMemory
from bugcheck.memory.translated import TranslatedSpace
from fuzz.targets.target import fuzz

_PAGE = 0x1000
_FORMATS = (
    (Architecture.X86, 4),
    (Architecture.X86_PAE, 4),
    (Architecture.X64, 4),
    (Architecture.X64, 5),
    (Architecture.ARM64, 4),
)
_TABLES, _PAGES = 64, 4096
_TAIL = 16


def one_input(data: bytes) -> None:
    """Take the first byte as the processor, the last 16 as two addresses, the rest as memory from frame 0 on."""
    if len(data) <= 1 + _TAIL:
        return
    architecture, levels = _FORMATS[data[0] % len(_FORMATS)]
    memory = data[1:-_TAIL].ljust(_PAGE, b"\0")
    dump = Dump("kernel_full", architecture, BinaryView(memory, "fuzz.mem"))
    dump.physical = RunMap([(0, len(memory) // _PAGE)], 0)
    space = TranslatedSpace(PhysicalMemory(dump), architecture, 0, levels)
    for at in (-_TAIL, -_TAIL // 2):
        _read(space, int.from_bytes(data[at:][:8], "little") & ((1 << architecture.bits) - 1))
    ranges = list(space.mapped_ranges(budget=Budget(_TABLES, _PAGES)))
    assert all(one.start + one.size <= two.start for one, two in pairwise(ranges))


def _read(space: TranslatedSpace, address: int) -> None:
    try:
        space.translate(address)
    except MemoryFault:
        assert space.try_read(address, 1) is None
    assert len(space.read_up_to(address, 3 * _PAGE)) <= 3 * _PAGE


if __name__ == "__main__":
    fuzz(one_input)
