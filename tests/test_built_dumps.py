"""Every kind of kernel dump that synth builds, on every architecture, read back and compared with its truth.

Source: the description each dump was built from.  synth and the readers share no structure definition.
"""

from __future__ import annotations

from functools import cache

import pytest

from bugcheck import synth
from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Dump
from bugcheck.dump.open import read_dump
from bugcheck.errors import NotInDump, NotPresent
from bugcheck.machine.machine import Machine
from bugcheck.synth import DumpKind, MachineTruth

MACHINES = {
    "x86": synth.x86_machine,
    "x86_pae": synth.x86_pae_machine,
    "x64": synth.x64_machine,
    "x64_encoded_kdbg": synth.x64_encoded_machine,
    "x64_five_levels": synth.x64_five_level_machine,
    "arm64": synth.arm64_machine,
    "arm32": synth.arm32_machine,
}
RANGE_KINDS = {DumpKind.KERNEL_MEMORY, DumpKind.KERNEL_AND_USER, DumpKind.COMPLETE}
TRIAGE_KINDS = {DumpKind.TRIAGE_FULL_PATHS, DumpKind.TRIAGE_BASE_NAMES}
FORMATS = {
    DumpKind.FULL: "kernel_full",
    DumpKind.SUMMARY: "kernel_summary",
    DumpKind.HEADER_ONLY: "kernel_header",
    DumpKind.TRIAGE_FULL_PATHS: "kernel_triage",
    DumpKind.TRIAGE_BASE_NAMES: "kernel_triage",
    DumpKind.BITMAP_FULL: "kernel_bitmap_full",
    DumpKind.BITMAP_KERNEL: "kernel_bitmap_kernel",
    DumpKind.LIVE_KERNEL: "kernel_bitmap_kernel",
    DumpKind.AUTOMATIC: "kernel_automatic",
    DumpKind.KERNEL_MEMORY: "kernel_live",
    DumpKind.KERNEL_AND_USER: "kernel_live",
    DumpKind.COMPLETE: "kernel_live",
}


def _exists(name: str, kind: DumpKind) -> bool:
    if name == "arm32":
        return kind in TRIAGE_KINDS | {DumpKind.HEADER_ONLY}
    return kind not in RANGE_KINDS or not name.startswith("x86")


CASES = [(name, kind) for name in MACHINES for kind in DumpKind if _exists(name, kind)]
WITH_MODULES = [case for case in CASES if case[1] is not DumpKind.HEADER_ONLY]
WITH_PAGES = [case for case in WITH_MODULES if case[1] not in TRIAGE_KINDS]


def _ids(cases: list[tuple[str, DumpKind]]) -> list[str]:
    return [f"{name}-{kind.name.lower()}" for name, kind in cases]


