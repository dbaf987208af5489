"""A built machine → the 0x2000-byte header of a 64-bit kernel dump.

Source: rizin dmp_specs.h, Volatility 3 crash64.json, kdmp-parser's HEADER64 (offsets agree in all three).

Folklore: whatever Windows leaves unset reads "PAGE" in repetition, also where a number should be; a triage dump's
physical memory block is such a place, so its NumberOfRuns reads 0x45474150.
"""

from bugcheck.synth.contexts import build_exception_record64
from bugcheck.synth.description import DumpKind, ExceptionDescription
from bugcheck.synth.record import Record
from bugcheck.synth.truth import MachineTruth

HEADER_SIZE = 0x2000
_MAX_RUNS = 42  # the block is 700 bytes: 16 of header, 16 per run
# Read from real dumps of both layouts.
_MINI_DUMP_FIELDS = {DumpKind.TRIAGE_FULL_PATHS: 0xCFF, DumpKind.TRIAGE_BASE_NAMES: 0xDFF}


def build_header64(truth: MachineTruth, kind: DumpKind, file_size: int) -> bytes:
    """The header; `file_size` (bytes) goes into RequiredDumpSpace."""
    machine = truth.description
    record = Record(HEADER_SIZE, b"PAGE")
    record.put(0x00, b"PAGEDU64")
    record.u32(0x08, machine.major_version)
    record.u32(0x0C, machine.build)
    record.u64(0x10, truth.directory_table_base)
    record.u64(0x18, truth.symbols["MmPfnDatabase"])
    record.u64(0x20, truth.symbols["PsLoadedModuleList"])
    record.u64(0x28, truth.symbols["PsActiveProcessHead"])
    record.u32(0x30, machine.architecture.machine)
    record.u32(0x34, len(machine.processors))
    record.u32(0x38, machine.bugcheck.code)
    for index, parameter in enumerate(machine.bugcheck.parameters):
        record.u64(0x40 + 8 * index, parameter)
    record.u64(0x80, truth.symbols["KdDebuggerDataBlock"])
    if kind not in (DumpKind.TRIAGE_FULL_PATHS, DumpKind.TRIAGE_BASE_NAMES, DumpKind.HEADER_ONLY):
        _physical_memory_block(record, machine.physical_layout)
    record.put(0x348, truth.crashing_processor.context)
    record.put(0xF00, build_exception_record64(machine.exception or ExceptionDescription(0x80000003, 0)))
    _tail(record, truth, kind, file_size)
    return record.done()


def _physical_memory_block(record: Record, runs: tuple[tuple[int, int], ...]) -> None:
    """PHYSICAL_MEMORY_DESCRIPTOR at 0x88: run count, page count, runs of (first page, pages)."""
    if len(runs) > _MAX_RUNS:
        raise ValueError(f"a 64-bit header holds at most {_MAX_RUNS} physical runs, not {len(runs)}")
    record.u32(0x88, len(runs))
    record.u32(0x8C, 0)
    record.u64(0x90, sum(count for _, count in runs))
    for index, (first, count) in enumerate(runs):
        record.u64(0x98 + 16 * index, first)
        record.u64(0xA0 + 16 * index, count)


def _tail(record: Record, truth: MachineTruth, kind: DumpKind, file_size: int) -> None:
    """Everything from DumpType on."""
    machine = truth.description
    record.u32(0xF98, kind.dump_type)
    record.u64(0xFA0, file_size)
    record.u64(0xFA8, machine.system_time)
    if machine.comment:
        record.put(0xFB0, machine.comment.encode("latin-1")[:127] + b"\0")
    record.u64(0x1030, machine.uptime)
    record.u32(0x1038, _MINI_DUMP_FIELDS.get(kind, 0))
    record.u32(0x103C, 0)  # SecondaryDataState
    record.u32(0x1040, machine.product_type)
    record.u32(0x1044, machine.suite_mask)
    record.u32(0x1048, 0)  # WriterStatus
    record.u8(0x104D, 0)  # KdSecondaryVersion
