"""Loaded-module lists of dump or memory → Modules: which image lies where.

Source: small dumps and minidumps carry the list; in dumps with memory it is PsLoadedModuleList, KLDR_DATA_TABLE_ENTRY
by entry (public symbols; ReactOS NDK for x86).  Names follow the debugger's habit: the base name without extension,
what is no letter, digit or underscore replaced by an underscore, and always `nt` for the kernel.

Folklore: a list may hold dump-stack copies (`dump_storport`) and pseudo drivers that exist in no file; the first
entry is the kernel.  The time stamp in memory comes from the image's header: the list entry's own field moved between
versions.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence

from bugcheck.dump.dump import Architecture, Dump, RawModule, RawUnloadedModule
from bugcheck.errors import MemoryFault
from bugcheck.images.identity import PdbId, parse_codeview
from bugcheck.machine.debugger_data import DebuggerData
from bugcheck.memory.address_space import AddressSpace
from bugcheck.records import dataclass, field

MAX_MODULES = 4096
MAX_NAME = 1024
MAX_UNLOADED = 50
"""The kernel's MmUnloadedDrivers ring has 50 places (MI_UNLOADED_DRIVERS)."""
LONGEST_COMPONENT = 255
"""Characters of a file name, as NTFS and FAT limit it: what is longer is no name of a file."""
_NOT_OF_A_NAME = re.compile("[^A-Za-z0-9_]")

KERNEL_NAMES = frozenset(
    ["ntoskrnl.exe", "ntkrnlmp.exe", "ntkrnlpa.exe", "ntkrpamp.exe", "ntkrla57.exe", "ntkrpamp.exe", "xNtKrnl.exe"]
)


@dataclass(frozen=True, slots=True)
class Module:
    """A loaded image.

    Attributes:
        name: as a debugger shows it ("nt", "RapDrv").
        image: file name with extension ("ntoskrnl.exe").
        path: as the dump has it; may be the file name alone.
        base, size: virtual address and SizeOfImage in bytes.
        time_date_stamp, checksum: of the PE header; a reproducible build's stamp is a hash, no time.
        pdb: identity of its symbols where the dump itself tells it.
        version: file version where the dump itself tells it.
        signature: what the loader recorded of its signature (KLDR_DATA_TABLE_ENTRY.u1), 0 where that is not kept.
    """

    name: str
    image: str
    path: str
    base: int
    size: int
    time_date_stamp: int
    checksum: int
    pdb: PdbId | None = None
    version: str = ""
    signature: int = 0

    @property
    def end(self) -> int:
        """First address behind the image."""
        return self.base + self.size

    def __contains__(self, address: object) -> bool:
        """Tell whether an address lies in the image."""
        return isinstance(address, int) and self.base <= address < self.end


