"""Code bytes → the rest of an epilogue: what an x64 function still undoes before it returns.

Source: "x64 prolog and epilog" (Microsoft C++ documentation): an epilogue is `add rsp, n` or `lea rsp, n[fpreg]`, then
pops, then a return or a jump; the code from the instruction pointer on is compared with that form.

Folklore:
    Clang writes `mov rsp, rbp` where the distance is 0 and puts `vzeroupper` before the return.
    Trap handlers end in `add rsp, n`, `swapgs` when they return to user code, `iretq`: what is left is a machine frame.
    A jump ends an epilogue only when it leaves the function: `jmp` to a separated part of the same function keeps the
    frame.  `jmp rax` without REX prefix is a switch table, `rex.W jmp rax` a tail call.
"""

from __future__ import annotations

from enum import Enum
from struct import Struct
from typing import NamedTuple

LONGEST_EPILOGUE = 64
"""Code bytes that are looked at: an addition, eight pops of two bytes, a jump, and room for odd encodings."""
POP_LIMIT = 16
_S8 = Struct("<b")
_S32 = Struct("<i")


class Exit(Enum):
    """How an epilogue ends."""

    RETURN = "return"
    JUMP = "jump"
    INTERRUPT_RETURN = "interrupt_return"


class Epilogue(NamedTuple):
    """What is left of an epilogue.

    Attributes:
        base: number of the register the stack pointer is set from, 4 (rsp) for an addition.
        adjustment: bytes added to that register; `base` 4 and 0 when there is no adjustment.
        pops: numbers of the registers popped, in order.
        exit: how it ends.
        target: distance of a direct jump's target from the first byte that was decoded, or None.
    """

    base: int
    adjustment: int
    pops: tuple[int, ...]
    exit: Exit
    target: int | None = None


def decode_epilogue(code: bytes, frame_register: int) -> Epilogue | None:
    """Decode code that is the rest of an epilogue; None when it is anything else or ends too early.

    `frame_register` is the function's frame register by number, 0 for none.
    """
    base, adjustment, at = _adjustment(code, frame_register)
    pops: list[int] = []
    while len(pops) < POP_LIMIT:
        size = 2 if at < len(code) and 0x40 <= code[at] <= 0x4F else 1
        if at + size > len(code) or not 0x58 <= code[at + size - 1] <= 0x5F:
            break
        high = 8 if size == 2 and code[at] & 1 else 0
        pops.append(code[at + size - 1] - 0x58 + high)
        at += size
    if 4 in pops:  # no epilogue pops the stack pointer
        return None
    if code[at : at + 3] == b"\xc5\xf8\x77":  # vzeroupper
        at += 3
    return _exit(code, at, base, adjustment, tuple(pops))


def _adjustment(code: bytes, frame_register: int) -> tuple[int, int, int]:
    """Decode what sets the stack pointer: base register, distance, bytes of code taken."""
    if code[:3] == b"\x48\x83\xc4" and len(code) >= 4:
        return 4, _S8.unpack_from(code, 3)[0], 4
    if code[:3] == b"\x48\x81\xc4" and len(code) >= 7:
        return 4, _S32.unpack_from(code, 3)[0], 7
    if not frame_register or len(code) < 3:
        return 4, 0, 0
    rex = 0x49 if frame_register >= 8 else 0x48
    if code[0] == rex and code[1] == 0x8D and code[2] >> 3 & 7 == 4 and code[2] & 7 == frame_register & 7:
        return _lea(code, frame_register)
    move_load = bytes((rex, 0x8B, 0xE0 | frame_register & 7))
    move_store = bytes((0x4C if frame_register >= 8 else 0x48, 0x89, 0xC4 | (frame_register & 7) << 3))
    return (frame_register, 0, 3) if code[:3] in (move_load, move_store) else (4, 0, 0)


def _lea(code: bytes, frame_register: int) -> tuple[int, int, int]:
    mod = code[2] >> 6
    sib = 1 if frame_register & 7 == 4 else 0  # r12 as a base needs a SIB byte
    rest = code[3 + sib :]
    if sib and code[3:4] != b"\x24":
        return 4, 0, 0
    if mod == 1 and rest:
        return frame_register, _S8.unpack_from(rest)[0], 4 + sib
    if mod == 2 and len(rest) >= 4:
        return frame_register, _S32.unpack_from(rest)[0], 7 + sib
    return (frame_register, 0, 3 + sib) if mod == 0 and frame_register & 7 != 5 else (4, 0, 0)


def _exit(code: bytes, at: int, base: int, adjustment: int, pops: tuple[int, ...]) -> Epilogue | None:
    rest = code[at : at + 6]
    if rest[:1] in (b"\xc3", b"\xc2", b"\xcb") or rest[:2] in (b"\xf3\xc3", b"\xf2\xc3"):
        return Epilogue(base, adjustment, pops, Exit.RETURN)
    if rest[:2] == b"\x48\xcf" or rest[:5] == b"\x0f\x01\xf8\x48\xcf":
        return Epilogue(base, adjustment, pops, Exit.INTERRUPT_RETURN)
    if rest[:1] == b"\xeb" and len(rest) >= 2:
        return Epilogue(base, adjustment, pops, Exit.JUMP, at + 2 + _S8.unpack_from(rest, 1)[0])
    if rest[:1] == b"\xe9" and len(rest) >= 5:
        return Epilogue(base, adjustment, pops, Exit.JUMP, at + 5 + _S32.unpack_from(rest, 1)[0])
    has_rex = rest[:1] in (b"\x48", b"\x49", b"\x41")
    jump = rest[1:3] if has_rex else rest[:2]
    if len(jump) == 2 and jump[0] == 0xFF and jump[1] >> 3 & 7 == 4:
        wide = rest[:1] in (b"\x48", b"\x49")
        if jump[1] == 0x25 or (wide and jump[1] >> 6 in (0, 3)):
            return Epilogue(base, adjustment, pops, Exit.JUMP)
    return None
