"""A dump's bytes → the places where damage hurts: fields, tables, links of lists, page tables, counted strings.

Source: the readers' own layouts, so that a field they learn to read is a field that is damaged.  Only the places come
from them; what must come out is nothing but "no crash", so a shared mistake can hide nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from bugcheck.binary import BinaryView, Layout
from bugcheck.dump.dump import Architecture, Dump
from bugcheck.dump.formats.kernel_triage import TRIAGE32, TRIAGE64
from bugcheck.dump.kernel_header import HEADER32, HEADER64, header_size, is_64_bit
from bugcheck.dump.open import read_dump
from bugcheck.errors import BugcheckError
from bugcheck.machine.machine import Machine
from bugcheck.memory.open import open_physical, open_process
from bugcheck.memory.translated import TranslatedSpace

LINKS = 256
TABLES = 48
STREAMS = 64
ROWS = 512
_FRAME_MASK = 0x0000_FFFF_FFFF_F000


@dataclass(frozen=True, slots=True)
class Link:
    """A LIST_ENTRY.Flink: its place in the file and width, its own virtual address and the previous entry's."""

    offset: int
    width: int
    own: int
    previous: int


@dataclass(frozen=True, slots=True)
class Rows:
    """A table of ranges (runs, blocks, memory descriptors): file offset, bytes a row, rows."""

    offset: int
    size: int
    count: int


@dataclass(slots=True)
class Places:
    """Where one seed is damaged; all offsets are of the file.

    Attributes:
        fields: (offset, width) of every declared field.
        hot: (offset, size) of headers and tables.
        strings: offsets of 32-bit lengths that a string follows.
        page_tables: (offset, page frame) of tables, with `entry_size` bytes an entry.
        addresses: virtual addresses the dump holds, for pointers that lead somewhere they should not.
    """

    fields: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    hot: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    strings: list[int] = field(default_factory=list[int])
    rows: list[Rows] = field(default_factory=list[Rows])
    links: list[Link] = field(default_factory=list[Link])
    page_tables: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    entry_size: int = 8
    addresses: list[int] = field(default_factory=list[int])


def places_of(data: bytes) -> Places:
    """Find the places of a dump or packed file."""
    view = BinaryView(data, "seed")
    places = Places()
    if data[:4] == b"MDMP":
        _minidump(view, places)
    elif data[:4] == b"PAGE":
        _kernel(view, places)
    elif data[:2] == b"MZ":
        places.fields += _words(0, min(0x400, view.size))
    else:
        _packed(view, places)
    places.fields = sorted({(at, width) for at, width in places.fields if at + width <= view.size})
    places.hot = [(at, min(size, view.size - at)) for at, size in places.hot if at < view.size and size > 0]
    return places


def _declared(layout: Layout, base: int) -> Iterator[tuple[int, int]]:
    return ((base + offset, packer.size) for offset, packer in layout.fields.values())


def _words(base: int, size: int) -> Iterator[tuple[int, int]]:
    return ((offset, 4) for offset in range(base, base + size, 4))


def _packed(view: BinaryView, places: Places) -> None:
    places.fields += [*_words(0, min(128, view.size)), *_words(max(0, view.size - 128), 128)]
    places.hot += [(0, 512), (max(0, view.size - 512), 512)]


# --- kernel dumps ---


def _kernel(view: BinaryView, places: Places) -> None:
    wide = is_64_bit(view)
    base = header_size(view)
    runs = Rows(0x98, 16, 8) if wide else Rows(0x6C, 8, 8)
    context, exception = (0x348, 0xF00) if wide else (0x320, 0x7D0)
    places.fields += _declared(HEADER64 if wide else HEADER32, 0)
    places.fields += [*_words(runs.offset - 16, 16 + runs.size * 4), (exception, 4), (exception + 0x18, 4)]
    places.rows.append(runs)
    places.hot += [
        (0, 0x60),
        (runs.offset - 16, 16 + runs.size * 8),
        (context, 0x100),
        (exception, 0x98),
        (0xF80, 0x100),
    ]
    kind = int.from_bytes(view.read_up_to(0xF98 if wide else 0xF88, 4), "little")
    if kind == 4:
        _triage(view, places, TRIAGE64 if wide else TRIAGE32, base)
    elif kind not in (1, 3):
        places.fields += _words(base, 0x40)
        places.hot.append((base, 0x200))
    _blobs(view, places)
    _memory(view, places)


def _triage(view: BinaryView, places: Places, layout: Layout, base: int) -> None:
    places.fields += _declared(layout, base)
    places.hot.append((base, layout.size))
    try:
        block = layout.at(view, base)
    except BugcheckError:
        return
    entry = 0x90 if layout is TRIAGE64 else 0x4C
    drivers, unloaded = block.driver_list_offset, block.unloaded_offset
    places.fields += [(unloaded, 4), (drivers, 4), (drivers + entry, 4)]
    places.rows.append(Rows(block.data_blocks_offset, 16, min(block.data_blocks_count, ROWS)))
    places.hot += [
        (drivers, entry * block.driver_count),
        (unloaded, 0x200),
        (block.data_blocks_offset, 16 * block.data_blocks_count),
        (block.debugger_data_offset, block.debugger_data_size),
        (block.prcb_offset, 0x400),
        (block.thread_offset, 0x400),
        (block.process_offset, 0x400),
        (block.context_offset, 0x100),
        (block.exception_offset, 0x98),
        (block.mm_offset, 0x50),
    ]
    names = (
        int.from_bytes(view.read_up_to(drivers + i * entry, 4), "little") for i in range(min(block.driver_count, ROWS))
    )
    places.strings += [name for name in names if 0 < name < view.size - 4]


