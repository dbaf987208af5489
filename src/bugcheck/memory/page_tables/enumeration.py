"""A tree of page tables → its present pages, streamed in ascending order of address.

Source: the formats in this folder.

Folklore: Windows maps its own page tables: one entry of the top table leads back to the top table, so every table shows
up as a page in that region.  A damaged dump can do worse and let every entry lead to one shared table, which makes
512**4 pages out of four.  Entries that lead back onto their own path are therefore skipped, and what sharing can still
multiply is bounded by a Budget.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from bugcheck.memory.page_tables.page_tables import TABLE_SIZE, PageTables
from bugcheck.memory.page_tables.translation import ALL_RIGHTS, Found, PageState, Step, TableReader
from bugcheck.records import dataclass

TABLE_LIMIT = 1 << 16
"""Tables one enumeration reads at most: enough for 128 GiB of small pages."""
PAGE_LIMIT = 1 << 24
"""Pages one enumeration yields at most: enough for 64 GiB of small pages."""


@dataclass(slots=True)
class Budget:
    """What an enumeration may still read and yield; `spent` tells that it was cut short."""

    tables: int = TABLE_LIMIT
    pages: int = PAGE_LIMIT
    spent: bool = False


class PresentPages:
    """One enumeration: the valid and transition pages that lie in [start, end).

    Pages behind prototype PTEs are left out: following each would cost a translation of its own.

    Args:
        read_table: returns what is there of a table; a short one loses its last entries.
    """

    def __init__(self, tables: PageTables, read_table: TableReader, directory_table_base: int, budget: Budget) -> None:
        self._tables = tables
        self._read_table = read_table
        self._roots = tables.roots(directory_table_base)
        self._budget = budget
        self._form = {4: "<%dI", 8: "<%dQ"}[tables.entry_size]

    def between(self, start: int, end: int) -> Iterator[tuple[int, Found]]:
        """Yield (virtual address, page) of each page that overlaps [start, end)."""
        for table, base in self._roots:
            yield from self._table(table, len(self._tables.shifts), base, ALL_RIGHTS, (table,), start, end)

    def _table(
        self, table: int, level: int, base: int, rights: int, path: tuple[int, ...], start: int, end: int
    ) -> Iterator[tuple[int, Found]]:
        shift = self._tables.shifts[-level]
        for index, entry in enumerate(self._entries(table, level)):
            if not entry:
                continue
            address = self._tables.extend(base + (index << shift))
            if address >= end or address + (1 << shift) <= start:
                continue
            step, state = self._step(entry, level, address)
            if step is None:
                continue
            is_page, physical, granted = step
            if is_page:
                if not self._spend_page():
                    return
                yield address, (physical, 1 << shift, rights & granted, state)
            elif level > 1 and physical not in path:
                below = (*path, physical)
                yield from self._table(physical, level - 1, address, rights & granted, below, start, end)

    def _entries(self, table: int, level: int) -> tuple[int, ...]:
        if self._budget.tables <= 0 or self._budget.pages <= 0:
            self._budget.spent = True
            return ()
        self._budget.tables -= 1
        size = self._tables.entry_size
        top = level == len(self._tables.shifts)
        raw = self._read_table(table, self._tables.top_entries * size if top else TABLE_SIZE)
        return struct.unpack(self._form % (len(raw) // size), raw[: len(raw) // size * size])

    def _step(self, entry: int, level: int, address: int) -> tuple[Step | None, PageState]:
        if entry & 1:
            return self._tables.step(entry, level, address), PageState.VALID
        software = self._tables.software
        frame = software.table_frame(entry, level)
        if frame is None:
            return None, PageState.TRANSITION
        return (level == 1, frame, software.rights(entry, address) if level == 1 else ALL_RIGHTS), PageState.TRANSITION

    def _spend_page(self) -> bool:
        if self._budget.pages <= 0:
            self._budget.spent = True
            return False
        self._budget.pages -= 1
        return True
