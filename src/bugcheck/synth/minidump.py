"""A process's description → a minidump (MDMP).

Source: MINIDUMP_HEADER, MINIDUMP_DIRECTORY and MINIDUMP_MEMORY*_LIST in minidumpapiset.h (Microsoft Learn).

Folklore:
- A full-memory dump keeps its memory contiguous at the end: ranges have no address in the file of their own.
- Windows writes unused directory slots (type 0) too; readers must skip them.
"""

from bugcheck.synth import minidump_streams as streams
from bugcheck.synth.minidump_heap import MinidumpHeap
from bugcheck.synth.process_description import UserProcessDescription
from bugcheck.synth.record import Record

_UNUSED_SLOTS = 1


def build_minidump(process: UserProcessDescription) -> bytes:
    """Build a minidump; equal descriptions give equal bytes."""
    writers = _streams(process)
    slots = len(writers) + 1 + _UNUSED_SLOTS
    heap = MinidumpHeap(0x20 + 12 * slots)
    locations = [(kind, heap.add(data)) for kind, data in ((kind, write(process, heap)) for kind, write in writers)]
    memory = _memory(process)
    if process.full_memory:
        tail = b"".join(memory.values())
        record = _memory64_list(memory, heap.next_offset(16 + 16 * len(memory), 8))
        locations.append((9, heap.add(record)))
    else:
        tail = b""
        locations.append((5, heap.add(_memory_list(memory, heap))))
    header = _header(process, slots)
    directory = Record(12 * slots)
    for index, (kind, (size, offset)) in enumerate(locations):
        directory.u32(12 * index, kind)
        directory.u32(12 * index + 4, size)
        directory.u32(12 * index + 8, offset)
    return header + directory.done() + heap.done() + tail


def _streams(process: UserProcessDescription) -> list[tuple[int, streams.StreamWriter]]:
    """Stream numbers and writers, in file order, those without content left out."""
    wanted: list[tuple[int, streams.StreamWriter, bool]] = [
        (3, streams.thread_list, True),
        (17, streams.thread_info_list, bool(process.threads)),
        (4, streams.module_list, True),
        (14, streams.unloaded_module_list, bool(process.unloaded)),
        (6, streams.exception, process.exception is not None),
        (7, streams.system_info, True),
        (15, streams.misc_info, True),
        (16, streams.memory_info_list, bool(process.regions)),
        (12, streams.handle_data, bool(process.handles)),
        (24, streams.thread_names, any(thread.name for thread in process.threads)),
    ]
    chosen = [(kind, writer) for kind, writer, present in wanted if present]
    return chosen + [(kind, streams.verbatim(data)) for kind, data in process.other_streams.items()]


def _header(process: UserProcessDescription, slots: int) -> bytes:
    """MINIDUMP_HEADER."""
    record = Record(0x20)
    record.put(0x00, b"MDMP")
    record.u16(0x04, 0xA793)
    record.u16(0x06, 0x6003)  # implementation's own version
    record.u32(0x08, slots)
    record.u32(0x0C, 0x20)
    record.u32(0x14, process.time)
    record.u64(0x18, process.flags | (2 if process.full_memory else 0))
    return record.done()


def _memory(process: UserProcessDescription) -> dict[int, bytes]:
    """Every range, stacks included, ascending."""
    ranges = dict(process.memory)
    ranges.update({thread.stack_start: thread.stack for thread in process.threads})
    return dict(sorted(ranges.items()))


def _memory64_list(memory: dict[int, bytes], end: int) -> bytes:
    """MINIDUMP_MEMORY64_LIST whose memory begins at file offset `end`."""
    record = Record(16 + 16 * len(memory))
    record.u64(0, len(memory))
    record.u64(8, end)
    for index, (address, data) in enumerate(memory.items()):
        record.u64(16 + 16 * index, address)
        record.u64(24 + 16 * index, len(data))
    return record.done()


def _memory_list(memory: dict[int, bytes], heap: MinidumpHeap) -> bytes:
    """MINIDUMP_MEMORY_LIST; stacks share their bytes with the thread list."""
    record = Record(4 + 16 * len(memory))
    record.u32(0, len(memory))
    for index, (address, data) in enumerate(memory.items()):
        size, offset = heap.add_memory(address, data)
        record.u64(4 + 16 * index, address)
        record.u32(12 + 16 * index, size)
        record.u32(16 + 16 * index, offset)
    return record.done()
