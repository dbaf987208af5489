"""An address that was used → what kind of address it is, in words that claim no more than is certain.

Sources: Intel SDM (canonical addresses), Windows memory layout (user space below 0x80000000 or 2**47, PTE and
shared-data regions; an x64 general protection fault is reported as an access to 2**64-1), fill patterns of the
kernel's and C runtime's checked allocators (Microsoft, "Driver Verifier special pool"; MSVC debug heap).
"""

from __future__ import annotations

from bugcheck.addresses import MASK64, is_canonical
from bugcheck.dump.dump import Architecture
from bugcheck.records import dataclass

NULL_PAGE = 0x1_0000
"""Windows never maps the first 64 KiB, so that null pointers with an offset fault."""

FILL_PATTERNS = {
    0xBADB0D00: "the debug-argument mark of trap frames",
    0xDEADBEEF: "a marker programmers write into dead memory",
    0xFEEEFEEE: "heap memory that was freed (HeapFree)",
    0xCDCDCDCD: "heap memory that was never written (debug heap)",
    0xDDDDDDDD: "heap memory that was freed (debug heap)",
    0xCCCCCCCC: "stack memory that was never written (debug build), or int 3 padding",
    0xBAADF00D: "heap memory that was never written (LocalAlloc)",
    0xABABABAB: "the guard behind a heap block",
    0xF0F0F0F0: "pool memory that was freed (Driver Verifier)",
}


@dataclass(frozen=True, slots=True)
class AddressKind:
    """What an address is.

    Attributes:
        words: fits after "read from", "wrote to" ("a null pointer plus 0x8").
        name: short key: null, non_canonical, unrecorded, fill_pattern, user, kernel.
    """

    name: str
    words: str


def kind_of_address(address: int, architecture: Architecture) -> AddressKind:
    """Classify a virtual address used by kernel or user code."""
    text = f"{address:#x}"
    if address == MASK64:
        return AddressKind("unrecorded", "an address the processor refused without recording it (general protection)")
    if address < NULL_PAGE:
        return AddressKind("null", "a null pointer" if address == 0 else f"a null pointer plus {address:#x}")
    pattern = _pattern(address, architecture)
    if pattern:
        return AddressKind("fill_pattern", f"{text}, {pattern}")
    if architecture.bits == 64 and not is_canonical(address, 57 if _five_levels(address) else 48):
        return AddressKind("non_canonical", f"{text}, which is no possible address")
    if is_kernel_address(address, architecture):
        return AddressKind("kernel", f"kernel address {text}")
    return AddressKind("user", f"user-mode address {text}")


def is_kernel_address(address: int, architecture: Architecture) -> bool:
    """Tell kernel from user addresses by the top bit of the address width."""
    return bool(address >> (architecture.bits - 1))


def _five_levels(address: int) -> bool:
    """With five levels an address is canonical in 57 bits; kernel modules then still lie above 0xfffff80000000000."""
    return address >> 56 == 0xFF


def _pattern(address: int, architecture: Architecture) -> str | None:
    low, high = address & 0xFFFF_FFFF, address >> 32
    for value, meaning in FILL_PATTERNS.items():
        near = abs(low - value) < 0x1000
        if near and (architecture.bits == 32 or high == value):
            return f"in or next to {meaning}"
    return None
