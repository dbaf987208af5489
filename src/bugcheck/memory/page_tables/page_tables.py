"""Directory table base + virtual address → Translation: the walk that all processors share.

Source: Intel SDM vol. 3A chapter 4 (paging), Arm ARM (DDI 0487) section D8; the levels are numbered as in NotPresent:
1 is the page's own entry, higher numbers are the tables above it.  What a processor adds (widths, large pages, rights)
is in its own file; what Windows writes into entries that are not valid is in `software_pte.py`.

Folklore: a page table may itself be in transition (its process was trimmed); its frame still holds it, so the walk goes
on through it, without taking the protection bits of such an entry for "large page" (volatility3 pull request 518).
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from bugcheck.errors import MemoryFault, NotInDump, NotPresent
from bugcheck.memory.page_tables.software_pte import SoftwarePte
from bugcheck.memory.page_tables.translation import (
    ALL_RIGHTS,
    USER,
    EntryReader,
    Found,
    PageState,
    PrototypeReader,
    Step,
    Translation,
    translation,
)

TABLE_SIZE = 4096
"""Bytes of a page table below the top one, and of a small page."""


class PageTables(ABC):
    """A processor's page-table format.

    Attributes:
        entry_size: bytes per entry. top_entries: entries of the top table; the tables below fill a page.
        shifts: for each level from the top down, the lowest address bit its index is taken from.
        software: what Windows writes into entries that are not valid.
    """

    entry_size: int = 8
    top_entries: int = 512
    shifts: tuple[int, ...]
    software: SoftwarePte

    @abstractmethod
    def check(self, address: int) -> None:
        """Raise NonCanonical unless the processor has such an address."""

    @abstractmethod
    def root(self, directory_table_base: int, address: int) -> int:
        """Physical address of the top table that serves `address`."""

    @abstractmethod
    def step(self, entry: int, level: int, address: int) -> Step | None:
        """Decode a valid entry; None when the processor reserves this combination of bits at this level."""

    def roots(self, directory_table_base: int) -> tuple[tuple[int, int], ...]:
        """(physical address, first virtual address served) of each top table, ascending by address."""
        return ((self.root(directory_table_base, 0), 0),)

    def extend(self, address: int) -> int:
        """Turn an address made of table indices into the form the processor uses (sign-extended on x64)."""
        return address

    def translate(
        self,
        read_entry: EntryReader,
        directory_table_base: int,
        address: int,
        read_prototype: PrototypeReader | None = None,
    ) -> Translation:
        """Translate a virtual address; prototype PTEs are followed when they can be read.

        Raises:
            NonCanonical, NotPresent, PagedOut; NotInDump when a table lies in a page the dump left out.
        """
        found = self.find(read_entry, directory_table_base, address, read_prototype)
        return translation(found, address & (found[1] - 1))

    def find(
        self,
        read_entry: EntryReader,
        directory_table_base: int,
        address: int,
        read_prototype: PrototypeReader | None = None,
    ) -> Found:
        """Find the page of a virtual address; raises as `translate` does."""
        self.check(address)
        table = self.root(directory_table_base, address)
        size = self.entry_size
        last_index = TABLE_SIZE // size - 1
        rights = ALL_RIGHTS
        level = len(self.shifts)
        for shift in self.shifts:
            place = table + ((address >> shift) & last_index) * size
            entry = _read_entry(read_entry, place, size, address, level)
            if not entry & 1 and level == 1:
                return self._invalid(entry, address, rights, read_prototype)
            is_page, table, granted = self._step(entry, level, address)
            rights &= granted
            if is_page:
                return table, 1 << shift, rights, PageState.VALID
            level -= 1
        raise NotPresent(address, 1, "the last table leads to no page")

    def _step(self, entry: int, level: int, address: int) -> Step:
        """Decode an entry that is valid or above level 1. Raises NotPresent."""
        if not entry & 1:
            frame = self.software.table_frame(entry, level)
            if frame is None:
                raise NotPresent(address, level, "" if not entry else f"table not in memory, entry {entry:#x}")
            return False, frame, ALL_RIGHTS
        step = self.step(entry, level, address)
        if step is None:
            raise NotPresent(address, level, f"reserved bits in entry {entry:#x}")
        return step

    def _invalid(self, entry: int, address: int, rights: int, read_prototype: PrototypeReader | None) -> Found:
        """Follow a page's own entry that is not valid, as Windows' page fault handler would."""
        software = self.software
        frame = software.transition_frame(entry)
        if frame is not None:
            return frame, TABLE_SIZE, rights & software.rights(entry, address), PageState.TRANSITION
        prototype = software.prototype_address(entry)
        if prototype is None or read_prototype is None:
            raise software.fault(entry, address)
        try:
            target = read_prototype(prototype)
        except MemoryFault as fault:
            raise NotPresent(address, 1, f"prototype at {prototype:#x}, which is unreadable") from fault
        return self._through_prototype(target, address, rights)

    def _through_prototype(self, target: int, address: int, rights: int) -> Found:
        software = self.software
        if target & 1:
            step = self.step(target, 1, address)
            if step is None:
                raise NotPresent(address, 1, f"reserved bits in prototype {target:#x}")
            # The prototype is shared by all processes, so its owner bit says nothing of this mapping.
            return step[1], TABLE_SIZE, rights & (step[2] | USER), PageState.PROTOTYPE
        frame = software.transition_frame(target)
        if frame is not None:
            return frame, TABLE_SIZE, rights & software.rights(target, address), PageState.PROTOTYPE
        raise software.prototype_fault(target, address)


def _read_entry(read_entry: EntryReader, place: int, size: int, address: int, level: int) -> int:
    try:
        return read_entry(place, size)
    except MemoryFault as fault:
        raise NotInDump(address, f"its page table of level {level} at physical {place:#x}") from fault
