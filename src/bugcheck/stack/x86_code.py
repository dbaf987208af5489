"""x86 code bytes around eip → how far the stack pointer stands from the return address, in prologues and epilogues.

Source: Intel SDM volume 2 (PUSH, POP, SUB, ADD, LEA, LEAVE, RET); the shapes compilers give prologues and epilogues.

Folklore: no record tells where an epilogue has got to, and FPO records tell of a prologue only how long it is.  The few
instructions either consists of can be followed exactly; anything else ends the attempt.
"""

from __future__ import annotations

from bugcheck.records import dataclass

LONGEST_PROLOGUE = 64
"""Bytes from a function's start within which eip may be for `follow_prologue`."""
LONGEST_EPILOGUE = 32
_MASK32 = 0xFFFF_FFFF
_EBP, _ESP = 5, 4


@dataclass(frozen=True, slots=True)
class Prologue:
    """Where a prologue has got to.

    Attributes:
        depth: bytes pushed since the function was entered; the return address is at esp + depth.
        frame_set: True once ebp points at the frame; until then ebp is the caller's.
    """

    depth: int
    frame_set: bool


def follow_prologue(code: bytes) -> Prologue | None:
    """Follow the instructions from a function's start up to eip; None when one of them is no prologue's.

    `code` holds exactly the bytes before eip.
    """
    position, depth = 0, 0
    frame_set = False
    while position < len(code):
        step = _prologue_instruction(code, position)
        if step is None:
            return None
        length, moved = step
        frame_set = frame_set or code[position : position + 2] in (b"\x8b\xec", b"\x89\xe5")
        position, depth = position + length, depth + moved
    return Prologue(depth, frame_set) if position == len(code) else None


def _prologue_instruction(code: bytes, at: int) -> tuple[int, int] | None:
    """Decode one instruction: its length and the bytes it pushes."""
    first, pair = code[at], code[at : at + 2]
    if 0x50 <= first <= 0x57:
        return 1, 4
    if first == 0x6A:
        return 2, 4
    if first == 0x68:
        return 5, 4
    if pair in (b"\x8b\xff", b"\x89\xff", b"\x8b\xec", b"\x89\xe5"):
        return 2, 0
    if pair == b"\x83\xec" and at + 3 <= len(code) and code[at + 2] < 0x80:
        return 3, code[at + 2]
    if pair == b"\x81\xec" and at + 6 <= len(code):
        size = int.from_bytes(code[at + 2 : at + 6], "little")
        return (6, size) if size < 0x10_0000 else None
    return None


@dataclass(frozen=True, slots=True)
class Epilogue:
    """What is left of an epilogue: its instructions as (`kind`, operand), up to the return."""

    moves: tuple[tuple[str, int], ...]

    def addresses(self, esp: int, ebp: int) -> tuple[int, int | None]:
        """Give the address of the return address, and that of the saved ebp if it is still on the stack."""
        saved: int | None = None
        for kind, operand in self.moves:
            if kind == "add":
                esp += operand
            elif kind == "frame":
                esp = ebp + operand
            else:
                saved = esp if kind == "pop" and operand == _EBP else saved
                esp += 4
        return esp & _MASK32, saved if saved is None else saved & _MASK32


def follow_epilogue(code: bytes) -> Epilogue | None:
    """Follow the instructions from eip up to a return; None when another instruction comes first."""
    moves: list[tuple[str, int]] = []
    at = 0
    while at < len(code):
        if code[at] in (0xC3, 0xC2):
            return Epilogue(tuple(moves))
        if code[at] == 0xF3 and code[at : at + 2] == b"\xf3\xc3":
            return Epilogue(tuple(moves))
        step = _epilogue_instruction(code, at)
        if step is None:
            return None
        moves.extend(step[1])
        at += step[0]
    return None


def _epilogue_instruction(code: bytes, at: int) -> tuple[int, tuple[tuple[str, int], ...]] | None:
    """Decode one instruction: its length and what it does to the stack."""
    first, pair, three = code[at], code[at : at + 2], code[at : at + 3]
    if 0x58 <= first <= 0x5F and first != 0x58 + _ESP:
        return 1, (("pop", first - 0x58),)
    if first == 0xC9:
        return 1, (("frame", 0), ("pop", _EBP))
    if pair in (b"\x8b\xe5", b"\x89\xec"):
        return 2, (("frame", 0),)
    if pair == b"\x83\xc4" and len(three) == 3 and three[2] < 0x80:
        return 3, (("add", three[2]),)
    if pair == b"\x81\xc4" and at + 6 <= len(code):
        return 6, (("add", int.from_bytes(code[at + 2 : at + 6], "little")),)
    if pair == b"\x8d\x65" and len(three) == 3:
        return 3, (("frame", three[2] - (three[2] & 0x80) * 2),)
    return None
