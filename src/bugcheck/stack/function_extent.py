"""Code bytes → does a function that starts here reach to there? For scans where no table tells where functions end.

Source: Arm ARM, branches (A64); Intel SDM volume 2, RET, INT3, NOP; what Microsoft's and LLVM's linkers put between
functions: int3 or nop padding up to the next multiple of 16.

ARM64 instructions have one length, so the function is followed: it ends behind a return, a jump or a trap that no
branch before it leads over.  x86 code is only searched for what separates functions; a byte C3 that belongs to another
instruction (8B C3, `mov eax, ebx`) is no return.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from bugcheck.dump.dump import Architecture
from bugcheck.stack.module_image import ModuleImage

HOLE = 16
"""Bytes by which a hole in the code is stepped over."""
_U32 = Struct("<I")
_AFTER_RETURN = (
    b"\xcc",
    b"\x0f\x1f",
    b"\x66\x90",
    b"\x66\x0f\x1f",
    b"\x66\x2e\x0f\x1f",
    b"\x66\x66",
    b"\x40\x53",
    b"\x40\x55",
    b"\x40\x57",
    b"\x48\x83\xec",
    b"\x48\x81\xec",
)
"""Padding, and first instructions of functions that need no padding before them."""
_TAKES_REGISTERS = frozenset(
    b"\x01\x03\x09\x0b\x21\x23\x29\x2b\x31\x33\x39\x3b\x63\x84\x85\x87\x88\x89\x8a\x8b\xaf\xb6\xb7"
)
"""Opcodes after which C3 is a ModRM byte."""


def may_reach(image: ModuleImage, start: int, rva: int, architecture: Architecture) -> bool:
    """Tell whether code at `rva` may belong to the function that starts at `start`; True where bytes are missing."""
    if architecture is Architecture.ARM64:
        code = image.read_up_to(start, max(0, rva - start))
        return _arm64_length(code) >= len(code) & ~3
    return architecture is Architecture.ARM32 or not any(map(_has_boundary, _pieces(image, start, rva)))


def _pieces(image: ModuleImage, start: int, end: int) -> Iterator[bytes]:
    """Read what is there between two RVAs, hole by hole: small dumps hold code in blocks of 256 bytes or a page."""
    at = start
    while at < end:
        code = image.read_up_to(at, end - at)
        if code:
            yield code
        at = (at + len(code) & -HOLE) + HOLE


def _has_boundary(code: bytes) -> bool:
    if b"\xcc\xcc" in code:
        return True
    at = code.find(b"\xc3")
    while at >= 0:
        is_return = at == 0 or code[at - 1] not in _TAKES_REGISTERS
        if is_return and code[at + 1 : at + 5].startswith(_AFTER_RETURN):
            return True
        at = code.find(b"\xc3", at + 1)
    return False


def _arm64_length(code: bytes) -> int:
    """Bytes of the function at the start of `code`, the whole of it when its end is not in there."""
    farthest = 0
    for at in range(0, len(code) - 3, 4):
        word = _U32.unpack_from(code, at)[0]
        distance = _arm64_branch(word)
        if distance is not None and 0 < distance < 0x10000:
            farthest = max(farthest, at + distance)
        if _arm64_ends(word) and at >= farthest:
            return at + 4
    return len(code)


def _arm64_branch(word: int) -> int | None:
    """Distance in bytes of a branch inside a function (conditional ones, and B); None for other instructions."""
    if word & 0xFF00_0010 == 0x5400_0000 or word & 0x7E00_0000 == 0x3400_0000:  # B.cond; CBZ, CBNZ
        return _signed(word >> 5 & 0x7FFFF, 19)
    if word & 0x7E00_0000 == 0x3600_0000:  # TBZ, TBNZ
        return _signed(word >> 5 & 0x3FFF, 14)
    return _signed(word & 0x03FF_FFFF, 26) if word >> 26 == 0x05 else None


def _signed(words: int, bits: int) -> int:
    return 4 * (words - (1 << bits) if words >> (bits - 1) else words)


def _arm64_ends(word: int) -> bool:
    """Tell whether nothing runs on behind an instruction: RET, RETAA, RETAB, BR, B, BRK, UDF."""
    is_return = word & 0xFFFF_FC1F == 0xD65F_0000 or word & 0xFFFF_FBFF == 0xD65F_0BFF
    is_jump = word & 0xFFFF_FC1F == 0xD61F_0000 or word >> 26 == 0x05
    return is_return or is_jump or word & 0xFFE0_001F == 0xD420_0000 or word >> 16 == 0
