"""A small memory dump (DumpType 4) → Dump: lists and copies of what matters, and blocks of virtual memory.

Source: TRIAGE_DUMP32/64 as rizin `dmp_specs.h` and Ghidra `TriageDump` describe them; the block lies behind the
header, at 0x1000 or 0x2000, and is a table of file offsets.  Checked on both real layouts (options 0xffffffff: full
driver paths, PRCB behind the unloaded-driver list; options 0x41: base names, PRCB before it).
"""

from __future__ import annotations

from bugcheck.binary import BinaryView, Layout, Record
from bugcheck.dump.dump import Dump, TriageFacts, VirtualRun, dump_format
from bugcheck.dump.kernel_header import (
    MAGIC32,
    MAGIC64,
    dump_type_of,
    header_context,
    header_exception,
    header_size,
    is_64_bit,
    read_kernel_header,
)
from bugcheck.dump.secondary_data import read_secondary_data
from bugcheck.dump.triage_lists import read_data_blocks, read_driver_list, read_dump_string, read_unloaded_drivers

DUMP_TYPE_TRIAGE = 4
VALID_SIGNATURE = b"TRGD"

_SHARED = {
    "service_pack_build": (0x00, 4),
    "size_of_dump": (0x04, 4),
    "valid_offset": (0x08, 4),
    "context_offset": (0x0C, 4),
    "exception_offset": (0x10, 4),
    "mm_offset": (0x14, 4),
    "unloaded_offset": (0x18, 4),
    "prcb_offset": (0x1C, 4),
    "process_offset": (0x20, 4),
    "thread_offset": (0x24, 4),
    "call_stack_offset": (0x28, 4),
    "call_stack_size": (0x2C, 4),
    "driver_list_offset": (0x30, 4),
    "driver_count": (0x34, 4),
    "string_pool_offset": (0x38, 4),
    "string_pool_size": (0x3C, 4),
    "broken_driver_offset": (0x40, 4),
    "triage_options": (0x44, 4),
}
TRIAGE32 = Layout(
    "TRIAGE_DUMP32",
    0x68,
    **_SHARED,
    top_of_stack=(0x48, 4),
    data_page_address=(0x4C, 4),
    data_page_offset=(0x50, 4),
    data_page_size=(0x54, 4),
    debugger_data_offset=(0x58, 4),
    debugger_data_size=(0x5C, 4),
    data_blocks_offset=(0x60, 4),
    data_blocks_count=(0x64, 4),
)
TRIAGE64 = Layout(
    "TRIAGE_DUMP64",
    0x80,
    **_SHARED,
    top_of_stack=(0x48, 8),
    data_page_address=(0x60, 8),
    data_page_offset=(0x68, 4),
    data_page_size=(0x6C, 4),
    debugger_data_offset=(0x70, 4),
    debugger_data_size=(0x74, 4),
    data_blocks_offset=(0x78, 4),
    data_blocks_count=(0x7C, 4),
)


def probe(view: BinaryView) -> bool:
    """Tell a small dump by its DumpType."""
    return dump_type_of(view) == DUMP_TYPE_TRIAGE


@dump_format("kernel_triage", magic=(MAGIC32, MAGIC64), probe=probe, what="small memory dump (minidump of the kernel)")
def read_kernel_triage(view: BinaryView) -> Dump:
    """Read a small memory dump. Raises TruncatedDump, CorruptDump for a header that cannot be used."""
    dump = read_kernel_header(view, "kernel_triage")
    layout = TRIAGE64 if is_64_bit(view) else TRIAGE32
    block = layout.at(view, header_size(view))
    dump.triage = _facts(view, block)
    _note_truncation(dump, dump.triage)
    dump.modules = read_driver_list(dump, block.driver_list_offset, block.driver_count)
    dump.unloaded_modules = read_unloaded_drivers(dump, block.unloaded_offset)
    dump.virtual = _virtual_runs(dump, block)
    dump.debugger_data = view.read_up_to(block.debugger_data_offset, min(block.debugger_data_size, 0x4000))
    _context_and_exception(dump, block)
    dump.streams = read_secondary_data(dump, block.size_of_dump)
    dump.left_out = ("all memory but the faulting stack and some blocks around pointers in it",)
    return dump


def _facts(view: BinaryView, block: Record) -> TriageFacts:
    broken = block.broken_driver_offset
    return TriageFacts(
        service_pack_build=block.service_pack_build,
        size_of_dump=block.size_of_dump,
        valid=view.read_up_to(block.valid_offset, 4) == VALID_SIGNATURE,
        prcb_offset=block.prcb_offset,
        process_offset=block.process_offset,
        thread_offset=block.thread_offset,
        mm_offset=block.mm_offset,
        call_stack_offset=block.call_stack_offset,
        call_stack_size=block.call_stack_size,
        top_of_stack=block.top_of_stack,
        debugger_data_offset=block.debugger_data_offset,
        debugger_data_size=block.debugger_data_size,
        triage_options=block.triage_options,
        broken_driver=read_dump_string(view, broken) if broken else "",
        data_block_count=block.data_blocks_count,
    )


def _note_truncation(dump: Dump, triage: TriageFacts) -> None:
    size = dump.file.size
    if size < triage.size_of_dump:
        dump.truncated_at = size
        dump.damage("the end of the dump", f"{triage.size_of_dump - size:#x} bytes of it are missing", size)
    elif not triage.valid:
        dump.damage("the writer's end mark", "no TRGD where the header says: it may not have finished")


def _virtual_runs(dump: Dump, block: Record) -> list[VirtualRun]:
    """Data blocks first: they are the memory as it was, the copies beside them can be older by a moment."""
    runs = read_data_blocks(dump, block.data_blocks_offset, block.data_blocks_count)
    single = [
        VirtualRun(block.top_of_stack, block.call_stack_size, block.call_stack_offset, "call stack"),
        VirtualRun(block.data_page_address, block.data_page_size, block.data_page_offset, "data page"),
    ]
    if dump.kernel is not None and dump.kernel.debugger_data_block:
        address = dump.kernel.debugger_data_block
        single.append(VirtualRun(address, block.debugger_data_size, block.debugger_data_offset, "debugger data"))
    runs.extend(run for run in single if run.start and run.size and run.file_offset)
    runs.sort()
    return runs


def _context_and_exception(dump: Dump, block: Record) -> None:
    if block.context_offset:
        dump.context = header_context(dump.file, dump.architecture, block.context_offset) or dump.context
    if block.exception_offset and block.exception_offset + 0x98 <= dump.file.size:
        dump.exception = header_exception(dump.file, block.exception_offset) or dump.exception
