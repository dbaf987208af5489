"""Choosing the memory of a dump by what it holds; a huge sparse dump costs little."""

from __future__ import annotations

import mmap
import sys
import tracemalloc
from pathlib import Path

import pytest

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Architecture, Dump, KernelHeader, VirtualRun
from bugcheck.dump.page_maps import RunMap
from bugcheck.errors import NotInDump, UsageError
from bugcheck.memory.layers import LayeredSpace
from bugcheck.memory.open import open_memory, open_physical, open_process
from bugcheck.memory.translated import TranslatedSpace
from bugcheck.memory.virtual_runs import VirtualRuns
from tests.memory.builders import PAGE, Machine, map_arm64, map_pae, map_x64, map_x86

HEAD = 0xFFFF_F800_02A0_33A0
HEAD32 = 0x82A0_33A0


def header(base: int, head: int = HEAD, build: int = 19041) -> KernelHeader:
    values = dict.fromkeys(KernelHeader._fields, 0)
    values |= {"directory_table_base": base, "loaded_module_list": head, "build": build}
    return KernelHeader(**{**values, "bugcheck_parameters": (0, 0, 0, 0), "comment": ""})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("architecture", "mapper", "head", "levels"),
    [
        (Architecture.X64, map_x64, HEAD, 4),
        (Architecture.X64, map_x64, HEAD, 5),
        (Architecture.X86_PAE, map_pae, HEAD32, 0),
        (Architecture.X86, map_x86, HEAD32, 0),
        (Architecture.ARM64, map_arm64, HEAD, 0),
    ],
)
def test_kernel_dumps_with_pages_are_translated(architecture: Architecture, mapper, head: int, levels: int) -> None:
    machine = Machine(architecture)
    base, frame = machine.new_frame(), machine.new_frame()
    mapper(machine, base, head, frame | 0b11, **({"levels": levels} if levels else {}))
    machine.write(frame + head % PAGE, b"PsLoadedModuleList")
    dump = machine.dump()
    dump.kernel = header(base, head)
    space = open_memory(dump)
    assert isinstance(space, TranslatedSpace)
    assert space.read(head, 18) == b"PsLoadedModuleList"
    assert space.pointer_size == architecture.pointer_size
    physical = open_physical(dump)
    assert physical is not None
    assert physical.read(frame + head % PAGE, 2) == b"Ps"
    assert dump.gaps == []


def test_dumps_without_pages_are_read_by_their_runs() -> None:
    runs = [VirtualRun(HEAD, 8, 2, "data block")]
    for kernel in (None, header(0)):
        dump = Dump("any", Architecture.X64, BinaryView(b"..TRIAGE..", "x.dmp"), kernel=kernel, virtual=runs)
        space = open_memory(dump)
        assert isinstance(space, VirtualRuns)
        assert space.read(HEAD, 6) == b"TRIAGE"
        assert open_physical(dump) is None
    with pytest.raises(UsageError):
        open_process(Dump("user", Architecture.X64, BinaryView(b"", "x")), None, 0)  # type: ignore[arg-type]


def test_pages_lie_over_runs_when_a_dump_has_both() -> None:
    machine = Machine(Architecture.X64)
    base, frame = machine.new_frame(), machine.new_frame()
    map_x64(machine, base, HEAD, frame | 1)
    dump = machine.dump()
    dump.kernel = header(base)
    dump.virtual = [VirtualRun(HEAD, 2 * PAGE, 0, "appended")]  # the file starts with HEADHEAD...
    space = open_memory(dump)
    assert isinstance(space, LayeredSpace)
    assert space.read(HEAD, 4) == bytes(4)
    assert space.read((HEAD & -PAGE) + PAGE, 4) == b"HEAD"


def test_arm32_pages_leave_a_gap() -> None:
    machine = Machine(Architecture.ARM32)
    dump = machine.dump()
    dump.kernel = header(0x7200000)
    assert open_memory(dump).read_up_to(0x8000_0000, 4) == b""
    assert "ARM" in dump.gaps[0].missing


def test_a_directory_table_base_that_leads_nowhere_only_faults() -> None:
    machine = Machine(Architecture.X64)
    machine.new_frame()
    dump = machine.dump()
    dump.kernel = header(0xFFFF_FFFF_FFFF_FFFF)
    with pytest.raises(NotInDump):
        open_memory(dump).read(HEAD, 8)


@pytest.mark.skipif(sys.platform == "win32", reason="files are sparse by themselves only elsewhere")
def test_a_64_gib_dump_costs_next_to_nothing(tmp_path: Path) -> None:
    size, head_size = 64 << 30, 0x2000
    machine = Machine(Architecture.X64, first_free_frame=(size >> 12) - 16)
    base, frame = machine.new_frame(), machine.new_frame()
    map_x64(machine, base, HEAD, frame | 1)
    machine.write(frame + HEAD % PAGE, b"far away")
    path = tmp_path / "sparse.dmp"
    with path.open("wb") as file:
        file.truncate(head_size + size)
        for number, content in machine.frames.items():
            file.seek(head_size + number * PAGE)
            file.write(content)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        tracemalloc.start()
        dump = Dump(
            "kernel_full",
            Architecture.X64,
            BinaryView(data, path.name),
            kernel=header(base),
            physical=RunMap([(0, size >> 12)], head_size),
        )
        space = open_memory(dump)
        assert space.read(HEAD, 8) == b"far away"
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
        tracemalloc.stop()
