"""Code bytes → call sites: does a call instruction end right before an address, and where does it go?

Source: Intel SDM volume 2, CALL (E8 rel32; FF /2 with ModRM, SIB and displacement, table 2-2 and 2-3); Arm ARM,
BL, BLR, BLRAA and relatives (A64), BL, BLX immediate and BLX register (T32).

Folklore: x86 code can be read backwards in more than one way, so an address may have two call sites; all are given.
Prefixes (REX, segment overrides, BND) stand before the opcode and change nothing about where the call ends.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from bugcheck.addresses import MASK64
from bugcheck.dump.dump import Architecture
from bugcheck.images.pe_header import ByteReader

LONGEST_CALL = 7
"""Bytes of the longest call without prefixes: FF, ModRM, SIB and a 32-bit displacement."""
_S32 = Struct("<i")
_U16 = Struct("<H")
_U32 = Struct("<I")


class CallSite(NamedTuple):
    """A call instruction. `length` in bytes; `target` None when it is in a register or in memory."""

    length: int
    target: int | None = None


def is_call_before(reader: ByteReader, address: int, architecture: Architecture) -> bool | None:
    """Tell whether a call instruction ends right before `address`; None when the code bytes are not there.

    `reader` is memory with a virtual address, or an image file with an RVA.
    """
    found = calls_before(reader, address, architecture)
    return None if found is None else bool(found)


def calls_before(reader: ByteReader, address: int, architecture: Architecture) -> tuple[CallSite, ...] | None:
    """Find the call instructions that may end right before `address`, shortest first; None without code bytes.

    Targets are in the reader's own addresses.  Where only some of the bytes are there, a call found in them counts and
    the lack of one proves nothing (None).
    """
    if architecture is Architecture.ARM64:
        return _arm64_calls(reader, address)
    if architecture is Architecture.ARM32:
        return _thumb_calls(reader, address & ~1)
    code = _bytes_before(reader, address)
    found = _x86_calls(code, address, architecture.bits)
    return found if found or len(code) >= LONGEST_CALL else None


def _bytes_before(reader: ByteReader, address: int) -> bytes:
    """Read the bytes that end at `address`, at most LONGEST_CALL of them."""
    if address < 1 or reader.try_read(address - 1, 1) is None:  # small dumps hold hardly any code
        return b""
    for size in range(LONGEST_CALL, 1, -1):
        code = reader.try_read(address - size, size) if address >= size else None
        if code is not None:
            return code
    return b""


def _x86_calls(code: bytes, address: int, bits: int) -> tuple[CallSite, ...]:
    found: list[CallSite] = []
    for length in range(2, min(len(code), LONGEST_CALL) + 1):
        if code[-length] == 0xFF and _modrm_length(code[len(code) - length + 1 :]) == length - 1:
            found.append(CallSite(length))
        elif length == 5 and code[-5] == 0xE8:
            target = address + _S32.unpack_from(code, len(code) - 4)[0]
            found.append(CallSite(5, target & (MASK64 if bits == 64 else 0xFFFF_FFFF)))
    return tuple(found)


def _modrm_length(code: bytes) -> int:
    """Count the bytes of ModRM, SIB and displacement of `FF /2`; 0 when the ModRM byte names another operation."""
    modrm = code[0]
    mod, operation, place = modrm >> 6, modrm >> 3 & 7, modrm & 7
    if operation != 2:
        return 0
    if mod == 3:
        return 1
    has_sib = place == 4
    if mod == 0:
        base = code[1] & 7 if has_sib and len(code) > 1 else place
        displacement = 4 if base == 5 else 0
    else:
        displacement = 1 if mod == 1 else 4
    return 1 + has_sib + displacement


def _arm64_calls(reader: ByteReader, address: int) -> tuple[CallSite, ...] | None:
    code = reader.try_read(address - 4, 4) if address >= 4 and address & 3 == 0 else None
    if code is None:
        return () if address & 3 else None
    word = _U32.unpack(code)[0]
    if word >> 26 == 0x25:  # BL
        distance = (word & 0x03FF_FFFF) << 2
        distance -= (distance & 0x0800_0000) << 1
        return (CallSite(4, address - 4 + distance & MASK64),)
    is_blr = word & 0xFFFF_FC1F == 0xD63F_0000 or word & 0xFEFF_F800 == 0xD63F_0800
    return (CallSite(4),) if is_blr else ()


def _thumb_calls(reader: ByteReader, address: int) -> tuple[CallSite, ...] | None:
    code = reader.try_read(address - 4, 4) if address >= 4 else None
    if code is None:
        short = reader.try_read(address - 2, 2) if address >= 2 else None
        return (CallSite(2),) if short is not None and _is_blx_register(_U16.unpack(short)[0]) else None
    first, second = _U16.unpack_from(code, 0)[0], _U16.unpack_from(code, 2)[0]
    found = (CallSite(2),) if _is_blx_register(second) else ()
    if first & 0xF800 == 0xF000 and (second & 0xD000 == 0xD000 or second & 0xD001 == 0xC000):
        found += (CallSite(4, _thumb_target(first, second, address)),)
    return found


def _is_blx_register(halfword: int) -> bool:
    return halfword & 0xFF87 == 0x4780


def _thumb_target(first: int, second: int, address: int) -> int:
    """Compute where a BL or BLX immediate goes; the program counter reads as the call's end."""
    sign, j1, j2 = first >> 10 & 1, second >> 13 & 1, second >> 11 & 1
    high = (sign << 24) | (1 - (j1 ^ sign) << 23) | (1 - (j2 ^ sign) << 22)
    distance = high | (first & 0x3FF) << 12 | (second & 0x7FF) << 1
    distance -= (distance & 0x0100_0000) << 1
    base = address if second & 0x1000 else address & ~3  # BLX goes to Arm code, which is aligned
    return base + distance & 0xFFFF_FFFF
