"""A page frame number → what the memory manager's database says of that page: its list, counts and page table entry.

Source: MMPFN and MMPFNENTRY in the kernel's types (dt nt!_MMPFN), MMLISTS for the names of the states; the offsets per
build are in knowledge/kernel_objects.tsv, made from public PDBs' types.  KDBG tells where MmPfnDatabase stands.

| | PageLocation | Modified | ReadInProgress | WriteInProgress | ParityError |
|---|---|---|---|---|---|
| Vista and later | bits 0 to 2 | 4 | 5 | 3 | 15 |
| before | bits 8 to 10 | 0 | 1 | 2 | not told: it moved |

Folklore:
    The header's PfnDataBase is the variable's address in older small dumps and its value in full ones and since 24H2.
    A page is on one list at a time; ShareCount shares its place with the list's backward link, so it is a count only
    while the page is in use.  Bit 0 of PteAddress is a lock on some builds.
    Small dumps hold no part of the database.  x86 kernels with PAE add four bytes to MMPFN, for the entry kept in it.
"""

from __future__ import annotations

from bugcheck.dump.dump import Architecture
from bugcheck.gaps import Gap
from bugcheck.machine.machine import Machine
from bugcheck.memory.address_space import AddressSpace
from bugcheck.records import dataclass

STATES = ("zeroed", "free", "standby", "modified", "modified, not to be written", "bad", "in use", "in transition")
"""MMLISTS, by number."""
IN_USE = 6
FIRST_VISTA_BUILD, FIRST_BUILD_OF_10 = 6000, 10240
_COUNT_BITS = {4: 30, 8: 62}
"""Pointer size → bits of ShareCount since Windows 10; before, all of the word."""


@dataclass(frozen=True, slots=True)
class PageFrame:
    """An MMPFN.

    Attributes:
        number: the page frame number. address: of its MMPFN.
        state: number of the list it is on (MMLISTS).
        reference_count: how many need it in memory just now (I/O, locks, a mapping counts one).
        share_count: page table entries that map it; None while it is not in use.
        pte_address: virtual address of the page table entry (or prototype) that maps it.
        modified, read_in_progress, write_in_progress: its flags.
        parity_error: the memory gave a parity error; None where the flag's place is not known.
    """

    number: int
    address: int
    state: int
    reference_count: int
    share_count: int | None
    pte_address: int
    modified: bool
    read_in_progress: bool
    write_in_progress: bool
    parity_error: bool | None

    @property
    def words(self) -> str:
        """The facts in one clause."""
        counts = f"reference count {self.reference_count}"
        if self.share_count is not None:
            counts += f", share count {self.share_count}"
        flags = ("modified", self.modified), ("being read", self.read_in_progress), ("written", self.write_in_progress)
        told = "".join(f", {name}" for name, is_set in (*flags, ("parity error", self.parity_error)) if is_set)
        return f"{STATES[self.state]}{told}, {counts}, page table entry at {self.pte_address:#x}"


@dataclass(frozen=True, slots=True)
class _Places:
    """Offsets in an MMPFN, in bytes; `size`: of one."""

    pte: int
    references: int
    shares: int
    entry: int
    size: int


def read_page_frame(number: int, machine: Machine) -> PageFrame | Gap:
    """Read what is known of a page frame; a Gap saying what is missing when the dump or the tables do not tell."""
    what = f"the state of page frame {number:#x}"
    base = pfn_database(machine)
    if not base:
        return Gap(what, "the page frame database, which small dumps leave out", "set the dump to kernel or complete")
    places = _places(machine)
    if places is None:
        return Gap(what, "the layout of MMPFN in this build", "give the kernel's symbols: --symbols")
    address = base + number * places.size
    memory = machine.memory
    if not 0 <= address <= (1 << memory.address_bits) - places.size:
        return Gap(what, "an entry of the database: no machine has that page")
    pte, references = memory.try_pointer(address + places.pte), memory.try_u16(address + places.references)
    shares, entry = memory.try_pointer(address + places.shares), memory.try_u16(address + places.entry)
    if pte is None or references is None or shares is None or entry is None:
        return Gap(what, f"its entry of the page frame database ({address:#x}) is not in the dump")
    build = _build(machine)
    if build >= FIRST_BUILD_OF_10:
        shares &= (1 << _COUNT_BITS[memory.pointer_size]) - 1
    old = build < FIRST_VISTA_BUILD
    state = entry >> (8 if old else 0) & 7
    modified, reading, writing = (bool(entry >> bit & 1) for bit in ((0, 1, 2) if old else (4, 5, 3)))
    return PageFrame(
        number,
        address,
        state,
        references,
        shares if state == IN_USE else None,
        pte & ~3,
        modified,
        reading,
        writing,
        None if old else bool(entry >> 15),
    )


def pfn_database(machine: Machine) -> int | None:
    """Virtual address of the page frame database; None when the dump does not tell."""
    dump = machine.dump
    if dump.kernel is None or dump.log is not None:
        return None
    variable = machine.debugger_data["pfn_database"] if machine.debugger_data else _by_symbol(machine)
    told = _value(variable, machine.memory)
    stated = dump.kernel.pfn_database
    if told is None and stated != variable and stated % 0x1000 == 0:
        told = stated
    return told or None


def _value(variable: int | None, memory: AddressSpace) -> int | None:
    return memory.try_pointer(variable) if variable else None


def _by_symbol(machine: Machine) -> int | None:
    kernel = machine.modules.named("nt")
    symbols = machine.symbolizer.symbols_of(kernel) if kernel and machine.symbolizer else None
    symbol = symbols.find("MmPfnDatabase") if symbols else None
    return kernel.base + symbol.rva if kernel and symbol else None


def _places(machine: Machine) -> _Places | None:
    layout = machine.layout
    pte, size = layout.offset("MMPFN.PteAddress"), layout.size("MMPFN")
    references = _first(machine, "u3.ReferenceCount", "u3.e2.ReferenceCount", "ReferenceCount")
    shares, entry = _first(machine, "u2.ShareCount", "ShareCount"), _first(machine, "u3.e1", "e1")
    if pte is None or references is None or shares is None or entry is None or not size:
        return None
    if machine.architecture is Architecture.X86_PAE and size == 0x18:
        size = 0x1C
    return _Places(pte, references, shares, entry, size)


def _first(machine: Machine, *paths: str) -> int | None:
    found = (machine.layout.offset(f"MMPFN.{path}") for path in paths)
    return next((offset for offset in found if offset is not None), None)


def _build(machine: Machine) -> int:
    return machine.dump.kernel.build & 0xFFFF if machine.dump.kernel else 0
