"""A built machine → the 0x1000-byte header of a 32-bit kernel dump.

Source: rizin dmp_specs.h, Volatility 3 crash.json (offsets agree).

Folklore: the processor mode hides in one byte at 0x5C (PaeEnabled). Unset fields read "PAGE", see header64.py.
"""

from bugcheck.synth.architecture import Architecture
from bugcheck.synth.contexts import build_exception_record32
from bugcheck.synth.description import DumpKind, ExceptionDescription
from bugcheck.synth.record import Record
from bugcheck.synth.truth import MachineTruth

HEADER_SIZE = 0x1000
_MAX_RUNS = 86  # the block is 700 bytes: 8 of header, 8 per run
# Read from real dumps of both layouts.
_MINI_DUMP_FIELDS = {DumpKind.TRIAGE_FULL_PATHS: 0xCFF, DumpKind.TRIAGE_BASE_NAMES: 0xDFF}


def build_header32(truth: MachineTruth, kind: DumpKind, file_size: int) -> bytes:
    """The header; `file_size` (bytes) goes into RequiredDumpSpace."""
    machine = truth.description
    record = Record(HEADER_SIZE, b"PAGE")
    record.put(0x00, b"PAGEDUMP")
    for offset, value in (
        (0x08, machine.major_version),
        (0x0C, machine.build),
        (0x10, truth.directory_table_base),
        (0x14, truth.symbols["MmPfnDatabase"]),
        (0x18, truth.symbols["PsLoadedModuleList"]),
        (0x1C, truth.symbols["PsActiveProcessHead"]),
        (0x20, machine.architecture.machine),
        (0x24, len(machine.processors)),
        (0x28, machine.bugcheck.code),
        (0x60, truth.symbols["KdDebuggerDataBlock"]),
    ):
        record.u32(offset, value)
    for index, parameter in enumerate(machine.bugcheck.parameters):
        record.u32(0x2C + 4 * index, parameter)
    record.u8(0x5C, int(machine.architecture is Architecture.X86_PAE))
    record.u8(0x5D, 0)  # KdSecondaryVersion
    if kind not in (DumpKind.TRIAGE_FULL_PATHS, DumpKind.TRIAGE_BASE_NAMES, DumpKind.HEADER_ONLY):
        _physical_memory_block(record, machine.physical_layout)
    record.put(0x320, truth.crashing_processor.context)
    record.put(0x7D0, build_exception_record32(machine.exception or ExceptionDescription(0x80000003, 0)))
    _tail(record, truth, kind, file_size)
    return record.done()


def _physical_memory_block(record: Record, runs: tuple[tuple[int, int], ...]) -> None:
    """PHYSICAL_MEMORY_DESCRIPTOR at 0x64: run count, page count, runs of (first page, pages), 4 bytes each."""
    if len(runs) > _MAX_RUNS:
        raise ValueError(f"a 32-bit header holds at most {_MAX_RUNS} physical runs, not {len(runs)}")
    record.u32(0x64, len(runs))
    record.u32(0x68, sum(count for _, count in runs))
    for index, (first, count) in enumerate(runs):
        record.u32(0x6C + 8 * index, first)
        record.u32(0x70 + 8 * index, count)


def _tail(record: Record, truth: MachineTruth, kind: DumpKind, file_size: int) -> None:
    """The comment and everything from DumpType on."""
    machine = truth.description
    if machine.comment:
        record.put(0x820, machine.comment.encode("latin-1")[:127] + b"\0")
    record.u32(0xF88, kind.dump_type)
    record.u32(0xF8C, _MINI_DUMP_FIELDS.get(kind, 0))
    record.u32(0xF90, 0)  # SecondaryDataState
    record.u32(0xF94, machine.product_type)
    record.u32(0xF98, machine.suite_mask)
    record.u32(0xF9C, 0)  # WriterStatus
    record.u64(0xFA0, file_size)
    record.u64(0xFB8, machine.uptime)
    record.u64(0xFC0, machine.system_time)
