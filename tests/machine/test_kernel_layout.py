"""Offsets of the kernel's own objects: by the debugger data, then by the symbols' types, then by the shipped table."""

from __future__ import annotations

from pathlib import Path

import pytest

from bugcheck.archives.files import map_file
from bugcheck.dump.dump import Architecture
from bugcheck.dump.open import read_dump
from bugcheck.machine.kernel_layout import KernelLayout
from bugcheck.machine.machine import Machine
from bugcheck.symbols.isf import open_isf
from bugcheck.symbols.options import SymbolOptions, locator_of
from bugcheck.symbols.types import EnumLayout, Member, TypeLayout, TypeRef, TypeTable

DUMP = "kernel/rizinorg__rizin-testbins__triage_x64.dmp"
TABLE = "symbols/isf/ntkrnlmp.pdb-5278AFF86C341677D7D7835C85B7B844-1.json.xz"
MEMBERS = (
    *(
        "EPROCESS.ImageFileName",
        "EPROCESS.DirectoryTableBase",
        "EPROCESS.ActiveProcessLinks",
        "EPROCESS.ThreadListHead",
    ),
    *("EPROCESS.UniqueProcessId", "EPROCESS.Peb", "ETHREAD.Cid.UniqueThread", "ETHREAD.ThreadListEntry"),
    *("KTHREAD.ApcState.Process", "KTHREAD.StackBase", "KTHREAD.KernelStack", "KTHREAD.State", "KTHREAD.TrapFrame"),
    *("KPRCB.CurrentThread", "KPRCB.MHz", "KPRCB.CpuType", "KPRCB.Number", "KPRCB.DpcData"),
)


class OneType(TypeTable):
    """A kernel whose EPROCESS has moved members."""

    def layout(self, name: str) -> TypeLayout | None:
        pointer = TypeRef("pointer", "", 8)
        if name.removeprefix("_") == "KPROCESS":
            return TypeLayout("_KPROCESS", "struct", 0x100, {"DirectoryTableBase": Member("x", 0x38, pointer)})
        if name.removeprefix("_") != "EPROCESS":
            return None
        pcb = Member("Pcb", 0, TypeRef("struct", "_KPROCESS", 0x100))
        return TypeLayout(
            "_EPROCESS", "struct", 0x900, {"Pcb": pcb, "ThreadListHead": Member("ThreadListHead", 0x777, pointer)}
        )

    def enumeration(self, name: str) -> EnumLayout | None:
        return None


@pytest.fixture(scope="module")
def machine(corpus: Path) -> Machine:
    return Machine(read_dump(map_file(str(corpus / DUMP))))


def test_types_come_before_the_table_and_behind_the_debugger_data(machine: Machine) -> None:
    assert machine.architecture is Architecture.X64
    layout = KernelLayout(machine.dump, machine.debugger_data, types=OneType)
    plain = KernelLayout(machine.dump, machine.debugger_data)
    assert layout.offset("EPROCESS.ThreadListHead") == 0x777 != plain.offset("EPROCESS.ThreadListHead")
    assert layout.offset("EPROCESS.Token") == plain.offset("EPROCESS.Token") is not None
    assert layout.offset("EPROCESS.DirectoryTableBase") == plain.offset("EPROCESS.DirectoryTableBase") == 0x28
    without = KernelLayout(machine.dump, None, types=OneType)
    assert without.offset("EPROCESS.DirectoryTableBase") == 0x38  # of its Pcb


def test_table_and_types_agree_on_the_matched_dump(machine: Machine, corpus: Path) -> None:
    types = open_isf(str(corpus / TABLE), cache=None).types
    by_types = KernelLayout(machine.dump, None, types=lambda: types)
    by_table = KernelLayout(machine.dump, None)
    told = {member: (by_types.offset(member), by_table.offset(member)) for member in MEMBERS}
    assert all(one == other is not None for one, other in told.values()), told


def test_process_and_thread_are_read_through_types(machine: Machine, corpus: Path, tmp_path: Path) -> None:
    options = SymbolOptions(local_path=str(corpus / "symbols/isf"))
    named = Machine(read_dump(map_file(str(corpus / DUMP))), locator_of(options, str(tmp_path)))
    named.layout.__dict__["table"] = None  # no shipped offsets
    assert named.thread == machine.thread
    assert named.process == machine.process
    assert named.process is not None
    assert named.process.name == "System"