def _blobs(view: BinaryView, places: Places) -> None:
    at = view.data.rfind(b"DumpBlob") if isinstance(view.data, bytes) else -1
    if at >= 0:
        places.fields += _words(at + 8, 0x60)
        places.hot.append((at, view.size - at))


def _memory(view: BinaryView, places: Places) -> None:
    """Lists, kernel structures and page tables of a dump that holds physical memory."""
    try:
        dump = read_dump(view)
        machine = Machine(dump)
        places.addresses += [run.start for run in dump.virtual[:ROWS]]
        places.addresses += [module.base for module in machine.modules.modules[:ROWS]]
        physical = open_physical(dump)
        if physical is None or dump.kernel is None or dump.architecture is Architecture.ARM32:
            return
        table = dump.kernel.directory_table_base
        space = open_process(dump, physical, table)
    except BugcheckError:
        return
    for address, size in _structures(machine):
        offset = _file_offset(dump, space, address)
        if offset is not None:
            places.addresses.append(address)
            places.hot.append((offset, size))
    places.entry_size = 4 if dump.architecture is Architecture.X86 else 8
    places.page_tables += _page_tables(dump, table, places.entry_size)
    for head in (dump.kernel.loaded_module_list, dump.kernel.active_process_head):
        places.links += _links(dump, space, head)
    places.hot += [(link.offset, 0xA0) for link in places.links]
    places.addresses += [link.own for link in places.links]


def _structures(machine: Machine) -> Iterator[tuple[int, int]]:
    """(virtual address, bytes worth damaging) of what the machine stage reads."""
    header = machine.dump.kernel
    yield (header.debugger_data_block if header else 0), 0x380
    for processor in machine.processors:
        yield processor.prcb, 0x1000
    if machine.thread is not None:
        yield machine.thread.address, 0x800
    if machine.process is not None:
        yield machine.process.address, 0x800
    data = machine.debugger_data
    for name in ("processor_block", "unloaded_drivers", "last_unloaded_driver", "build_lab"):
        yield (data[name] if data else None) or 0, 0x100
    for module in machine.modules:
        yield module.base, 0x400


def _links(dump: Dump, space: TranslatedSpace, head: int) -> Iterator[Link]:
    width = dump.architecture.pointer_size
    previous, own = head, head
    for _ in range(LINKS):
        offset = _file_offset(dump, space, own)
        following = space.try_pointer(own)
        if offset is None or following is None:
            return
        yield Link(offset, width, own, previous)
        previous, own = own, following
        if own == head:
            return


def _file_offset(dump: Dump, space: TranslatedSpace, address: int) -> int | None:
    try:
        physical = space.translate(address).physical
    except BugcheckError:
        return None
    page = dump.physical.locate(physical >> 12) if dump.physical else None
    return None if page is None else page + (physical & 0xFFF)


def _page_tables(dump: Dump, root: int, entry_size: int) -> Iterator[tuple[int, int]]:
    """Follow present entries from the top table, breadth first, without knowing where the levels end."""
    seen: set[int] = set()
    queue = [(root & _FRAME_MASK) >> 12]
    while queue and len(seen) < TABLES:
        frame = queue.pop(0)
        offset = dump.physical.locate(frame) if dump.physical else None
        if frame in seen or offset is None:
            continue
        seen.add(frame)
        yield offset, frame
        page = dump.file.read_up_to(offset, 0x1000)
        for at in range(0, len(page) - entry_size + 1, entry_size):
            entry = int.from_bytes(page[at : at + entry_size], "little")
            if entry & 1 and len(queue) < 4 * TABLES:
                queue.append((entry & _FRAME_MASK) >> 12)


# --- minidumps ---


def _minidump(view: BinaryView, places: Places) -> None:
    places.fields += _words(4, 28)
    places.hot.append((0, 32))
    if view.size < 32:
        return
    directory, count = view.u32(12), min(view.u32(8), STREAMS)
    places.hot.append((directory, 12 * count))
    for entry in range(directory, directory + 12 * count, 12):
        if entry + 12 > view.size:
            return
        kind, size, offset = view.unpack("III", entry)
        places.fields += _words(entry, 12)
        places.fields += _words(offset, 16)
        places.hot.append((offset, min(size, 0x4000)))
        _stream(view, places, kind, offset)


def _stream(view: BinaryView, places: Places, kind: int, offset: int) -> None:
    if offset + 16 > view.size:
        return
    count = min(view.u32(offset), ROWS)
    if kind == 4:  # modules: name at +20 of 108 bytes
        for index in range(count):
            name = view.read_up_to(offset + 4 + 108 * index + 20, 4)
            places.fields += _words(offset + 4 + 108 * index + 76, 16)
            places.strings.append(int.from_bytes(name, "little"))
    elif kind == 3:
        places.fields += [field for index in range(min(count, 4)) for field in _words(offset + 4 + 48 * index, 48)]
    elif kind in (5, 9):
        places.rows.append(Rows(offset + (4 if kind == 5 else 16), 16, count))
    elif kind in (6, 7, 15):
        places.fields += _words(offset, 64)
    places.strings = [at for at in places.strings if 0 < at < view.size - 4]
