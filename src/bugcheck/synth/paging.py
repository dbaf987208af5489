"""A frame and its rights → the page-table entry of each architecture.

Source: Intel SDM volume 3A chapter 4 (hardware entries of 32-bit, PAE, 4- and 5-level paging); Arm ARM D8.3 (VMSAv8-64
descriptors, 4 KiB granule); nt's public types _MMPTE_TRANSITION, _MMPTE_PROTOTYPE, _MMPTE_SOFTWARE (PDB of
10.0.19041.804).

Folklore:
- Not valid is not absent: bit 11 alone (transition) still names a frame, bit 10 (prototype) names another entry.
- The 32-bit non-PAE prototype entry stores the address as an offset from paged pool (0xE1000000 before Vista), split
  around bits 8-10.
- PAE page-directory-pointer entries reserve the bits that elsewhere mean writable and user.
- Since build 18362 a set bit 4 of a non-valid entry says that its frame bits are stored plain (L1TF swizzling).
"""

from dataclasses import dataclass

from bugcheck.synth.architecture import Architecture

PROTOTYPE_BASE_X86 = 0xE1000000
_READ_WRITE = 4  # MM_READWRITE, the five protection bits of a software entry


@dataclass(frozen=True, slots=True)
class Rights:
    """What a mapping allows."""

    writable: bool = True
    executable: bool = False
    user: bool = False


@dataclass(frozen=True, slots=True)
class PagingScheme:
    """How one mode splits an address: `(shift, index bits)` per level from the root, entry size in bytes."""

    architecture: Architecture
    levels: tuple[tuple[int, int], ...]
    entry_size: int


_LONG_LEVELS = ((39, 9), (30, 9), (21, 9), (12, 9))


def paging_scheme(architecture: Architecture, five_level: bool = False) -> PagingScheme:
    """The scheme of an architecture; raises ValueError for ARM32, which is built as triage only."""
    if architecture is Architecture.X86:
        return PagingScheme(architecture, ((22, 10), (12, 10)), 4)
    if architecture is Architecture.X86_PAE:
        return PagingScheme(architecture, ((30, 2), (21, 9), (12, 9)), 8)
    if architecture is Architecture.ARM32:
        return PagingScheme(architecture, ((22, 10), (12, 10)), 4)
    levels = ((48, 9), *_LONG_LEVELS) if five_level else _LONG_LEVELS
    return PagingScheme(architecture, levels, 8)


def table_entry(scheme: PagingScheme, frame: int, level: int) -> int:
    """An entry of table `level` (0 = root) that points at the next table in `frame`."""
    if scheme.architecture is Architecture.ARM64:
        return frame << 12 | 0x3
    if scheme.architecture is Architecture.X86_PAE and level == 0:
        return frame << 12 | 0x1
    return frame << 12 | 0x67  # present, writable, user, accessed, dirty: rights are decided at the leaf


def page_entry(scheme: PagingScheme, frame: int, rights: Rights, large: bool = False) -> int:
    """A valid leaf entry for `frame`; `large` sets the page-size bit (a block descriptor on ARM64)."""
    if scheme.architecture is Architecture.ARM64:
        return _arm64_leaf(frame, rights, large)
    entry = frame << 12 | 0x61  # present, accessed, dirty
    entry |= 0x2 if rights.writable else 0
    entry |= 0x4 if rights.user else 0
    entry |= 0x80 if large else 0
    if scheme.entry_size == 8 and not rights.executable:
        entry |= 1 << 63
    return entry


def _arm64_leaf(frame: int, rights: Rights, large: bool) -> int:
    """A block (0b01) or page (0b11) descriptor: access flag, inner shareable, AP and execute-never bits."""
    entry = frame << 12 | (0x1 if large else 0x3) | 0x400 | 0x300
    entry |= 0 if rights.writable else 0x80
    entry |= 0x40 if rights.user else 0
    if not rights.executable:
        entry |= 1 << 53 | 1 << 54
    return entry


def transition_entry(scheme: PagingScheme, frame: int) -> int:
    """A not-valid entry whose frame is still in memory."""
    swizzle = 0x10 if scheme.entry_size == 8 and scheme.architecture is not Architecture.X86_PAE else 0
    return frame << 12 | 1 << 11 | _READ_WRITE << 5 | swizzle


def prototype_entry(scheme: PagingScheme, address: int) -> int:
    """A not-valid entry that points at the prototype entry at virtual `address`."""
    if scheme.entry_size == 4:
        offset = address - PROTOTYPE_BASE_X86
        return (offset >> 9) << 11 | 1 << 10 | (offset >> 2 & 0x7F) << 1
    if scheme.architecture is Architecture.X86_PAE:
        return address << 32 | 1 << 10 | _READ_WRITE << 5
    return (address & 0xFFFFFFFFFFFF) << 16 | 1 << 10 | _READ_WRITE << 5


def paged_out_entry(scheme: PagingScheme, file: int, offset: int) -> int:
    """A not-valid entry of a page that lies in paging file `file` at page `offset`."""
    if scheme.entry_size == 4:
        return offset << 12 | _READ_WRITE << 5 | file << 1
    if scheme.architecture is Architecture.X86_PAE:
        return offset << 32 | _READ_WRITE << 5 | file << 1
    return offset << 32 | file << 12 | 0x10 | _READ_WRITE << 5