def cases(chosen: list[tuple[str, DumpKind]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("name", "kind"), chosen, ids=_ids(chosen))


@cache
def truth_of(name: str) -> MachineTruth:
    return synth.build_machine(MACHINES[name]())


@cache
def dump_of(name: str, kind: DumpKind) -> Dump:
    return read_dump(BinaryView(synth.kernel_dump_of(truth_of(name), kind), f"{name}-{kind.name}"))


@cache
def machine_of(name: str, kind: DumpKind) -> Machine:
    return Machine(dump_of(name, kind))


@cases(CASES)
def test_format_and_completeness(name: str, kind: DumpKind) -> None:
    dump = dump_of(name, kind)
    machine = machine_of(name, kind)
    assert dump.format == FORMATS[kind]
    assert machine.modules is not None
    assert dump.complete
    assert dump.gaps == []


@cases(CASES)
def test_bug_check_and_times(name: str, kind: DumpKind) -> None:
    description, header = truth_of(name).description, dump_of(name, kind).kernel
    assert header is not None
    assert (header.bugcheck_code, header.bugcheck_parameters) == (
        description.bugcheck.code,
        description.bugcheck.parameters,
    )
    assert (header.system_time, header.system_up_time) == (description.system_time, description.uptime)
    assert header.build == description.build
    assert header.product_type == description.product_type
    assert header.processor_count == len(description.processors)


@cases(WITH_MODULES)
def test_modules(name: str, kind: DumpKind) -> None:
    wanted = list(truth_of(name).description.modules)
    found = machine_of(name, kind).modules
    assert [(m.base, m.size, m.checksum) for m in found] == [(m.base, m.size, m.checksum) for m in wanted]
    assert [m.image.lower() for m in found] == [m.path.rpartition("\\")[2].lower() for m in wanted]
    in_memory = kind not in TRIAGE_KINDS
    stamps = [
        (m.time_date_stamp, w.timestamp) for m, w in zip(found, wanted, strict=True) if w.has_header or not in_memory
    ]
    assert all(ours == theirs for ours, theirs in stamps)


@cases(WITH_MODULES)
def test_unloaded_modules(name: str, kind: DumpKind) -> None:
    wanted = {(driver.start, driver.end) for driver in truth_of(name).description.unloaded}
    assert {(module.base, module.end) for module in machine_of(name, kind).unloaded_modules} == wanted


@cases(WITH_MODULES)
def test_thread_and_process_of_the_crash(name: str, kind: DumpKind) -> None:
    truth, machine = truth_of(name), machine_of(name, kind)
    processor = truth.crashing_processor
    owner = next(p for p in truth.processes if any(t.address == processor.current_thread for t in p.threads))
    thread = next(t for t in owner.threads if t.address == processor.current_thread)
    assert machine.thread is not None
    assert machine.process is not None
    assert (machine.thread.address, machine.thread.id) == (thread.address, thread.tid)
    assert (machine.process.address, machine.process.id, machine.process.name) == (
        owner.address,
        owner.pid,
        owner.name[:15],
    )


@cases(WITH_PAGES)
def test_processes_and_processors(name: str, kind: DumpKind) -> None:
    truth, machine = truth_of(name), machine_of(name, kind)
    assert [(p.id, p.name, p.address) for p in machine.processes] == [
        (p.pid, p.name[:15], p.address) for p in truth.processes
    ]
    by_number = {processor.number: processor for processor in machine.processors}
    for number, (wanted, described) in enumerate(zip(truth.processors, truth.description.processors, strict=True)):
        found = by_number[number]
        assert (found.prcb, found.current_thread, found.irql) == (wanted.prcb, wanted.current_thread, described.irql)
        assert found.context is not None
        registers = {register.lower(): value for register, value in described.registers.items()}
        shared = registers.keys() & found.context.registers.keys()
        assert len(shared) >= 8
        assert {r: found.context.registers[r] for r in shared} == {r: registers[r] for r in shared}


@cases(WITH_PAGES)
def test_every_kernel_page_reads_as_it_was_written(name: str, kind: DumpKind) -> None:
    truth, memory = truth_of(name), machine_of(name, kind).memory
    compared = 0
    for page in truth.mappings():
        wanted = truth.read(page, 0x1000)
        found = memory.try_read(page, 0x1000)
        if wanted is not None and found is not None:
            assert found == wanted, hex(page)
            compared += 1
        elif wanted is not None:
            # the large page of user data is in complete dumps only; x86 prototypes before Vista are not followed
            with pytest.raises((NotInDump, NotPresent)):
                memory.read(page, 0x1000)
    assert compared > 20


@cases([case for case in CASES if case[1] in TRIAGE_KINDS])
def test_small_dumps_hold_the_stack_as_it_was(name: str, kind: DumpKind) -> None:
    truth, machine = truth_of(name), machine_of(name, kind)
    triage = machine.dump.triage
    assert triage is not None
    assert triage.valid
    stack = machine.memory.read(triage.top_of_stack, 64)
    assert stack == truth.read(triage.top_of_stack, 64)


@pytest.mark.parametrize("kind", [DumpKind.FULL, DumpKind.BITMAP_KERNEL], ids=lambda kind: kind.name.lower())
def test_encoded_debugger_data_is_decoded_without_symbols(kind: DumpKind) -> None:
    data = machine_of("x64_encoded_kdbg", kind).debugger_data
    assert data is not None
    assert data.encoded
    assert data.data == truth_of("x64_encoded_kdbg").kdbg[: len(data.data)]