@dataclass(frozen=True)
class ModuleList(Sequence[Module]):
    """Modules in load order, searchable by address.

    Attributes:
        names: what a debugger's log calls single addresses, {} for other dumps.
        unplaced: bases that are not the images' own, because a log told only addresses within them.
    """

    modules: tuple[Module, ...]
    names: Mapping[int, str] = field(default_factory=dict[int, str], repr=False)
    unplaced: frozenset[int] = frozenset()
    _by_base: list[Module] = field(init=False, repr=False)
    _bases: list[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_base", sorted(self.modules, key=lambda module: module.base))
        object.__setattr__(self, "_bases", [module.base for module in self._by_base])

    def __getitem__(self, index: int) -> Module:  # type: ignore[override]
        return self.modules[index]

    def __len__(self) -> int:
        return len(self.modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self.modules)

    def at(self, address: int) -> Module | None:
        """Find the module an address lies in."""
        index = bisect_right(self._bases, address) - 1
        if index >= 0 and address in self._by_base[index]:
            return self._by_base[index]
        return None

    def named(self, name: str) -> Module | None:
        """Find a module by debugger name or file name, case-insensitively."""
        wanted = name.lower()
        return next((m for m in self.modules if wanted in (m.name.lower(), m.image.lower())), None)

    def resolve(self, address: int) -> str | None:
        """Write an address as `module+0x12`, or as a log names it; None outside all modules."""
        if address in self.names:
            return self.names[address]
        module = self.at(address)
        if module is None or module.base in self.unplaced:
            return module.name if module else None
        return f"{module.name}+{address - module.base:#x}"


@dataclass(frozen=True, slots=True)
class UnloadedModule:
    """An image that was loaded once. `unloaded_at` is a FILETIME, 0 when the dump does not tell."""

    name: str
    base: int
    end: int
    unloaded_at: int = 0

    def __contains__(self, address: object) -> bool:
        """Tell whether an address lies where the image was."""
        return isinstance(address, int) and self.base <= address < self.end


def debugger_name(path: str, is_kernel: bool) -> str:
    """Derive the name a debugger gives a module from its path."""
    if is_kernel:
        return "nt"
    stem = file_name(path)
    stem = stem.rpartition(".")[0] or stem
    return _NOT_OF_A_NAME.sub("_", stem[:LONGEST_COMPONENT])


def file_name(path: str) -> str:
    """Last part of a Windows (or POSIX) path."""
    return path.replace("/", "\\").rpartition("\\")[2]


def read_modules(dump: Dump, memory: AddressSpace, debugger_data: DebuggerData | None) -> ModuleList:
    """List the loaded modules of a dump; what a corrupt list hides becomes a gap of the dump."""
    raw = dump.modules or (list(_walk_list(dump, memory, debugger_data)) if dump.kernel else [])
    kernel_base = debugger_data["kernel_base"] if debugger_data else None
    modules = tuple(_module(entry, dump, kernel_base, index) for index, entry in enumerate(raw))
    return ModuleList(modules, dump.log.names, dump.log.unplaced) if dump.log is not None else ModuleList(modules)


def _module(raw: RawModule, dump: Dump, kernel_base: int | None, index: int) -> Module:
    image = raw.image or file_name(raw.path)
    is_first = index == 0 and kernel_base is None and dump.log is None
    is_kernel = dump.kernel is not None and (raw.base == kernel_base or image.lower() in KERNEL_NAMES or is_first)
    return Module(
        name=debugger_name(raw.path, is_kernel),
        image=image,
        path=raw.path,
        base=raw.base,
        size=raw.size,
        time_date_stamp=raw.time_date_stamp,
        checksum=raw.checksum,
        pdb=parse_codeview(raw.codeview) if raw.codeview else None,
        version=raw.version,
        signature=raw.signature,
    )


@dataclass(frozen=True, slots=True)
class _EntryLayout:
    """Offsets in bytes of a KLDR_DATA_TABLE_ENTRY's members."""

    base: int
    size: int
    full_name: int
    base_name: int
    checksum: int
    signature: int = 0


_ENTRY32 = _EntryLayout(0x18, 0x20, 0x24, 0x2C, 0x40)
_ENTRY64 = _EntryLayout(0x30, 0x40, 0x48, 0x58, 0x78, 0x6E)


def _walk_list(dump: Dump, memory: AddressSpace, debugger_data: DebuggerData | None) -> Iterator[RawModule]:
    head = (debugger_data["loaded_module_list"] if debugger_data else None) or _header_list(dump)
    for entry in walk_list(memory, head, MAX_MODULES, dump):
        try:
            yield read_loader_entry(memory, entry)
        except MemoryFault as fault:
            dump.damage("a loaded module", f"its list entry is unreadable: {fault}")


def _header_list(dump: Dump) -> int:
    return dump.kernel.loaded_module_list if dump.kernel else 0


def walk_list(memory: AddressSpace, head: int, limit: int, dump: Dump) -> Iterator[int]:
    """Yield the addresses of a LIST_ENTRY list's elements, at most `limit`, each once.

    A list that ends in a hole or a loop is told as a gap of the dump.
    """
    seen = {head}
    entry = memory.try_pointer(head)
    while entry is not None and entry not in seen and len(seen) <= limit:
        seen.add(entry)
        yield entry
        entry = memory.try_pointer(entry)
    if entry != head and (len(seen) > 1 or dump.physical is not None):
        reason = (
            "ends in unreadable memory" if entry is None else "runs into itself" if entry in seen else "is too long"
        )
        dump.damage("a kernel list", f"the list at {head:#x} {reason} after {len(seen) - 1} elements")


def read_loader_entry(memory: AddressSpace, entry: int) -> RawModule:
    """Read a KLDR_DATA_TABLE_ENTRY (a process's own entries begin alike). Raises MemoryFault."""
    layout = _ENTRY64 if memory.pointer_size == 8 else _ENTRY32
    base = memory.pointer(entry + layout.base)
    size = memory.u32(entry + layout.size)
    name = _string(memory, entry + layout.base_name)
    path = _string(memory, entry + layout.full_name) or name
    stamp = _header_stamp(memory, base)
    checksum = memory.u32(entry + layout.checksum)
    signature = memory.u16(entry + layout.signature) if layout.signature else 0
    return RawModule(path or name, base, size, stamp, checksum, image=name, signature=signature)


def _string(memory: AddressSpace, address: int) -> str:
    """Read a UNICODE_STRING, at most MAX_NAME characters: thousands of entries may share one long one."""
    try:
        length = min(memory.u16(address) & ~1, 2 * MAX_NAME)
        return memory.utf16(memory.pointer(address + memory.pointer_size), length) if length else ""
    except MemoryFault:
        return ""


def _header_stamp(memory: AddressSpace, base: int) -> int:
    header = memory.read_up_to(base, 0x400)
    at = int.from_bytes(header[0x3C:0x40], "little") if header[:2] == b"MZ" else len(header)
    if header[at : at + 4] != b"PE\0\0":
        return 0
    return int.from_bytes(header[at + 8 : at + 12], "little")


def read_unloaded_modules(
    dump: Dump, memory: AddressSpace, debugger_data: DebuggerData | None
) -> tuple[UnloadedModule, ...]:
    """List the modules that were unloaded, latest first where the dump tells."""
    if dump.unloaded_modules or dump.kernel is None or debugger_data is None or dump.triage:
        return tuple(_unloaded(raw) for raw in dump.unloaded_modules)
    return tuple(_walk_ring(dump.architecture, memory, debugger_data))


def _unloaded(raw: RawUnloadedModule) -> UnloadedModule:
    return UnloadedModule(file_name(raw.name), raw.base, raw.end, raw.unloaded_at)


def _walk_ring(
    architecture: Architecture, memory: AddressSpace, debugger_data: DebuggerData
) -> Iterator[UnloadedModule]:
    pointer, last = debugger_data["unloaded_drivers"], debugger_data["last_unloaded_driver"]
    ring = memory.try_pointer(pointer) if pointer else None
    next_index = (memory.try_u32(last) if last else None) or 0
    if not ring:
        return
    wide = architecture.bits == 64
    size, start, time = (0x28, 0x10, 0x20) if wide else (0x18, 0x08, 0x10)
    step = architecture.pointer_size
    for back in range(1, MAX_UNLOADED + 1):
        entry = ring + (next_index - back) % MAX_UNLOADED * size
        base, end = memory.try_pointer(entry + start), memory.try_pointer(entry + start + step)
        name = _string(memory, entry)
        if base and end and name:
            yield UnloadedModule(name, base, end, memory.try_u64(entry + time) or 0)
