"""A process's description → the bytes of each minidump stream.

Source: minidumpapiset.h as documented on Microsoft Learn: MINIDUMP_THREAD (0x30 bytes), MINIDUMP_MODULE (0x6C),
MINIDUMP_EXCEPTION_STREAM (0xA8), MINIDUMP_SYSTEM_INFO (0x38), MINIDUMP_MISC_INFO_4 (832), MINIDUMP_THREAD_INFO (0x40),
MINIDUMP_THREAD_NAME (12), MINIDUMP_UNLOADED_MODULE (24), MINIDUMP_MEMORY_INFO (48), MINIDUMP_HANDLE_DESCRIPTOR (32).

Folklore: structures are packed to 4 bytes, so a thread's name offset of 8 bytes stands at +4.
"""

from collections.abc import Callable

from bugcheck.synth.architecture import Architecture
from bugcheck.synth.contexts import build_context, build_exception_record64
from bugcheck.synth.minidump_heap import Location, MinidumpHeap
from bugcheck.synth.process_description import UserModule, UserProcessDescription, UserThread
from bugcheck.synth.record import Record
from bugcheck.synth.version_resource import fixed_file_info

StreamWriter = Callable[[UserProcessDescription, MinidumpHeap], bytes]


def verbatim(data: bytes) -> StreamWriter:
    """A writer that gives fixed bytes, for streams no reader knows."""
    return lambda _process, _heap: data


def _locate(record: Record, offset: int, location: Location) -> None:
    """MINIDUMP_LOCATION_DESCRIPTOR."""
    record.u32(offset, location[0])
    record.u32(offset + 4, location[1])


def _context(process: UserProcessDescription, thread: UserThread, heap: MinidumpHeap) -> Location:
    """The thread's CONTEXT, written once."""
    # Contexts are kept like memory, under an address no process has.
    return heap.add_memory(-1 - thread.tid, build_context(process.architecture, thread.registers))


def thread_list(process: UserProcessDescription, heap: MinidumpHeap) -> bytes:
    """Stream 3: MINIDUMP_THREAD_LIST with stacks and contexts."""
    record = Record(4 + 0x30 * len(process.threads))
    record.u32(0, len(process.threads))
    for index, thread in enumerate(process.threads):
        at = 4 + 0x30 * index
        for offset, value in (
            (0x00, thread.tid),
            (0x04, thread.suspend_count),
            (0x08, thread.priority_class),
            (0x0C, thread.priority),
        ):
            record.u32(at + offset, value)
        record.u64(at + 0x10, thread.teb)
        record.u64(at + 0x18, thread.stack_start)
        if not process.full_memory:
            _locate(record, at + 0x20, heap.add_memory(thread.stack_start, thread.stack))
        _locate(record, at + 0x28, _context(process, thread, heap))
    return record.done()


def thread_info_list(process: UserProcessDescription, heap: MinidumpHeap) -> bytes:  # noqa: ARG001
    """Stream 17: MINIDUMP_THREAD_INFO_LIST."""
    record = Record(12 + 0x40 * len(process.threads))
    _list_header(record, 12, 0x40, len(process.threads))
    for index, thread in enumerate(process.threads):
        at = 12 + 0x40 * index
        record.u32(at, thread.tid)
        record.u32(at + 0x0C, 0x103)  # ExitStatus: still active
        for offset, value in (
            (0x10, thread.create_time),
            (0x20, thread.kernel_time),
            (0x28, thread.user_time),
            (0x30, thread.start_address),
            (0x38, thread.affinity),
        ):
            record.u64(at + offset, value)
    return record.done()


def thread_names(process: UserProcessDescription, heap: MinidumpHeap) -> bytes:
    """Stream 24: MINIDUMP_THREAD_NAME_LIST; threads without a name have no entry."""
    named = [thread for thread in process.threads if thread.name]
    record = Record(4 + 12 * len(named))
    record.u32(0, len(named))
    for index, thread in enumerate(named):
        record.u32(4 + 12 * index, thread.tid)
        record.u64(8 + 12 * index, heap.add_string(thread.name))
    return record.done()


def module_list(process: UserProcessDescription, heap: MinidumpHeap) -> bytes:
    """Stream 4: MINIDUMP_MODULE_LIST with names, versions and CodeView records."""
    record = Record(4 + 0x6C * len(process.modules))
    record.u32(0, len(process.modules))
    for index, module in enumerate(process.modules):
        record.put(4 + 0x6C * index, _module(module, heap))
    return record.done()


def _module(module: UserModule, heap: MinidumpHeap) -> bytes:
    """MINIDUMP_MODULE."""
    record = Record(0x6C)
    record.u64(0x00, module.base)
    record.u32(0x08, module.size)
    record.u32(0x0C, module.checksum)
    record.u32(0x10, module.timestamp)
    record.u32(0x14, heap.add_string(module.path))
    if module.version is not None:
        record.put(0x18, fixed_file_info(module.version))
    if module.pdb is not None:
        age = module.pdb.age.to_bytes(4, "little")
        codeview = b"RSDS" + module.pdb.guid + age + module.pdb.name.encode() + b"\0"
        _locate(record, 0x4C, heap.add(codeview))
    return record.done()


