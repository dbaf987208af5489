"""A word of a stack → the address it means: pointer authentication bits taken off, the Thumb bit kept out.

Source: Arm ARM, "Pointer authentication": the code replaces bits above the virtual address width, bit 55 tells which
half of the address space it was; Windows uses 48-bit addresses on ARM64.
"""

from __future__ import annotations

from bugcheck.dump.dump import Architecture

ARM64_ADDRESS_BITS = 48
_LOW = (1 << ARM64_ADDRESS_BITS) - 1
_HIGH = 0xFFFF_FFFF_FFFF_FFFF & ~_LOW


def strip_pointer(value: int, architecture: Architecture) -> int:
    """Take authentication bits off an ARM64 code pointer; other architectures' words are returned as they are."""
    if architecture is not Architecture.ARM64:
        return value
    return value & _LOW | (_HIGH if value >> 55 & 1 else 0)
