"""Physical memory + a directory table base → virtual memory of one process.

Source: the page-table formats in `page_tables/`; a dump's header names the directory table base of the process that was
current when the machine stopped, which maps the whole kernel as well.

Folklore:
- Five levels (LA57) show in CR4, which lies in the PRCB, which lies in virtual memory.  A caller who knows passes
  `levels`; `detect_levels` tries both against addresses that must be mapped, as the module list head.
- A page that is mapped may still be missing from the dump (NotInDump), and one that the processor would fault on may be
  there: transition pages and pages behind prototype PTEs are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bugcheck.addresses import PAGE_SIZE
from bugcheck.dump.dump import Architecture
from bugcheck.errors import MemoryFault, UsageError
from bugcheck.gaps import Gap
from bugcheck.memory.address_space import AddressSpace, file_ends
from bugcheck.memory.page_tables.arm64 import Arm64
from bugcheck.memory.page_tables.enumeration import TABLE_LIMIT, Budget, PresentPages
from bugcheck.memory.page_tables.page_tables import PageTables
from bugcheck.memory.page_tables.translation import EXECUTE, USER, WRITE, Found, Translation, translation
from bugcheck.memory.page_tables.x64 import X64
from bugcheck.memory.page_tables.x86 import X86
from bugcheck.memory.page_tables.x86_pae import X86Pae
from bugcheck.memory.physical import PhysicalMemory
from bugcheck.records import dataclass

CACHED_PAGES = 1 << 16
"""Virtual pages whose place is remembered (about 10 MB of memory)."""
FIRST_BUILD_WITH_HIGH_PAGE_FILE_NUMBER = 17134


@dataclass(frozen=True, slots=True)
class MappedRange:
    """Present pages side by side with the same rights: `start` and `size` in bytes of virtual address space."""

    start: int
    size: int
    writable: bool
    executable: bool
    user: bool


def page_tables_of(
    architecture: Architecture,
    levels: int = 4,
    build: int = 0,
    invalid_pte_mask: int | None = None,
    user_table: int | None = None,
) -> PageTables:
    """Choose the page-table format.

    Args:
        levels: 4 or 5, x64 only. build: Windows' build number, 0 when unknown; decides where the page file's number
            lies and how x86 names prototypes. invalid_pte_mask: MiState.Hardware.InvalidPteMask, None when unknown.
        user_table: ARM64's table for user addresses, when it is another than the kernel's.

    Raises:
        UsageError: no page tables are known for the architecture (ARM32), or `levels` is neither 4 nor 5.
    """
    if levels not in (4, 5):
        raise UsageError(f"x64 page tables have 4 or 5 levels, not {levels}")
    page_file_bit = 12 if build >= FIRST_BUILD_WITH_HIGH_PAGE_FILE_NUMBER else 1
    match architecture:
        case Architecture.X86:
            return X86(build)
        case Architecture.X86_PAE:
            return X86Pae(page_file_bit, invalid_pte_mask)
        case Architecture.X64:
            return X64(levels, page_file_bit, invalid_pte_mask)
        case Architecture.ARM64:
            return Arm64(user_table)
        case Architecture.ARM32:
            raise UsageError("bugcheck does not know the page tables of 32-bit ARM")


class TranslatedSpace(AddressSpace):
    """The virtual memory that one directory table base describes.

    Attributes:
        physical: the memory underneath. tables: the page-table format. directory_table_base: as CR3 or TTBR hold it.
        gaps: limits that an enumeration hit.
    """

    def __init__(
        self,
        physical: PhysicalMemory,
        architecture: Architecture,
        directory_table_base: int,
        levels: int = 4,
        *,
        build: int = 0,
        invalid_pte_mask: int | None = None,
        user_table: int | None = None,
    ) -> None:
        """Place a virtual space over physical memory; the arguments are those of `page_tables_of`."""
        self.tables = page_tables_of(architecture, levels, build, invalid_pte_mask, user_table)
        self.physical = physical
        self.directory_table_base = directory_table_base
        self.pointer_size = architecture.pointer_size
        self.address_bits = architecture.bits
        self.gaps: list[Gap] = []
        self._data = physical.data
        self._offsets: dict[int, int] = {}

    def translate(self, address: int) -> Translation:
        """Translate an address, whether or not the dump holds the page.

        Raises:
            NonCanonical, NotPresent, PagedOut; NotInDump when a page table is missing from the dump.
        """
        found = self._find(address)
        return translation(found, address & (found[1] - 1))

    def _find(self, address: int) -> Found:
        return self.tables.find(self.physical.table_entry, self.directory_table_base, address, self._prototype)

    def _prototype(self, address: int) -> int:
        """Read a prototype PTE, which may lie in a transition page but not behind another prototype."""
        size = self.tables.entry_size
        if address % size:
            raise MemoryFault(address, "no place for a prototype")
        base, page_size, _, _ = self.tables.find(self.physical.table_entry, self.directory_table_base, address)
        return self.physical.table_entry(base + (address & (page_size - 1)), size)

    def piece(self, address: int, size: int) -> bytes:
        """Read up to the end of the 4 KiB page. Raises MemoryFault of every kind but PartialRead."""
        page = self._offsets.get(address >> 12)
        if page is None:
            page = self._locate(address)
        within = address & 0xFFF
        data = bytes(self._data[page + within : page + min(PAGE_SIZE, within + size)])
        if not data:
            raise file_ends(address)
        return data

    def _locate(self, address: int) -> int:
        """Find the file offset of the 4 KiB page of an address and remember it."""
        base, size, _, _ = self._find(address)
        page = self.physical.page_offset(base + (address & (size - 1)) >> 12, address)
        if len(self._offsets) >= CACHED_PAGES:
            self._offsets.clear()
        self._offsets[address >> 12] = page
        return page

    def hole(self, address: int) -> int:
        """Count to the end of the 4 KiB page."""
        return PAGE_SIZE - (address & 0xFFF)

    # --- what is mapped ---

    def pages(
        self, start: int = 0, end: int | None = None, budget: Budget | None = None
    ) -> Iterator[tuple[int, Translation]]:
        """Yield (virtual address, translation) of each valid or transition page that overlaps [start, end), ascending.

        Large pages come as one.  Pages behind prototype PTEs and the region where Windows maps its own page tables are
        left out.  Stops when `budget` is spent and leaves a Gap in `gaps`; by default that is after 16 Mi pages or
        65,536 tables, fewer when the file is so small that it cannot hold as many.
        """
        for address, found in self._present(start, end, budget):
            yield address, translation(found, 0)

    def mapped_ranges(
        self, start: int = 0, end: int | None = None, budget: Budget | None = None
    ) -> Iterator[MappedRange]:
        """Yield what `pages` finds, neighbours with the same rights joined; the first and last may jut out."""
        first = following = rights = 0
        for address, (_, size, granted, _) in self._present(start, end, budget):
            if address != following or granted != rights:
                if following > first:
                    yield _range(first, following, rights)
                first, rights = address, granted
            following = address + size
        if following > first:
            yield _range(first, following, rights)

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Yield (address, size) in bytes of each stretch of present pages, whatever their rights, ascending."""
        first = following = 0
        for address, (_, size, _, _) in self._present(0, None, None):
            if address != following:
                if following > first:
                    yield first, following - first
                first = address
            following = address + size
        if following > first:
            yield first, following - first

    def _present(self, start: int, end: int | None, budget: Budget | None) -> Iterator[tuple[int, Found]]:
        # Tables are pages of the file, some of them shared; more reads than this mean that damage multiplies them.
        budget = budget or Budget(min(TABLE_LIMIT, 1024 + 8 * len(self._data) // PAGE_SIZE))
        tables, pages = budget.tables, budget.pages
        last = 1 << self.address_bits if end is None else end
        walk = PresentPages(self.tables, self.physical.read_up_to, self.directory_table_base, budget)
        yield from walk.between(start, last)
        if budget.spent:
            what = f"virtual pages of directory table base {self.directory_table_base:#x}"
            self.gaps.append(Gap(what, f"all beyond the first {pages} pages or {tables} page tables"))


def detect_levels(physical: PhysicalMemory, directory_table_base: int, must_be_mapped: Iterable[int]) -> int:
    """Tell whether x64 page tables have 4 or 5 levels: the number under which more of the addresses translate.

    4 when the addresses do not decide, as when the dump lacks the page tables.
    """
    addresses = [address for address in must_be_mapped if address]
    mapped = {4: 0, 5: 0}
    for levels in mapped:
        tables = X64(levels)
        for address in addresses:
            try:
                found = tables.find(physical.table_entry, directory_table_base, address)
                physical.page_offset(found[0] >> 12, address)
            except MemoryFault:
                continue
            mapped[levels] += 1
    return 5 if mapped[5] > mapped[4] else 4


def _range(start: int, end: int, rights: int) -> MappedRange:
    return MappedRange(start, end - start, bool(rights & WRITE), bool(rights & EXECUTE), bool(rights & USER))
