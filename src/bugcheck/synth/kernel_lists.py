"""Modules, processes, threads, processors → their kernel blocks, linked as Windows links them.

Source: member offsets from kernel_layouts.json; meanings from nt's public types _KLDR_DATA_TABLE_ENTRY, _EPROCESS,
_ETHREAD, _KPCR, _KPRCB.

Folklore: process and thread lists are threaded through the middle of their blocks, twice for threads (KTHREAD and
ETHREAD links), and every link points at the link inside the next block.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bugcheck.synth.architecture import Architecture
from bugcheck.synth.contexts import build_context
from bugcheck.synth.description import MachineDescription, ModuleDescription, ProcessDescription, ProcessorDescription
from bugcheck.synth.images import TEXT_RVA
from bugcheck.synth.kernel_data import Pool, pointer_bytes, ring, unicode_string
from bugcheck.synth.kernel_layouts import Offsets, kernel_layout
from bugcheck.synth.record import Record
from bugcheck.synth.truth import ModuleTruth, ProcessorTruth, ProcessTruth, ThreadTruth

Write = tuple[int, bytes]
"""A virtual address and what belongs there."""


@dataclass(frozen=True, slots=True)
class KernelBlocks:
    """Addresses given out before anything is written."""

    modules: tuple[ModuleTruth, ...]
    processes: tuple[ProcessTruth, ...]


def place_blocks(description: MachineDescription, pool: Pool, roots: list[int]) -> KernelBlocks:
    """Give every module, process and thread an address; `roots` are page-table root frames per process."""
    layout = kernel_layout(description.layout)
    modules = tuple(ModuleTruth(module, pool.take(layout["ldr"]["size"])) for module in description.modules)
    processes: list[ProcessTruth] = []
    for process, root in zip(description.processes, roots, strict=True):
        address = pool.take(layout["eprocess"]["size"])
        threads = tuple(ThreadTruth(thread.tid, pool.take(layout["ethread"]["size"])) for thread in process.threads)
        processes.append(ProcessTruth(process.pid, process.name, address, root << 12, threads))
    return KernelBlocks(modules, tuple(processes))


def module_writes(description: MachineDescription, blocks: KernelBlocks, head: int, pool: Pool) -> Iterator[Write]:
    """The loader entries with their names, and the list head."""
    links = ring(head, [module.entry for module in blocks.modules])
    yield head, pointer_bytes(description.architecture, *links[head])
    for truth in blocks.modules:
        module = truth.module
        buffers: list[int] = []
        for text in (module.path, module.name):
            buffers.append(pool.take(2 * len(text) + 2))
            yield buffers[-1], text.encode("utf-16-le") + b"\0\0"
        ldr = kernel_layout(description.layout)["ldr"]
        entry = _loader_entry(description.architecture, ldr, module, buffers, links[truth.entry])
        yield truth.entry, entry


def _loader_entry(
    architecture: Architecture, ldr: Offsets, module: ModuleDescription, buffers: list[int], links: tuple[int, int]
) -> bytes:
    """KLDR_DATA_TABLE_ENTRY."""
    width = architecture.pointer_size
    record = Record(ldr["size"])
    record.put(0, pointer_bytes(architecture, *links))
    record.uint(ldr["dll_base"], module.base, width)
    record.uint(ldr["entry_point"], module.base + TEXT_RVA, width)
    record.u32(ldr["size_of_image"], module.size)
    record.put(ldr["full_name"], unicode_string(architecture, module.path, buffers[0]))
    record.put(ldr["base_name"], unicode_string(architecture, module.name, buffers[1]))
    record.u32(ldr["flags"], 0x09004000)
    record.u16(ldr["load_count"], 1)
    record.u32(ldr["checksum"], module.checksum)
    record.u32(ldr["timestamp"], module.timestamp)
    return record.done()


def process_writes(description: MachineDescription, blocks: KernelBlocks, head: int) -> Iterator[Write]:
    """EPROCESS and ETHREAD blocks, and the process list head."""
    layout = kernel_layout(description.layout)
    offset = layout["eprocess"]["links"]
    links = ring(head, [process.address + offset for process in blocks.processes])
    yield head, pointer_bytes(description.architecture, *links[head])
    for process, truth in zip(description.processes, blocks.processes, strict=True):
        thread_links = _thread_rings(layout, truth)
        record = _process_block(description.architecture, layout["eprocess"], process, truth)
        record.put(offset, pointer_bytes(description.architecture, *links[truth.address + offset]))
        for member in ("process_thread_list", "thread_list"):
            at = layout["eprocess"][member]
            record.put(at, pointer_bytes(description.architecture, *thread_links[truth.address + at]))
        yield truth.address, record.done()
        for index, thread in enumerate(truth.threads):
            yield thread.address, thread_block(description, process, truth, index, thread_links)


def _thread_rings(layout: Mapping[str, Offsets], truth: ProcessTruth) -> dict[int, tuple[int, int]]:
    """Both thread lists of a process."""
    process, thread = layout["eprocess"], layout["ethread"]
    out: dict[int, tuple[int, int]] = {}
    for head, link in (("process_thread_list", "tcb_links"), ("thread_list", "links")):
        out.update(ring(truth.address + process[head], [entry.address + thread[link] for entry in truth.threads]))
    return out


def _process_block(
    architecture: Architecture, offsets: Offsets, process: ProcessDescription, truth: ProcessTruth
) -> Record:
    """EPROCESS without its lists."""
    width = architecture.pointer_size
    record = Record(offsets["size"])
    record.u8(0, 3)  # DISPATCHER_HEADER.Type: process object
    record.uint(offsets["directory_table_base"], truth.directory_table_base, width)
    record.uint(offsets["pid"], process.pid, width)
    record.uint(offsets["parent_pid"], process.parent_pid, width)
    record.uint(offsets["peb"], process.peb, width)
    record.u64(offsets["create_time"], process.create_time)
    record.put(offsets["image_name"], process.name.encode("latin-1")[:14])
    record.u32(offsets["active_threads"], len(process.threads))
    return record


def thread_block(
    description: MachineDescription,
    process: ProcessDescription,
    truth: ProcessTruth,
    index: int,
    links: dict[int, tuple[int, int]],
) -> bytes:
    """ETHREAD of the process's thread `index`."""
    architecture, offsets = description.architecture, kernel_layout(description.layout)["ethread"]
    thread, address = process.threads[index], truth.threads[index].address
    width = architecture.pointer_size
    record = Record(offsets["size"])
    record.u8(0, 6)  # DISPATCHER_HEADER.Type: thread object
    for member, value in (
        ("initial_stack", thread.stack_base - (0x10 if width == 4 else 0)),
        ("stack_base", thread.stack_base),
        ("stack_limit", thread.stack_limit),
        ("kernel_stack", thread.kernel_stack),
        ("teb", thread.teb),
        ("apc_process", truth.address),
        ("process", truth.address),
        ("start_address", thread.start_address),
        ("win32_start_address", thread.win32_start_address),
    ):
        record.uint(offsets[member], value, width)
    record.put(offsets["cid"], pointer_bytes(architecture, process.pid, thread.tid))
    record.u8(offsets["state"], thread.state)
    record.u8(offsets["wait_reason"], thread.wait_reason)
    record.u8(offsets["priority"], thread.priority)
    record.u64(offsets["create_time"], thread.create_time)
    for member in ("tcb_links", "links"):
        record.put(offsets[member], pointer_bytes(architecture, *links[address + offsets[member]]))
    return record.done()