def unloaded_module_list(process: UserProcessDescription, heap: MinidumpHeap) -> bytes:
    """Stream 14: MINIDUMP_UNLOADED_MODULE_LIST."""
    record = Record(12 + 24 * len(process.unloaded))
    _list_header(record, 12, 24, len(process.unloaded))
    for index, module in enumerate(process.unloaded):
        at = 12 + 24 * index
        record.u64(at, module.base)
        record.u32(at + 8, module.size)
        record.u32(at + 12, module.checksum)
        record.u32(at + 16, module.timestamp)
        record.u32(at + 20, heap.add_string(module.path))
    return record.done()


def exception(process: UserProcessDescription, heap: MinidumpHeap) -> bytes:
    """Stream 6: MINIDUMP_EXCEPTION_STREAM; raises ValueError when the process has no exception."""
    if process.exception is None:
        raise ValueError("this process has no exception")
    thread = process.threads[process.exception_thread]
    record = Record(0xA8)
    record.u32(0x00, thread.tid)
    record.put(0x08, build_exception_record64(process.exception))
    _locate(record, 0xA0, _context(process, thread, heap))
    return record.done()


def system_info(process: UserProcessDescription, heap: MinidumpHeap) -> bytes:
    """Stream 7: MINIDUMP_SYSTEM_INFO."""
    record = Record(0x38)
    record.u16(0x00, process.architecture.processor_architecture)
    record.u16(0x02, 6)  # ProcessorLevel
    record.u16(0x04, 0x9E0A)  # ProcessorRevision
    record.u8(0x06, process.processors)
    record.u8(0x07, process.product_type)
    for index, value in enumerate(process.version):
        record.u32(0x08 + 4 * index, value)
    record.u32(0x14, 2)  # VER_PLATFORM_WIN32_NT
    record.u32(0x18, heap.add_string(process.service_pack_text))
    record.u16(0x1C, process.suite_mask)
    if process.architecture is Architecture.X86:
        record.put(0x20, b"GenuineIntel")
        record.u32(0x2C, 0x000906EA)  # CPUID 1 EAX
        record.u32(0x30, 0xBFEBFBFF)  # CPUID 1 EDX
    else:
        record.u64(0x20, 0x0000000001FF6E3F)  # ProcessorFeatures
    return record.done()


def misc_info(process: UserProcessDescription, heap: MinidumpHeap) -> bytes:  # noqa: ARG001
    """Stream 15: MINIDUMP_MISC_INFO_4."""
    record = Record(832)
    values = [
        832,
        0x1F7,  # ids, times, power, integrity, execute flags, time zone, protection, build string
        process.pid,
        process.times.created,
        process.times.user,
        process.times.kernel,
        3000,  # ProcessorMaxMhz
        2400,  # ProcessorCurrentMhz
        3000,  # ProcessorMhzLimit
        2,
        1,
        0x2000,  # ProcessIntegrityLevel: medium
        0x4D,  # ProcessExecuteFlags
        0,
        1,  # TimeZoneId: standard
    ]
    for index, value in enumerate(values):
        record.u32(4 * index, value)
    record.u32(0x3C, -60)  # TIME_ZONE_INFORMATION.Bias in minutes
    record.put(0x40, "Synthetic Standard Time".encode("utf-16-le"))
    record.put(0xE8, process.build_string.encode("utf-16-le")[:518])
    record.put(0x2F0, "dbgcore.synth,1.0".encode("utf-16-le"))
    return record.done()


def memory_info_list(process: UserProcessDescription, heap: MinidumpHeap) -> bytes:  # noqa: ARG001
    """Stream 16: MINIDUMP_MEMORY_INFO_LIST."""
    record = Record(16 + 48 * len(process.regions))
    record.u32(0, 16)
    record.u32(4, 48)
    record.u64(8, len(process.regions))
    for index, region in enumerate(process.regions):
        at = 16 + 48 * index
        record.u64(at, region.base)
        record.u64(at + 8, region.base if region.allocation_base is None else region.allocation_base)
        record.u32(at + 16, region.protect)
        record.u64(at + 24, region.size)
        record.u32(at + 32, region.state)
        record.u32(at + 36, region.protect)
        record.u32(at + 40, region.kind)
    return record.done()


def handle_data(process: UserProcessDescription, heap: MinidumpHeap) -> bytes:
    """Stream 12: MINIDUMP_HANDLE_DATA_STREAM; an unnamed object has name offset 0."""
    record = Record(16 + 32 * len(process.handles))
    _list_header(record, 16, 32, len(process.handles))
    for index, handle in enumerate(process.handles):
        at = 16 + 32 * index
        record.u64(at, handle.handle)
        record.u32(at + 8, heap.add_string(handle.type_name))
        record.u32(at + 12, heap.add_string(handle.object_name) if handle.object_name else 0)
        record.u32(at + 20, handle.granted_access)
        record.u32(at + 24, handle.handle_count)
        record.u32(at + 28, handle.pointer_count)
    return record.done()


def _list_header(record: Record, header: int, entry: int, count: int) -> None:
    """Header size, entry size, entry count: 4 bytes each."""
    record.u32(0, header)
    record.u32(4, entry)
    record.u32(8, count)
