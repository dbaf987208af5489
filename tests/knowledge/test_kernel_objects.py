"""object_offsets against System Informer's table, KDDEBUGGER_DATA64 and the objects copied into real triage dumps."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from bugcheck.knowledge.kernel_objects import ObjectOffsets, object_offsets

ARCHITECTURES = {0x14C: "x86", 0x8664: "x64", 0xAA64: "arm64", 0x1C4: "arm"}
# KDDEBUGGER_DATA64 from +0x298 on, u16 each (wdbgexts.h); None where our table has no such name
KDBG_NAMES = [
    None, "KTHREAD.Teb", "KTHREAD.KernelStack", "KTHREAD.InitialStack", "KTHREAD.ApcState.Process", "KTHREAD.State",
    None, None, "EPROCESS.sizeof", "EPROCESS.Peb", "EPROCESS.InheritedFromUniqueProcessId",
    "EPROCESS.DirectoryTableBase", "KPRCB.sizeof", "KPRCB.DpcRoutineActive", "KPRCB.CurrentThread", "KPRCB.MHz",
    ("KPRCB.CpuType", "KPRCB.ProcessorModel"), ("KPRCB.VendorString", "KPRCB.ProcessorVendorString"),
    "KPRCB.ContextFrame", "KPRCB.Number", "ETHREAD.sizeof",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Triage:
    """The object copies of a triage dump."""

    architecture: str
    build: int
    word: int
    data: bytes
    prcb: bytes
    process: bytes
    thread: bytes

    def offsets(self) -> ObjectOffsets:
        """Return the layout for this dump, decided by the sizes of its copies."""
        sizes = {"EPROCESS": len(self.process), "ETHREAD": len(self.thread), "KPRCB": len(self.prcb)}
        found = object_offsets(self.architecture, self.build, sizes=sizes)
        assert found is not None
        return found


def read_triage(path: Path) -> Triage:
    """Cut the PRCB, EPROCESS and ETHREAD out of a triage dump (offsets of TRIAGE_DUMP32/64)."""
    data = path.read_bytes()
    wide = data[4:8] == b"DU64"
    prcb, process, thread, stack = struct.unpack_from("<4I", data, (0x2000 if wide else 0x1000) + 28)
    machine = struct.unpack_from("<I", data, 0x30 if wide else 0x20)[0]
    build = struct.unpack_from("<I", data, 12)[0]
    word = 8 if wide else 4
    return Triage(
        ARCHITECTURES[machine], build, word, data, data[prcb:process], data[process:thread], data[thread:stack]
    )


def number(data: bytes, at: int, size: int) -> int:
    """Return a little-endian number."""
    return int.from_bytes(data[at : at + size], "little")


@cache
def read_all(folder: Path) -> list[Triage]:
    """Read every triage dump of a folder once."""
    return [read_triage(path) for path in sorted(folder.glob("*.dmp"))]


@pytest.fixture
def triage_dumps(corpus: Path) -> list[Triage]:
    return read_all(corpus / "kernel")


@pytest.mark.corpus
def test_process_names_read_as_names(triage_dumps: list[Triage]) -> None:
    for dump in triage_dumps:
        name = dump.process[dump.offsets()["EPROCESS.ImageFileName"] :][:15].rstrip(b"\0")
        assert name.isascii()
        assert name.decode().isprintable()
        # the kernel keeps 14 characters, so a long name loses its extension
        assert name == b"System" or name.endswith(b".exe") or len(name) == 14


@pytest.mark.corpus
def test_sizes_of_the_copies_are_the_sizes_of_the_types(triage_dumps: list[Triage]) -> None:
    for dump in triage_dumps:
        offsets = dump.offsets()
        assert offsets.exact
        assert offsets["EPROCESS.sizeof"] == len(dump.process)
        assert offsets["KPRCB.sizeof"] == len(dump.prcb)
        assert offsets["ETHREAD.sizeof"] == len(dump.thread)


@pytest.mark.corpus
def test_the_current_thread_belongs_to_the_current_process(triage_dumps: list[Triage]) -> None:
    for dump in triage_dumps:
        offsets, word = dump.offsets(), dump.word
        process = number(dump.thread, offsets["KTHREAD.ApcState.Process"], word)
        listed = number(dump.process, offsets["EPROCESS.ActiveProcessLinks"] + word, word)
        assert process >> (word * 8 - 1)
        assert process % word == 0
        assert listed >> (word * 8 - 1)
        limit, base = (number(dump.thread, offsets[f"KTHREAD.{name}"], word) for name in ("StackLimit", "StackBase"))
        assert limit < number(dump.thread, offsets["KTHREAD.InitialStack"], word) <= base
        assert base - limit <= 0x2_0000
        current = number(dump.prcb, offsets["KPRCB.CurrentThread"], word)
        # a list head inside the thread points back into it, so the copy is of the PRCB's current thread
        assert any(number(dump.thread, at, word) == current + at for at in range(0, len(dump.thread) - word, word))


@pytest.mark.corpus
def test_client_ids_agree_between_thread_and_process(triage_dumps: list[Triage]) -> None:
    compared = 0
    for dump in triage_dumps:
        offsets, word = dump.offsets(), dump.word
        own = number(dump.thread, offsets["KTHREAD.ApcState.Process"], word)
        home = number(dump.thread, offsets["KTHREAD.Process"], word)
        if own == home:
            thread_says = number(dump.thread, offsets["ETHREAD.Cid.UniqueProcess"], word)
            assert thread_says == number(dump.process, offsets["EPROCESS.UniqueProcessId"], word)
            assert thread_says % 4 == 0
            assert number(dump.thread, offsets["ETHREAD.Cid.UniqueThread"], word) % 4 == 0
            compared += 1
    assert compared >= 15


@pytest.mark.corpus
def test_processes_were_created_after_2010_and_before_the_dump(triage_dumps: list[Triage]) -> None:
    for dump in triage_dumps:
        created = number(dump.process, dump.offsets()["EPROCESS.CreateTime"], 8)
        assert 0x01CA8A755C6E0000 < created < 0x01DF000000000000


@pytest.mark.corpus
def test_processor_vendor_and_speed(triage_dumps: list[Triage]) -> None:
    for dump in triage_dumps:
        offsets = dump.offsets()
        if dump.architecture == "x64":
            assert dump.prcb[offsets["KPRCB.VendorString"] :][:12] in (b"GenuineIntel", b"AuthenticAMD")
        else:
            # MIDR_EL1.Implementer as a character: A = Arm, Q = Qualcomm
            assert dump.prcb[offsets["KPRCB.ProcessorVendorString"]] in b"AQ"
        assert 400 <= number(dump.prcb, offsets["KPRCB.MHz"], 4) <= 6000
        assert number(dump.prcb, offsets["KPRCB.Number"], 4) < 64
        if "KPRCB.DebuggerSavedIRQL" in offsets:
            assert dump.prcb[offsets["KPRCB.DebuggerSavedIRQL"]] <= 15


@pytest.mark.corpus
def test_kddebugger_data_states_the_same_numbers(triage_dumps: list[Triage]) -> None:
    compared = 0
    for dump in triage_dumps:
        tag = dump.data.find(b"KDBG")
        while tag >= 0 and not 0x2C4 <= number(dump.data, tag + 4, 4) < 0x600:
            tag = dump.data.find(b"KDBG", tag + 1)
        if tag < 0:
            continue
        offsets = dump.offsets()
        stated = struct.unpack_from("<21H", dump.data, tag - 0x10 + 0x298)
        for names, value in zip(KDBG_NAMES, stated, strict=True):
            ours = [offsets[name] for name in ([names] if isinstance(names, str) else names or ()) if name in offsets]
            if ours and value:
                assert ours == [value], (dump.architecture, dump.build, names)
                compared += 1
    assert compared >= 300


@pytest.mark.corpus
def test_system_informer_agrees(corpus: Path) -> None:
    ours = {
        "EpObjectTable": "EPROCESS.ObjectTable",
        "KtInitialStack": "KTHREAD.InitialStack",
        "KtStackLimit": "KTHREAD.StackLimit",
        "KtStackBase": "KTHREAD.StackBase",
        "KtKernelStack": "KTHREAD.KernelStack",
    }
    root = ElementTree.parse(corpus / "symbols" / "kphdyn.xml").getroot()
    sets = {s.attrib["id"]: {f.attrib["name"]: int(f.attrib["value"], 16) for f in s} for s in root.iter("fields")}
    compared = 0
    for data in root.iter("data"):
        architecture = {"amd64": "x64", "arm64": "arm64"}[data.attrib["arch"]]
        _, _, build, revision = map(int, data.attrib["version"].split("."))
        offsets = object_offsets(architecture, build, revision=revision)
        if data.attrib["file"] != "ntoskrnl.exe" or offsets is None or not offsets.exact:
            continue
        for theirs, name in ours.items():
            if name in offsets and theirs in sets[data.text or ""]:
                assert sets[data.text or ""][theirs] == offsets[name], (data.attrib["version"], architecture, name)
                compared += 1
    assert compared > 8000


def test_windows_xp_keeps_the_process_in_the_apc_state_only() -> None:
    # ReactOS and Geoff Chappell describe KTHREAD of XP without a Process member; ETHREAD.ThreadsProcess was at 0x220
    found = object_offsets("x86", 2600)
    assert found is not None
    assert "KTHREAD.Process" not in found
    assert (found["ETHREAD.ThreadsProcess"], found["EPROCESS.ImageFileName"]) == (0x220, 0x174)
    assert (found["EPROCESS.UniqueProcessId"], found["EPROCESS.Peb"]) == (0x84, 0x1B0)


def test_server_2003_differs_between_service_packs() -> None:
    # Volatility's win2003_sp0 and win2003_sp1 tables: ActiveProcessLinks 0x88 and 0x98
    first, second = object_offsets("x86", 3790, service_pack=0), object_offsets("x86", 3790, service_pack=1)
    assert first is not None
    assert second is not None
    assert (first["EPROCESS.ActiveProcessLinks"], second["EPROCESS.ActiveProcessLinks"]) == (0x88, 0x98)


def test_a_measured_size_decides_between_layouts_of_one_build() -> None:
    # Windows 7 SP1 as released has an EPROCESS of 0x4d0 bytes, with the 2018 updates 0x4f8
    old = object_offsets("x64", 7601, sizes={"EPROCESS": 0x4D0})
    new = object_offsets("x64", 7601, sizes={"EPROCESS": 0x4F8})
    assert old is not None
    assert new is not None
    assert (old["KPRCB.VendorString"], new["KPRCB.VendorString"]) == (0x4BB8, 0x53B8)


def test_an_update_revision_decides_too() -> None:
    # 19041.804 has the core count at 0x8e, 19041.2251 at 0x98 (both from their PDBs)
    old, new = object_offsets("x64", 19045, revision=1000), object_offsets("x64", 19045, revision=2965)
    assert old is not None
    assert new is not None
    assert (old["KPRCB.CoresPerPhysicalProcessor"], new["KPRCB.CoresPerPhysicalProcessor"]) == (0x8E, 0x98)


def test_the_nearest_lower_build_is_not_called_exact() -> None:
    found = object_offsets("x64", 20000)
    assert found is not None
    assert (found.exact, found.builds) == (False, (19041, 19045))


@pytest.mark.parametrize(("architecture", "build"), [("x64", 2600), ("ia64", 3790), ("", 0), ("arm64", 10240)])
def test_nothing_below_is_none(architecture: str, build: int) -> None:
    assert object_offsets(architecture, build) is None


def test_a_structure_without_a_stated_size_decides_nothing() -> None:
    # found by fuzz/mutants.py: builds from 26100 on ARM64 state no size of ETHREAD
    assert object_offsets("arm64", 26100, sizes={"ETHREAD": 0x500}) is not None
