"""32-bit x86 without PAE: two levels, 4 KiB and 4 MiB pages.

Source: Intel SDM vol. 3A, 4.3 (32-bit paging), table 4-4 (PSE-36); MMPTE_HARDWARE_X86 in the public symbols.

Folklore: Windows keeps "writable" in the Write bit that software owns (bit 11) and sets the processor's own only once
the page is dirty, so a clean writable page looks read-only to the processor.  Without PAE there is no execute
protection.  The prototype formula is Vista's and later; before, the address is relative to the paged pool, whose start
is not in the tables, so those entries fault as "prototype".
"""

from __future__ import annotations

from bugcheck.memory.address_space import outside
from bugcheck.memory.page_tables.page_tables import PageTables
from bugcheck.memory.page_tables.software_pte import SoftwarePte
from bugcheck.memory.page_tables.translation import EXECUTE, WRITE, Step

_LARGE = 1 << 7
FIRST_BUILD_WITH_ABSOLUTE_PROTOTYPES = 6000


def prototype_since_vista(entry: int) -> int:
    """Address of the prototype PTE: bits 11-31 are address bits 10-30, bits 1-8 are address bits 2-9, bit 31 is set."""
    return 0x8000_0000 | (entry >> 1 & 0x7FFF_FC00) | (entry << 1 & 0x3FC)


def _relative_prototype(entry: int) -> int | None:  # noqa: ARG001
    return None


class X86(PageTables):
    """Page tables of 32-bit x86 without PAE. `build` is Windows' build number, 0 when unknown."""

    entry_size = 4
    top_entries = 1024
    shifts = (22, 12)

    def __init__(self, build: int = 0) -> None:
        known = build >= FIRST_BUILD_WITH_ABSOLUTE_PROTOTYPES
        self.software = SoftwarePte(
            frame_mask=0xFFFF_F000,
            prototype=prototype_since_vista if known else _relative_prototype,
            page_file_bit=1,
            offset_bit=12,
        )

    def check(self, address: int) -> None:
        """Raise NonCanonical beyond 4 GiB."""
        if address >> 32:
            raise outside(address, 32)

    def root(self, directory_table_base: int, address: int) -> int:  # noqa: ARG002
        """The page directory; the low 12 bits of CR3 are flags."""
        return directory_table_base & 0xFFFF_F000

    def step(self, entry: int, level: int, address: int) -> Step | None:  # noqa: ARG002
        """Decode an entry; a large page has its address bits 32-39 in bits 13-20 (PSE-36)."""
        rights = EXECUTE | (entry >> 1 & 3)
        if level == 1:
            return True, entry & 0xFFFF_F000, rights | (entry >> 11 & WRITE)
        if entry & _LARGE:
            return True, (entry & 0xFFC0_0000) | (entry >> 13 & 0xFF) << 32, rights | (entry >> 11 & WRITE)
        return False, entry & 0xFFFF_F000, rights
