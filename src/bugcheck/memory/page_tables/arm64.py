"""ARM64: four levels of 4 KiB granules, 4 KiB pages, 2 MiB and 1 GiB blocks, one or two roots.

Source: Arm ARM (DDI 0487) D8.3 (VMSAv8-64 descriptors, hierarchical permissions); MMPTE_HARDWARE of ARM64 kernels
(ntdiff/headers, Win10_1903): Owner is AP[1], NotDirty is AP[2], Writable is the software bit 55.

Folklore: the processor has a table for each half of the addresses (TTBR0, TTBR1), but Windows does not use the split:
one top table serves both halves, user addresses in its lower 256 entries and kernel addresses in its upper 256, and the
header's DirectoryTableBase (400a9000 and 946aa000 in the corpus, page-aligned) is that table (memflow issue 11;
MemProcFS mm_arm64.c walks it so).  A caller who has two tables passes the user one as `user_table`.  A clean writable
page is read-only to the processor (NotDirty), so bit 55 counts as writable too.
"""

from __future__ import annotations

from bugcheck.addresses import is_canonical
from bugcheck.memory.address_space import outside
from bugcheck.memory.page_tables.page_tables import PageTables
from bugcheck.memory.page_tables.software_pte import SoftwarePte
from bugcheck.memory.page_tables.translation import EXECUTE, USER, WRITE, Step
from bugcheck.memory.page_tables.x64 import prototype_address

FRAME_MASK = 0x0003_FFFF_FFFF_F000
_TABLE_OR_PAGE = 1 << 1
_TOP_BITS = 0xFFFF_0000_0000_0000


class Arm64(PageTables):
    """Page tables of ARM64 with 4 KiB granules.

    Args:
        user_table: physical address of the table for the lower half, when it is not the same as for the upper half.
    """

    shifts = (39, 30, 21, 12)

    def __init__(self, user_table: int | None = None) -> None:
        self.user_table = user_table
        # With one table for both halves bit 47 chooses the half; with two, each has 48 bits of its own.
        self.significant_bits = 48 if user_table is None else 49
        self.software = SoftwarePte(
            frame_mask=0x0000_FFFF_FFFF_F000,
            prototype=prototype_address,
            protection_bit=1,
            page_file_bit=6,
            table_levels=4,
        )

    def check(self, address: int) -> None:
        """Raise NonCanonical for an address between the halves."""
        if address >> 64 or not is_canonical(address, self.significant_bits):
            raise outside(address, self.significant_bits)

    def root(self, directory_table_base: int, address: int) -> int:
        """The top table of the half `address` lies in; TTBR holds an ASID in its upper 16 bits."""
        base = directory_table_base if address >> 63 or self.user_table is None else self.user_table
        return base & 0x0000_FFFF_FFFF_F000

    def roots(self, directory_table_base: int) -> tuple[tuple[int, int], ...]:
        """One root that serves both halves, or the user's and the kernel's."""
        kernel = self.root(directory_table_base, 1 << 63)
        if self.user_table is None:
            return ((kernel, 0),)
        return ((self.root(directory_table_base, 0), 0), (kernel, _TOP_BITS))

    def extend(self, address: int) -> int:
        """Repeat bit 47 upwards when one table serves both halves."""
        if self.user_table is None and address >> 47 & 1:
            return address | _TOP_BITS
        return address

    def step(self, entry: int, level: int, address: int) -> Step | None:
        """Decode a descriptor; blocks exist at levels 2 (2 MiB) and 3 (1 GiB), all others must have bit 1 set."""
        kernel = address >> 63
        if level > 1 and entry & _TABLE_OR_PAGE:
            return False, entry & FRAME_MASK, _table_rights(entry, kernel)
        if (level == 1) != bool(entry & _TABLE_OR_PAGE) or level == 4:
            return None
        never_execute = entry >> 53 & 1 if kernel else entry >> 54 & 1
        rights = (entry >> 5 & USER) | (0 if never_execute else EXECUTE)
        if entry >> 55 & 1 or not entry >> 7 & 1:
            rights |= WRITE
        return True, entry & FRAME_MASK & -(1 << (3 + 9 * level)), rights


def _table_rights(entry: int, kernel: int) -> int:
    """Rights a table descriptor leaves: APTable (61: no user, 62: no write), UXNTable (60), PXNTable (59)."""
    never_execute = entry >> 59 & 1 if kernel else entry >> 60 & 1
    rights = 0 if never_execute else EXECUTE
    if not entry >> 61 & 1:
        rights |= USER
    if not entry >> 62 & 1:
        rights |= WRITE
    return rights
