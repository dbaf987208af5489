"""A machine's description → its physical memory, page tables and the truth about both.

Source: none of its own; each structure is written by the file that cites it.

Folklore: kernel page tables must be complete before a process root is forked from them, so user halves come last.
"""

from bugcheck.synth.address_space import AddressSpace
from bugcheck.synth.architecture import Architecture
from bugcheck.synth.description import MachineDescription, ModuleDescription
from bugcheck.synth.images import ImageSpec, build_image, data_rva
from bugcheck.synth.kernel_data import MAX_UNLOADED_DRIVERS, KernelData, Pool, unloaded_driver_entry
from bugcheck.synth.kernel_lists import (
    Write,
    module_writes,
    place_blocks,
    place_processors,
    process_writes,
    processor_writes,
)
from bugcheck.synth.kernel_variables import EXPORTED, fill_variables, reserve_variables
from bugcheck.synth.page_tables import PageTables
from bugcheck.synth.paging import Rights, paging_scheme
from bugcheck.synth.physical import PAGE_SIZE, FrameUse, PhysicalMemory
from bugcheck.synth.shared_user_data import USER_ADDRESS, build_shared_user_data
from bugcheck.synth.truth import MachineTruth

_READ_WRITE = Rights()


def build_machine(description: MachineDescription) -> MachineTruth:
    """Build the machine's memory; raises ValueError when the description contradicts itself."""
    _check(description)
    physical = PhysicalMemory(description.physical_layout, _large_page_frames(description))
    scheme = paging_scheme(description.architecture, description.five_level_paging)
    tables = PageTables(scheme, physical)
    roots = [tables.root] + [physical.allocate(FrameUse.PAGE_TABLE) for _ in description.processes[1:]]
    kernel = AddressSpace(tables, physical, FrameUse.KERNEL)
    pool = Pool(description.pool_base)
    blocks = place_blocks(description, pool, roots)
    processors = place_processors(description, blocks)
    data = KernelData(_kernel_data_base(description), description.architecture)
    reserve_variables(description, data)
    for address, contents in _unloaded_writes(description, data, pool):
        kernel.write(address, contents, _READ_WRITE)
    for address, contents in module_writes(description, blocks, data.symbols["PsLoadedModuleList"], pool):
        _write(kernel, data, address, contents)
    for address, contents in process_writes(description, blocks, data.symbols["PsActiveProcessHead"]):
        _write(kernel, data, address, contents)
    for address, contents in processor_writes(description, blocks, processors, data.symbols["KdVersionBlock"]):
        kernel.write(address, contents, _READ_WRITE)
    kdbg = fill_variables(description, data, [processor.prcb for processor in processors])
    kernel.write(description.shared_user_data, build_shared_user_data(description), _READ_WRITE)
    _write_images(description, kernel, data)
    _write_extra(description, kernel, physical)
    tables.map_self()
    spaces = (kernel, *_user_halves(description, tables, physical, roots, kernel))
    crashing = description.processors[description.crashing_processor]
    return MachineTruth(
        description=description,
        directory_table_base=blocks.processes[crashing.process].directory_table_base,
        symbols=data.symbols,
        kdbg=kdbg,
        modules=blocks.modules,
        processes=blocks.processes,
        processors=processors,
        physical=physical,
        spaces=spaces,
    )


def _check(description: MachineDescription) -> None:
    if not description.modules or not description.processes or not description.processors:
        raise ValueError("a machine needs at least nt, one process and one processor")
    if description.processes[0].user_memory:
        raise ValueError("the first process is System, which has no user half")
    if len(description.unloaded) > MAX_UNLOADED_DRIVERS:
        raise ValueError(f"nt remembers at most {MAX_UNLOADED_DRIVERS} unloaded drivers")
    start = description.architecture.kernel_start
    below = [address for address in description.memory if address < start]
    if below:
        raise ValueError(f"{below[0]:#x} is a user address: put it into a process's user_memory")


