"""x64: four or five levels, 4 KiB, 2 MiB and 1 GiB pages, no-execute.

Source: Intel SDM vol. 3A, 4.5 (4-level and 5-level paging); MMPTE_* in the public symbols (36 to 40 frame bits).

Folklore: the low 12 bits of CR3 may hold a PCID and bit 63 "do not flush"; DirectoryTableBase keeps them on systems
with kernel address shadowing.  Windows marks software-owned bits 52-62 freely in valid entries.
"""

from __future__ import annotations

from bugcheck.addresses import is_canonical
from bugcheck.memory.address_space import outside
from bugcheck.memory.page_tables.page_tables import PageTables
from bugcheck.memory.page_tables.software_pte import SoftwarePte
from bugcheck.memory.page_tables.translation import Step
from bugcheck.memory.page_tables.x86_pae import FRAME_MASK, paging_step

_LARGE = 1 << 7
_UNKNOWN_MASK_FRAMES = 0x0000_1FFF_FFFF_F000


def prototype_address(entry: int) -> int | None:
    """Address of the prototype PTE: bits 16-63, sign-extended; None when the VAD describes the page instead."""
    if entry >> 32 == 0xFFFF_FFFF:
        return None
    address = entry >> 16
    return address | 0xFFFF_0000_0000_0000 if address >> 47 else address


class X64(PageTables):
    """Page tables of x64 with `levels` (4 or 5) levels."""

    def __init__(self, levels: int = 4, page_file_bit: int = 12, invalid_pte_mask: int | None = None) -> None:
        self.shifts = (48, 39, 30, 21, 12)[5 - levels :]
        self.significant_bits = 12 + 9 * levels
        self.software = SoftwarePte(
            frame_mask=_UNKNOWN_MASK_FRAMES if invalid_pte_mask is None else FRAME_MASK,
            prototype=prototype_address,
            page_file_bit=page_file_bit,
            table_levels=levels,
            swizzled=True,
            invalid_pte_mask=invalid_pte_mask,
        )

    def check(self, address: int) -> None:
        """Raise NonCanonical unless the bits above the significant ones repeat the highest of them."""
        if address >> 64 or not is_canonical(address, self.significant_bits):
            raise outside(address, self.significant_bits)

    def root(self, directory_table_base: int, address: int) -> int:  # noqa: ARG002
        """The top table: CR3 without flags and PCID."""
        return directory_table_base & FRAME_MASK

    def extend(self, address: int) -> int:
        """Repeat the highest significant bit upwards."""
        if address >> (self.significant_bits - 1) & 1:
            return address | (1 << 64) - (1 << self.significant_bits)
        return address

    def step(self, entry: int, level: int, address: int) -> Step | None:  # noqa: ARG002
        """Decode an entry; large pages exist at levels 2 (2 MiB) and 3 (1 GiB), above them the bit is reserved."""
        if level > 3:
            return None if entry & _LARGE else paging_step(entry, level, 0)
        return paging_step(entry, level, 3 + 9 * level)
