"""The address of a page table entry → the address that entry maps, as the stack or a register still has it.

Source: Intel SDM volume 3, 4-level paging; Windows maps all page tables into 512 GiB of the upper half, the entries in
the order of the addresses they map, so 36 bits of both agree and none by chance.  Where those 512 GiB begin is random
since Windows 10 1607 and not in a small dump, hence the search.

Folklore: the memory manager keeps the mapped address in a register while it works on its entry (corpus 50_0: rbx; 1a
and be_1: a word of the stack).
"""

from __future__ import annotations

from dataclasses import dataclass

from bugcheck.dump.dump import Architecture
from bugcheck.findings.bit_flips import stack_words
from bugcheck.findings.findings import Crash

_PAGE_MASK = ~0xFFF
_LOW, _ENTRIES = 0x7F_FFFF_FFFF, 0x7F_FFFF_FFF8


@dataclass(frozen=True, slots=True)
class MappedAddress:
    """The page an entry maps. `address`: its beginning; `where`: the register or stack word that led to it."""

    address: int
    where: str


def mapped_by(crash: Crash, entry: int) -> MappedAddress | None:
    """Find what the entry at a virtual address maps; None where nothing in the dump's registers and stack fits."""
    if crash.machine.architecture is not Architecture.X64 or not entry >> 47 or entry % 8:
        return None
    low = entry & _LOW
    for context in crash.machine.contexts:
        for name, value in context.registers.items():
            if _fits(value, low):
                return MappedAddress(value & _PAGE_MASK, f"{name} ({context.source})")
    start, words = stack_words(crash)
    for index, value in enumerate(words):
        if _fits(value, low):
            return MappedAddress(value & _PAGE_MASK, f"stack word {start + 8 * index:#x}")
    return None


def table_at(crash: Crash, address: int) -> int | None:
    """The first address that a page maps which is itself a page table; None where that cannot be told.

    It is one where the registers hold both ends of the 512 GiB of page tables and the address lies between them; one
    end alone would not do, because pools begin at such round addresses as well.
    """
    if crash.machine.architecture is not Architecture.X64 or not address >> 47:
        return None
    base, values = address & ~_LOW, {value for each in crash.machine.contexts for value in each.registers.values()}
    if base not in values or base | _LOW not in values:
        return None
    mapped = (address & _LOW & _PAGE_MASK) << 9
    return mapped | (0xFFFF << 48 if mapped >> 47 else 0)


def _fits(value: int, low: int) -> bool:
    canonical = value >> 47 in (0, 0x1_FFFF)
    return canonical and value >= 0x1_0000 and value >> 9 & _ENTRIES == low