def place_processors(description: MachineDescription, blocks: KernelBlocks) -> tuple[ProcessorTruth, ...]:
    """Addresses and contexts of the processors."""
    offset = kernel_layout(description.layout)["kpcr"]["prcb"]
    return tuple(
        ProcessorTruth(
            processor.kpcr,
            processor.kpcr + offset,
            build_context(description.architecture, processor.registers),
            blocks.processes[processor.process].threads[processor.thread].address,
        )
        for processor in description.processors
    )


def processor_writes(
    description: MachineDescription, blocks: KernelBlocks, truths: tuple[ProcessorTruth, ...], version_block: int
) -> Iterator[Write]:
    """The KPCR, which contains the KPRCB, of each processor."""
    for number, (processor, truth) in enumerate(zip(description.processors, truths, strict=True)):
        dtb = blocks.processes[processor.process].directory_table_base
        yield truth.kpcr, _processor_block(description, processor, truth, number, dtb, version_block)


def _processor_block(
    description: MachineDescription,
    processor: ProcessorDescription,
    truth: ProcessorTruth,
    number: int,
    dtb: int,
    version_block: int,
) -> bytes:
    layout, width = kernel_layout(description.layout), description.architecture.pointer_size
    kpcr, prcb = layout["kpcr"], layout["kprcb"]
    record = Record(max(kpcr["size"], kpcr["prcb"] + prcb["size"]))
    record.uint(kpcr["self"], truth.kpcr, width)
    for table, member, value in (
        ("kpcr", "current_prcb", truth.prcb),
        ("kpcr", "irql", processor.irql),
        ("kpcr", "kd_version_block", version_block),
    ):
        if member in layout[table]:
            record.uint(layout[table][member], value, 1 if member == "irql" else width)
    base = kpcr["prcb"]
    record.uint(base + prcb["current_thread"], truth.current_thread, width)
    record.uint(base + prcb["idle_thread"], truth.current_thread, width)
    record.u8(base + prcb["number"], number)
    record.put(base + prcb["cpu_type"], b"\x06\x01\x05\x9e")
    record.u32(base + prcb["mhz"], processor.mhz)
    record.put(base + prcb["vendor"], processor.vendor.encode()[:12])
    record.put(base + prcb["context"], truth.context)
    if "context_pointer" in prcb:
        record.uint(base + prcb["context_pointer"], truth.prcb + prcb["context"], width)
    if "debugger_saved_irql" in prcb:
        record.u8(base + prcb["debugger_saved_irql"], processor.irql)
    controls = {"cr3": dtb, **processor.control_registers}
    for name, offset in layout["special"].items():
        record.uint(base + prcb["special_registers"] + offset, controls.get(name, 0), width)
    return record.done()
