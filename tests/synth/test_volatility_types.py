"""Source of every expectation: nt's own types of build 19041.804 (ISF from its PDB), read through Volatility 3."""

from pathlib import Path
from typing import Any

import pytest
from volatility3.framework.symbols import intermed

from bugcheck.synth import DumpKind
from tests.synth.built import machine
from tests.synth.volatility import volatility_view

pytestmark = pytest.mark.corpus
ISF = "symbols/isf/ntkrnlmp.pdb-5278AFF86C341677D7D7835C85B7B844-1.json.xz"


def plain(pointer: int) -> int:
    """Volatility masks pointers to the layer's 48 bits; the kernel's half is all ones above them."""
    return int(pointer) | 0xFFFF000000000000 if int(pointer) & 1 << 47 else int(pointer)


class Kernel:
    """Objects of nt's types at virtual addresses of the built x64 machine."""

    def __init__(self, isf: Path) -> None:
        self.truth = machine("x64")
        self.view = volatility_view("x64", DumpKind.FULL)
        self.layer = self.view.virtual(self.truth.directory_table_base)
        self.view.context.symbol_space.append(
            intermed.IntermediateSymbolTable(self.view.context, "isf", "nt", isf.as_uri())
        )

    def text(self, string: Any) -> str:
        """What a _UNICODE_STRING says."""
        return self.layer.read(plain(string.Buffer), int(string.Length)).decode("utf-16-le")

    def at(self, kind: str, address: int) -> Any:
        return self.view.context.object(f"nt!{kind}", layer_name=self.layer.name, offset=address)


@pytest.fixture(scope="module")
def kernel(corpus: Path) -> Kernel:
    if not (corpus / ISF).is_file():
        pytest.skip(f"needs {corpus / ISF}, which is absent")
    return Kernel(corpus / ISF)


def test_active_processes_and_their_threads(kernel: Kernel) -> None:
    truth = kernel.truth
    head = kernel.at("_LIST_ENTRY", truth.symbols["PsActiveProcessHead"])
    link = kernel.view.context.symbol_space.get_type("nt!_EPROCESS").relative_child_offset("ActiveProcessLinks")
    entry, found = plain(head.Flink), []
    while entry != plain(head.vol.offset):
        process = kernel.at("_EPROCESS", entry - link)
        name = process.ImageFileName.cast("string", max_length=15, errors="strict")
        found.append(
            (int(process.UniqueProcessId), str(name), plain(process.vol.offset), int(process.Pcb.DirectoryTableBase))
        )
        entry = plain(process.ActiveProcessLinks.Flink)
    assert found == [(p.pid, p.name, p.address, p.directory_table_base) for p in truth.processes]


def test_threads_of_a_process_by_both_lists(kernel: Kernel) -> None:
    truth, space = kernel.truth, kernel.view.context.symbol_space
    for described, process in zip(truth.description.processes, truth.processes, strict=True):
        block = kernel.at("_EPROCESS", process.address)
        for head, kind, member in (
            (block.ThreadListHead, "_ETHREAD", "ThreadListEntry"),
            (block.Pcb.ThreadListHead, "_KTHREAD", "ThreadListEntry"),
        ):
            offset = space.get_type(f"nt!{kind}").relative_child_offset(member)
            entry, found = plain(head.Flink), []
            while entry != plain(head.vol.offset):
                found.append(entry - offset)
                entry = plain(kernel.at("_LIST_ENTRY", entry).Flink)
            assert found == [thread.address for thread in process.threads]
        for thread, truth_thread in zip(described.threads, process.threads, strict=True):
            block = kernel.at("_ETHREAD", truth_thread.address)
            assert (int(block.Cid.UniqueProcess), int(block.Cid.UniqueThread)) == (process.pid, thread.tid)
            assert plain(block.Tcb.StackBase) == thread.stack_base
            assert plain(block.Tcb.StackLimit) == thread.stack_limit
            assert plain(block.Tcb.KernelStack) == thread.kernel_stack
            assert plain(block.Tcb.Process) == process.address
            assert plain(block.Tcb.ApcState.Process) == process.address
            assert plain(block.Tcb.Teb) == thread.teb


def test_loaded_modules_in_load_order(kernel: Kernel) -> None:
    head = kernel.truth.symbols["PsLoadedModuleList"]
    entry, found = plain(kernel.at("_LIST_ENTRY", head).Flink), []
    while entry != head:
        block = kernel.at("_KLDR_DATA_TABLE_ENTRY", entry)
        found.append(
            (
                kernel.text(block.BaseDllName),
                kernel.text(block.FullDllName),
                plain(block.DllBase),
                int(block.SizeOfImage),
                int(block.TimeDateStamp),
                int(block.CheckSum),
            )
        )
        entry = plain(block.InLoadOrderLinks.Flink)
    modules = kernel.truth.description.modules
    assert found == [(m.name, m.path, m.base, m.size, m.timestamp, m.checksum) for m in modules]


def test_processors(kernel: Kernel) -> None:
    truth = kernel.truth
    for number, (described, processor) in enumerate(zip(truth.description.processors, truth.processors, strict=True)):
        pointer = kernel.layer.read(truth.symbols["KiProcessorBlock"] + 8 * number, 8)
        assert int.from_bytes(pointer, "little") == processor.prcb
        pcr = kernel.at("_KPCR", processor.kpcr)
        assert plain(pcr.Self) == processor.kpcr
        assert plain(pcr.CurrentPrcb) == processor.prcb == plain(pcr.Prcb.vol.offset)
        assert int(pcr.Irql) == described.irql
        prcb = kernel.at("_KPRCB", processor.prcb)
        assert int(prcb.Number) == number
        assert int(prcb.MHz) == described.mhz
        assert plain(prcb.CurrentThread) == processor.current_thread
        assert plain(prcb.Context) == plain(prcb.ProcessorState.ContextFrame.vol.offset)
        frame = prcb.ProcessorState.ContextFrame
        assert (int(frame.Rip), int(frame.Rsp)) == (described.registers["rip"], described.registers["rsp"])
        special = prcb.ProcessorState.SpecialRegisters
        assert int(special.Cr2) == described.control_registers["cr2"]
        assert int(special.Cr3) == truth.processes[described.process].directory_table_base
        assert prcb.VendorString.cast("string", max_length=13) == described.vendor


def test_shared_user_data(kernel: Kernel) -> None:
    description = kernel.truth.description
    shared = kernel.at("_KUSER_SHARED_DATA", description.shared_user_data)
    assert int(shared.NtBuildNumber) == description.build
    assert (int(shared.NtMajorVersion), int(shared.NtMinorVersion)) == (10, 0)
    assert int(shared.SuiteMask) == description.suite_mask
    time = shared.SystemTime
    assert int(time.High1Time) << 32 | int(time.LowPart) == description.system_time
    assert int(time.High1Time) == int(time.High2Time)


def test_version_block(kernel: Kernel) -> None:
    block = kernel.at("_DBGKD_GET_VERSION64", kernel.truth.symbols["KdVersionBlock"])
    assert (int(block.MajorVersion), int(block.MinorVersion)) == (15, 19041)
    assert int(block.KernBase) == kernel.truth.description.modules[0].base
    assert int(block.PsLoadedModuleList) == kernel.truth.symbols["PsLoadedModuleList"]
