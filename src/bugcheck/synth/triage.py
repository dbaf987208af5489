"""A built machine → a triage dump (type 4, "small memory dump") in either of the two real layouts.

Source: member order from rizin dmp_specs.h and Ghidra TriageDump.java; positions, sizes and both layouts read from real
dumps (corpus/kernel: builds 9600, 19041, 26100; ARM64 17134 and 22000; ARM 17134).

Folklore:
- Layout A (options ffffffff): Mm, unloaded drivers, PRCB, process, thread, stack, KDBG, drivers with full paths and
  bare loader entries. Layout B (options 41): Mm, PRCB, process, thread, stack, KDBG, unloaded drivers, drivers with
  base names and whole loader entries.
- Data blocks are 16 bytes on 32-bit machines as well, the address sign-extended (seen on ARM; rizin, Ghidra read 12).
- An unloaded driver's name keeps 12 characters; its buffer pointer is zero in layout A.
- SizeOfDump ends behind the TRGD trailer, not at the end of the file: blobs follow.
"""

from dataclasses import dataclass

from bugcheck.synth.architecture import sign_extended
from bugcheck.synth.blobs import build_blobs
from bugcheck.synth.description import DumpKind, MachineDescription, UnloadedDriver
from bugcheck.synth.header import build_header, header_size
from bugcheck.synth.kernel_layouts import kernel_layout
from bugcheck.synth.record import Record, align_up
from bugcheck.synth.triage_drivers import build_driver_list
from bugcheck.synth.truth import MachineTruth

_MAX_STACK = 0x4000
_BLOCK_BYTES = 0x100


@dataclass(frozen=True, slots=True)
class TriagePart:
    """A named stretch of the file; its offset goes into the triage block."""

    name: str
    data: bytes


def build_triage_dump(truth: MachineTruth, kind: DumpKind) -> bytes:
    """Build layout A or B; `kind` is TRIAGE_FULL_PATHS or TRIAGE_BASE_NAMES."""
    full_paths = kind is DumpKind.TRIAGE_FULL_PATHS
    start = header_size(truth)
    at = start + _block_size(truth)
    offsets: dict[str, tuple[int, int]] = {}
    body = bytearray()
    for part in _parts(truth, full_paths):
        body += bytes(align_up(at + len(body), 8) - at - len(body))
        offsets[part.name] = (at + len(body) if part.data else 0, len(part.data))
        body += part.data
    body += bytes(align_up(at + len(body), 8) - at - len(body))
    drivers = build_driver_list(truth, at + len(body), full_paths)
    offsets.update(drivers.offsets)
    body += drivers.data
    body += _data_blocks(truth, at + len(body), offsets)
    body += bytes(align_up(at + len(body), 4) - at - len(body)) + b"TRGD"
    end = at + len(body)
    block = _triage_block(truth, offsets, end, full_paths)
    blobs = build_blobs(truth.description)
    header = build_header(truth, kind, end + len(blobs))
    return header + block + bytes(body) + blobs


def _block_size(truth: MachineTruth) -> int:
    return 0x80 if truth.description.architecture.is_64bit else 0x68


def _parts(truth: MachineTruth, full_paths: bool) -> list[TriagePart]:
    """The fixed parts in the order of the layout."""
    machine, layout = truth.description, kernel_layout(truth.description.layout)
    processor = machine.processors[machine.crashing_processor]
    process = truth.processes[processor.process]
    thread = process.threads[processor.thread]
    unloaded = TriagePart("unloaded", _unloaded_drivers(machine))
    copies = [
        TriagePart("prcb", _copy(truth, truth.crashing_processor.prcb, layout["kprcb"]["size"])),
        TriagePart("process", _copy(truth, process.address, layout["eprocess"]["size"])),
        TriagePart("thread", _copy(truth, thread.address, layout["ethread"]["size"])),
        TriagePart("stack", _stack(truth)),
        TriagePart("kdbg", truth.kdbg),
    ]
    mm = TriagePart("mm", _memory_manager(truth))
    return [mm, unloaded, *copies] if full_paths else [mm, *copies, unloaded]


def _copy(truth: MachineTruth, address: int, size: int) -> bytes:
    data = truth.read(address, size)
    if data is None:
        raise ValueError(f"the builder's own block at {address:#x} is not resident")
    return data


def stack_pointer(machine: MachineDescription) -> int:
    """The crashing processor's stack pointer, whatever its architecture calls it."""
    registers = machine.processors[machine.crashing_processor].registers
    return next((registers[name] for name in ("rsp", "esp", "sp") if name in registers), 0)


def _instruction_pointer(machine: MachineDescription) -> int:
    registers = machine.processors[machine.crashing_processor].registers
    return next((registers[name] for name in ("rip", "eip", "pc") if name in registers), 0)


