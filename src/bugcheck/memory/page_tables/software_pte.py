"""A page-table entry that is not valid → what Windows meant by it: transition, prototype, page file, demand zero.

Source: the bit fields of MMPTE_TRANSITION, MMPTE_PROTOTYPE, MMPTE_SOFTWARE, MMPTE_SUBSECTION in Microsoft's public
symbols (x64: the eleven tables in corpus/symbols/isf; x86: volatility's win2003_sp2, vista_sp1 and win7_sp1 x86 vtypes;
ARM64: ntdiff/headers, Win10_1903), and the states as in Windows Internals, 7th ed., part 1, chapter 5.

Folklore:
- Swizzling. Kernels with the L1TF mitigation (August 2018) keep one high physical bit set in entries that are not valid
  unless SwizzleBit (bit 4) says the entry is stored plain; the bit is MiState.Hardware.InvalidPteMask (volatility3 pull
  requests 475 and 778).  The mask lives in the dump, not in its header, so a caller who knows it hands it in; until
  then transition frames are cut to 45 bits, as volatility3 and MemProcFS do, and page-file offsets are left as stored.
- PageFileLow moved from bits 1-4 to 12-15 with that mitigation: by patch date, not by build.  `page_file_bit` is a
  field here; `TranslatedSpace` guesses it from the build.
- A prototype address with its upper 32 bits all set (x64: ffffffff0000 in bits 16-63) is no address: the VAD describes
  the page.  On Windows 11 22H2 a mapped file's prototype holds a plain kernel address (upper 17 bits set, low four
  clear), whose middle bits mean nothing and must not be taken for "transition" (MemProcFS, mm_win.c).
- Large-page prototypes and page tables in the page file are not followed.
"""

from __future__ import annotations

from collections.abc import Callable

from bugcheck.errors import MemoryFault, NotPresent, PagedOut
from bugcheck.memory.page_tables.translation import EXECUTE, USER, WRITE
from bugcheck.records import dataclass

VALID, PROTOTYPE, TRANSITION = 1, 1 << 10, 1 << 11
SWIZZLE_BIT = 1 << 4
_RIGHTS = tuple(USER | (WRITE if code & 4 else 0) | (EXECUTE if code & 2 else 0) for code in range(8))
"""MM_PROTECTION codes: 1 read, 2 execute, 3 execute+read, 4 read+write, 5 write copy, 6 and 7 the same with execute."""


def is_plain_kernel_address(entry: int) -> bool:
    """Tell whether an entry that is not valid is a mapped file's address rather than bit fields (Windows 11 22H2)."""
    return entry & 0xFFFF_8000_0000_000F == 0xFFFF_8000_0000_0000


@dataclass(frozen=True, slots=True)
class SoftwarePte:
    """The layout of entries that are not valid, on one processor.

    Attributes:
        frame_mask: bits of a transition entry that are its frame's physical address.
        prototype: makes the address of the prototype PTE from an entry; None when that is no address.
        protection_bit: lowest of the five protection bits.
        page_file_bit: lowest of the four bits of the page file's number.
        offset_bit: lowest bit of the page index in the page file.
        table_levels: highest level whose entries may point at a table in transition.
        swizzled: whether SwizzleBit exists.
        invalid_pte_mask: InvalidPteMask of the kernel, or None when unknown.
    """

    frame_mask: int
    prototype: Callable[[int], int | None]
    protection_bit: int = 5
    page_file_bit: int = 12
    offset_bit: int = 32
    table_levels: int = 2
    swizzled: bool = False
    invalid_pte_mask: int | None = None

    def _plain(self, entry: int) -> int:
        """Undo the swizzling, when the mask is known."""
        if self.swizzled and self.invalid_pte_mask and not entry & SWIZZLE_BIT:
            return entry & ~self.invalid_pte_mask
        return entry

    def transition_frame(self, entry: int) -> int | None:
        """Physical address of the page an entry in transition still names; None in any other state."""
        if entry & (VALID | PROTOTYPE | TRANSITION) != TRANSITION or is_plain_kernel_address(entry):
            return None
        return self._plain(entry) & self.frame_mask

    def table_frame(self, entry: int, level: int) -> int | None:
        """Physical address of a page table in transition, from its entry in the table at `level`; None otherwise."""
        return self.transition_frame(entry) if level <= self.table_levels else None

    def rights(self, entry: int, address: int) -> int:
        """Rights by the protection field.

        The owner is not in it: a 64-bit address says whose the page is, a 32-bit one leaves it to the tables above.
        """
        rights = _RIGHTS[entry >> self.protection_bit & 7]
        return rights & ~USER if address >> 63 else rights

    def prototype_address(self, entry: int) -> int | None:
        """Virtual address of the prototype PTE that an entry names; None when it names none."""
        return self.prototype(entry) if entry & PROTOTYPE else None

    def fault(self, entry: int, address: int) -> MemoryFault:
        """Explain a page's own entry that leads to no frame."""
        if entry == 0:
            return NotPresent(address, 1, "no entry")
        if entry & PROTOTYPE:
            return NotPresent(address, 1, "prototype")
        return self._page_file(entry, address)

    def prototype_fault(self, target: int, address: int) -> MemoryFault:
        """Explain a prototype PTE that leads to no frame."""
        if target == 0:
            return NotPresent(address, 1, "prototype, demand zero")
        if target & PROTOTYPE or is_plain_kernel_address(target):
            return NotPresent(address, 1, "prototype, a page of a mapped file that is not in memory")
        return self._page_file(target, address)

    def _page_file(self, entry: int, address: int) -> MemoryFault:
        offset = self._plain(entry) >> self.offset_bit
        number = entry >> self.page_file_bit & 0xF
        if offset == 0 and number == 0:
            return NotPresent(address, 1, "demand zero")
        return PagedOut(address, number, offset)
