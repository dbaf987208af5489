"""32-bit x86 with PAE: three levels, 4 KiB and 2 MiB pages, no-execute.

Source: Intel SDM vol. 3A, 4.4 (PAE paging); MMPTE_HARDWARE of PAE kernels in the public symbols.

Folklore: the directory table base is aligned to 32 bytes, not to a page: many processes share one page of top tables
(_KPROCESS.DirectoryTableBase of such a system ends in 20, 40, …).
"""

from __future__ import annotations

from bugcheck.memory.address_space import outside
from bugcheck.memory.page_tables.page_tables import PageTables
from bugcheck.memory.page_tables.software_pte import SoftwarePte
from bugcheck.memory.page_tables.translation import ALL_RIGHTS, EXECUTE, Step

FRAME_MASK = 0x000F_FFFF_FFFF_F000
_LARGE = 1 << 7


def prototype_address(entry: int) -> int:
    """Address of the prototype PTE: the upper half of the entry."""
    return entry >> 32


class X86Pae(PageTables):
    """Page tables of 32-bit x86 with PAE."""

    top_entries = 4
    shifts = (30, 21, 12)

    def __init__(self, page_file_bit: int = 1, invalid_pte_mask: int | None = None) -> None:
        self.software = SoftwarePte(
            frame_mask=0x0000_003F_FFFF_F000,
            prototype=prototype_address,
            page_file_bit=page_file_bit,
            swizzled=True,
            invalid_pte_mask=invalid_pte_mask,
        )

    def check(self, address: int) -> None:
        """Raise NonCanonical beyond 4 GiB."""
        if address >> 32:
            raise outside(address, 32)

    def root(self, directory_table_base: int, address: int) -> int:  # noqa: ARG002
        """The table of four page-directory pointers."""
        return directory_table_base & 0xFFFF_FFE0

    def step(self, entry: int, level: int, address: int) -> Step | None:  # noqa: ARG002
        """Decode an entry; those of the top level carry no rights."""
        if level == 3:
            return False, entry & FRAME_MASK, ALL_RIGHTS
        return paging_step(entry, level, 21)


def paging_step(entry: int, level: int, large_shift: int) -> Step:
    """Decode an entry of PAE or 4-level paging; `large_shift` is the page size, in bits, of a large page here.

    A page is writable when the processor's bit (1) or Windows' own Write bit (11) says so: Windows leaves the former
    clear until the page is dirty.
    """
    rights = (0 if entry >> 63 else EXECUTE) | (entry >> 1 & 3)
    if level == 1:
        return True, entry & FRAME_MASK, rights | (entry >> 11 & 1)
    if entry & _LARGE:
        return True, entry & FRAME_MASK & -(1 << large_shift), rights | (entry >> 11 & 1)
    return False, entry & FRAME_MASK, rights