def _stack(truth: MachineTruth) -> bytes:
    """From the stack pointer to the stack's base, at most 16 KiB; empty when the pointer is outside the stack."""
    machine = truth.description
    processor = machine.processors[machine.crashing_processor]
    thread = machine.processes[processor.process].threads[processor.thread]
    pointer = stack_pointer(machine)
    if not thread.stack_limit <= pointer < thread.stack_base:
        return b""
    return truth.read(pointer, min(thread.stack_base - pointer, _MAX_STACK)) or b""


def _memory_manager(truth: MachineTruth) -> bytes:
    """The Mm block: version, size, then counters that stay zero."""
    size = 0x50 if truth.description.architecture.is_64bit else 0x34
    record = Record(size)
    record.u32(0, 1)
    record.u32(4, size)
    return record.done()


def _unloaded_drivers(machine: MachineDescription) -> bytes:
    """A pointer-sized count, then entries of 0x38 (64-bit) or 0x28 bytes."""
    width = machine.architecture.pointer_size
    count = len(machine.unloaded).to_bytes(width, "little")
    return count + b"".join(_unloaded_driver(driver, width) for driver in machine.unloaded)


def _unloaded_driver(driver: UnloadedDriver, width: int) -> bytes:
    """UNICODE_STRING, 12 characters of name, start, end."""
    name = driver.name[:12].encode("utf-16-le")
    record = Record(4 * width + 24)
    record.u16(0, len(name))
    record.u16(2, len(name))
    record.put(2 * width, name)
    record.uint(2 * width + 24, driver.start, width)
    record.uint(3 * width + 24, driver.end, width)
    return record.done()


def _data_blocks(truth: MachineTruth, at: int, offsets: dict[str, tuple[int, int]]) -> bytes:
    """The table of blocks at file offset `at`, then their bytes; notes the table in `offsets`."""
    blocks = [(address, data) for address, size in _block_ranges(truth) if (data := truth.read(address, size))]
    offsets["blocks"] = (at, len(blocks))
    table = Record(16 * len(blocks))
    contents = bytearray()
    for index, (address, data) in enumerate(blocks):
        table.u64(16 * index, sign_extended(address))
        table.u32(16 * index + 8, at + len(table) + len(contents))
        table.u32(16 * index + 12, len(data))
        contents += data
    return table.done() + bytes(contents)


def _block_ranges(truth: MachineTruth) -> list[tuple[int, int]]:
    """Virtual ranges a real writer keeps: list heads, labels, the code being run, and the described memory."""
    machine, symbols = truth.description, truth.symbols
    width = machine.architecture.pointer_size
    pointer, code = stack_pointer(machine), _instruction_pointer(machine) & ~1
    ranges = [
        (symbols["PsLoadedModuleList"], 2 * width),
        (symbols["KiBugCheckData"], 5 * width),
        (symbols["NtBuildLab"], 0x80),
        (symbols["KiProcessorBlock"], width * len(machine.processors)),
        (code - _BLOCK_BYTES // 2, _BLOCK_BYTES),
        (pointer, len(_stack(truth))),
        *((address, len(data)) for address, data in machine.memory.items()),
    ]
    longest: dict[int, int] = {}
    for address, size in ranges:
        if size and address:
            longest[address] = max(size, longest.get(address, 0))
    return list(longest.items())


def _triage_block(truth: MachineTruth, offsets: dict[str, tuple[int, int]], end: int, full_paths: bool) -> bytes:
    """TRIAGE_DUMP32 or TRIAGE_DUMP64 at the end of the header."""
    machine = truth.description
    wide = machine.architecture.is_64bit
    record = Record(_block_size(truth))
    values = [
        machine.service_pack << 8,  # ServicePackBuild
        end,  # SizeOfDump
        end - 4,  # ValidOffset
        0x348 if wide else 0x320,  # ContextOffset
        0xF00 if wide else 0x7D0,  # ExceptionOffset
        offsets["mm"][0],
        offsets["unloaded"][0],
        offsets["prcb"][0],
        offsets["process"][0],
        offsets["thread"][0],
        *offsets["stack"],
        *offsets["drivers"],
        *offsets["strings"],
        offsets["broken"][0],
        0xFFFFFFFF if full_paths else 0x41,  # TriageOptions
    ]
    for index, value in enumerate(values):
        record.u32(4 * index, value)
    record.uint(0x48, stack_pointer(machine), machine.architecture.pointer_size)  # TopOfStack
    # Behind it: an IA-64 register store (64-bit form only) and a data page, neither used here.
    for index, value in enumerate((*offsets["kdbg"], *offsets["blocks"])):
        record.u32((0x70 if wide else 0x58) + 4 * index, value)
    return record.done()
