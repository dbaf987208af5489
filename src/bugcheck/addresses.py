"""Numbers → addresses, and the one way to print and parse them.

Source: WinDbg's notation (`fffff805`108776a0`, "Numerical expression syntax", Microsoft debugger documentation).
"""

from __future__ import annotations

from typing import NewType

from bugcheck.errors import UsageError

VirtualAddress = NewType("VirtualAddress", int)
"""An address as code uses it, 0 to 2**64-1; 32-bit machines' addresses are zero-extended."""

PhysicalAddress = NewType("PhysicalAddress", int)
"""An address on the memory bus, in bytes."""

PAGE_SIZE = 0x1000
MASK64 = 0xFFFF_FFFF_FFFF_FFFF


def format_address(address: int, bits: int = 64) -> str:
    """Format as WinDbg does: 8 digits on a 32-bit machine, 8`8 digits on a 64-bit one."""
    if bits == 32 and address <= 0xFFFF_FFFF:
        return f"{address:08x}"
    return f"{address >> 32 & 0xFFFFFFFF:08x}`{address & 0xFFFFFFFF:08x}"


def format_hex(value: int) -> str:
    """Format for JSON: `0x…`, lower case, no padding (the contract in docs/reference/json.md)."""
    return f"{value & MASK64:#x}"


def parse_address(text: str) -> int:
    """Parse what people paste: `fffff805`108776a0`, `0x10`, `10h`, `f535e785`; digits are hexadecimal as in WinDbg.

    Raises:
        UsageError: the text is no hexadecimal number of at most 64 bits.
    """
    digits = text.strip().replace("`", "").lower()
    base = 10 if digits.startswith("0n") else 16
    digits = digits[2:] if digits.startswith(("0n", "0x")) else digits.removesuffix("h")
    try:
        value = int(digits, base)
    except ValueError:
        raise UsageError(f"{text!r} is no address (hexadecimal digits, back-ticks allowed)") from None
    if not 0 <= value <= MASK64:
        raise UsageError(f"{text!r} does not fit in 64 bits")
    return value


def sign_extend_32(value: int) -> int:
    """Sign-extend a 32-bit value as 64-bit dump fields of 32-bit machines are (0x82a00000 → 0xffffffff82a00000)."""
    value &= 0xFFFF_FFFF
    return value | 0xFFFF_FFFF_0000_0000 if value & 0x8000_0000 else value


def is_canonical(address: int, address_bits: int = 48) -> bool:
    """Tell whether all bits from `address_bits - 1` up are alike, as x64 demands (Intel SDM vol. 1, 3.3.7.1)."""
    top = address >> (address_bits - 1)
    return top == 0 or top == (1 << (65 - address_bits)) - 1