def _large_page_frames(description: MachineDescription) -> frozenset[int]:
    """Existing frames that belong to large pages; a huge page spans far more than exist, so the runs are walked."""
    spans = [(page.physical_page, page.physical_page + page.size // PAGE_SIZE) for page in description.large_pages]
    frames = (frame for first, count in description.physical_layout for frame in range(first, first + count))
    return frozenset(frame for frame in frames if any(start <= frame < end for start, end in spans))


def _kernel_data_base(description: MachineDescription) -> int:
    nt = description.modules[0]
    return nt.base + data_rva(nt.code)


def _write(kernel: AddressSpace, data: KernelData, address: int, contents: bytes) -> None:
    """Write to memory, or into nt's data while that is still being collected."""
    for name, symbol in data.symbols.items():
        if symbol == address:
            data.fill(name, contents)
            return
    kernel.write(address, contents, _READ_WRITE)


def _unloaded_writes(description: MachineDescription, data: KernelData, pool: Pool) -> list[Write]:
    """The array behind MmUnloadedDrivers and the names it points at."""
    if not description.unloaded:
        return []
    architecture = description.architecture
    size = len(unloaded_driver_entry(architecture, description.unloaded[0], 0))
    array = pool.take(size * MAX_UNLOADED_DRIVERS)
    writes: list[Write] = [(array, bytes(size * MAX_UNLOADED_DRIVERS))]
    for index, driver in enumerate(description.unloaded):
        buffer = pool.take(2 * len(driver.name) + 2)
        writes.append((buffer, driver.name.encode("utf-16-le") + b"\0\0"))
        writes.append((array + size * index, unloaded_driver_entry(architecture, driver, buffer)))
    data.set_pointer("MmUnloadedDrivers", array)
    data.set_pointer("MmLastUnloadedDriver", len(description.unloaded) % MAX_UNLOADED_DRIVERS)
    return writes


def _write_images(description: MachineDescription, kernel: AddressSpace, data: KernelData) -> None:
    """The pages of nt, which must have its header, and of every other module that has one."""
    for index, module in enumerate(description.modules):
        if index == 0 or module.has_header:
            image = build_image(_image_spec(description.architecture, module, data if index == 0 else None))
            kernel.write(module.base, image.headers, Rights(writable=False))
            for section in image.sections:
                rights = Rights(writable=section.writable, executable=section.executable)
                kernel.write(module.base + section.rva, section.contents, rights)


def _image_spec(architecture: Architecture, module: ModuleDescription, data: KernelData | None) -> ImageSpec:
    exports = {"KeBugCheckEx": 0x1000} if data is not None else {}
    if data is not None:
        exports.update({name: data.symbols[name] - module.base for name in EXPORTED})
    return ImageSpec(
        architecture=architecture,
        name=module.name,
        base=module.base,
        size_of_image=module.size,
        timestamp=module.timestamp,
        checksum=module.checksum,
        code=module.code,
        data=data.done() if data is not None else b"",
        exports=exports,
        pdb=module.pdb,
        version=module.version,
    )


def _write_extra(description: MachineDescription, kernel: AddressSpace, physical: PhysicalMemory) -> None:
    """Free memory, stacks, and pages in the states a reader must tell apart."""
    for process in description.processes:
        for thread in process.threads:
            for page in range(thread.stack_limit, thread.stack_base, PAGE_SIZE):
                kernel.map(page, _READ_WRITE)
    for address, contents in description.memory.items():
        page = address & ~(PAGE_SIZE - 1)
        rights = Rights(page not in description.read_only, page in description.executable)
        kernel.write(address, contents, rights)
    for large in description.large_pages:
        for offset, contents in large.contents.items():
            for frame in range(offset // PAGE_SIZE, (offset + len(contents) - 1) // PAGE_SIZE + 1):
                physical.claim(large.physical_page + frame, FrameUse.KERNEL)
        kernel.map_large(
            large.virtual_address, large.size, large.physical_page, Rights(large.writable, large.executable)
        )
        for offset, contents in large.contents.items():
            _write_physical(physical, large.physical_page * PAGE_SIZE + offset, contents)
    for transition in description.transition_pages:
        kernel.map_transition(transition.virtual_address, transition.contents)
    for prototype in description.prototype_pages:
        kernel.map_prototype(
            prototype.virtual_address,
            prototype.prototype_address,
            prototype.contents,
            prototype.prototype_in_transition,
        )
    for paged_out in description.paged_out_pages:
        kernel.map_paged_out(paged_out.virtual_address, paged_out.file, paged_out.offset)


def _write_physical(physical: PhysicalMemory, address: int, data: bytes) -> None:
    """Write across the frames of a large page."""
    offset = 0
    while offset < len(data):
        count = min(PAGE_SIZE - (address + offset) % PAGE_SIZE, len(data) - offset)
        physical.write(address + offset, data[offset : offset + count])
        offset += count


def _user_halves(
    description: MachineDescription,
    tables: PageTables,
    physical: PhysicalMemory,
    roots: list[int],
    kernel: AddressSpace,
) -> list[AddressSpace]:
    """One address space per process; the first, System, has nothing in it."""
    shared = kernel.translate(description.shared_user_data)
    spaces = [AddressSpace(tables, physical, FrameUse.USER)]
    for process, root in zip(description.processes[1:], roots[1:], strict=True):
        space = AddressSpace(tables.fork(root), physical, FrameUse.USER)
        if shared is not None:
            space.map_shared(USER_ADDRESS, shared // PAGE_SIZE, Rights(writable=False, user=True))
        for address, contents in process.user_memory.items():
            space.write(address, contents, Rights(user=True))
        spaces.append(space)
    return spaces
