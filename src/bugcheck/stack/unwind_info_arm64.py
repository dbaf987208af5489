"""Image bytes → what .pdata and .xdata of an ARM64 image say of a function: sequences of unwind codes.

Source: "ARM64 exception handling" (Microsoft C++ documentation): .pdata records of 8 bytes, packed unwind data, .xdata
records, the table of unwind codes; the operands of the custom stack codes as CoreCLR's public unwinder treats them.

Every code stands for one instruction, so a sequence also tells which instructions of a prologue or epilogue have run.
Packed records are expanded into the sequences a full record would hold.

Folklore:
    `end_c` ends the fragment's own prologue; the codes after it belong to the function the fragment was cut from and
    have all run.
    A packed function that saves only x19 and lr cannot store them with one pre-indexed instruction: the allocation
    comes first, as an instruction of its own.
"""

from __future__ import annotations

from enum import Enum
from struct import Struct
from typing import NamedTuple

from bugcheck.errors import MemoryFault
from bugcheck.images.pe_header import ByteReader, DataDirectory

ENTRY_SIZE = 8
EPILOGUE_LIMIT = 16
"""Epilogues that are looked at of those that start close enough before an instruction."""
_ENTRY = Struct("<II")
_U32 = Struct("<I")
LR = 30
FP = 29


class Action(Enum):
    """What an instruction of a prologue did."""

    NOTHING = "nothing"
    ALLOCATE = "allocate"
    SAVE = "save"
    SAVE_NEXT = "save_next"
    SAVE_OTHER = "save_other"
    SET_FP = "set_fp"
    SIGN_LR = "sign_lr"
    END = "end"
    END_FRAGMENT = "end_fragment"
    TRAP_FRAME = "trap_frame"
    MACHINE_FRAME = "machine_frame"
    CONTEXT = "context"
    EC_CONTEXT = "ec_context"
    CLEAR_UNWOUND_TO_CALL = "clear_unwound_to_call"
    UNKNOWN = "unknown"


CUSTOM = (
    Action.TRAP_FRAME,
    Action.MACHINE_FRAME,
    Action.CONTEXT,
    Action.EC_CONTEXT,
    Action.CLEAR_UNWOUND_TO_CALL,
)
"""Codes that stand for no instruction: assembler routines describe with them what something else pushed."""


class UnwindCode(NamedTuple):
    """One unwind code.

    Attributes:
        action: what to undo.
        registers: numbers of the general registers saved (29 fp, 30 lr), lowest address first.
        offset: of the save area from the stack pointer, or of fp from it, in bytes.
        allocated: bytes the instruction took from the stack.
    """

    action: Action
    registers: tuple[int, ...] = ()
    offset: int = 0
    allocated: int = 0


class Epilogue(NamedTuple):
    """Where an epilogue starts, in bytes from the function's start, and the codes that undo it."""

    start: int
    codes: tuple[UnwindCode, ...]


class UnwindInfo(NamedTuple):
    """How to unwind a function.

    Attributes:
        begin: RVA. length: in bytes.
        codes: in the order they are undone, the parent's of a fragment included.
        has_prologue: False for a fragment all of whose prologue ran elsewhere.
        epilogues: in the order of the record, as far as they may hold the instruction that was asked about.
    """

    begin: int
    length: int
    codes: tuple[UnwindCode, ...]
    has_prologue: bool
    epilogues: tuple[Epilogue, ...]


def find_unwind_info(reader: ByteReader, table: DataDirectory, rva: int) -> UnwindInfo | None:
    """Find what covers `rva`; None when the table has nothing (a leaf function, or no code).

    Raises:
        MemoryFault: a row the search needs, or the record it names, is missing or makes no sense.
    """
    low, high = 0, table.size // ENTRY_SIZE
    while low < high:  # the last row that begins at or below the address
        middle = (low + high) // 2
        if _row(reader, table.rva + middle * ENTRY_SIZE)[0] <= rva:
            low = middle + 1
        else:
            high = middle
    if low == 0:
        return None
    begin, data = _row(reader, table.rva + (low - 1) * ENTRY_SIZE)
    info = _packed(begin, data) if data & 3 else _full(reader, begin, data, rva - begin)
    return info if 0 <= rva - begin < info.length else None


def _row(reader: ByteReader, rva: int) -> tuple[int, int]:
    return _ENTRY.unpack(_need(reader, rva, ENTRY_SIZE))


def _need(reader: ByteReader, rva: int, size: int) -> bytes:
    data = reader.try_read(rva, size) if size else b""
    if data is None:
        raise MemoryFault(rva, "unwind information")
    return data


# --- full records ---


def _full(reader: ByteReader, begin: int, rva: int, into: int) -> UnwindInfo:
    """Read an .xdata record; of its epilogues only what may concern the instruction `into` bytes from the start."""
    head = _U32.unpack(_need(reader, rva, 4))[0]
    if head >> 18 & 3:
        raise MemoryFault(rva, "unwind information of an unknown version")
    length, is_single = 4 * (head & 0x3FFFF), bool(head >> 21 & 1)
    epilogue_count, words, rva = head >> 22 & 31, head >> 27, rva + 4
    if head >> 22 == 0:
        extension = _U32.unpack(_need(reader, rva, 4))[0]
        epilogue_count, words, rva = extension & 0xFFFF, extension >> 16 & 0xFF, rva + 4
    scopes = b"" if is_single else _need(reader, rva, 4 * epilogue_count)
    pool = _need(reader, rva + len(scopes), 4 * words)
    codes = decode_codes(pool, 0)
    if is_single:
        own = decode_codes(pool, epilogue_count)
        epilogues = (Epilogue(length - 4 * (instruction_count(own) + 1), own),)
    else:
        words_of_scopes = (_U32.unpack_from(scopes, at)[0] for at in range(0, len(scopes), 4))
        near = [word for word in words_of_scopes if 0 <= into - 4 * (word & 0x3FFFF) <= 4 * len(pool)][:EPILOGUE_LIMIT]
        epilogues = tuple([Epilogue(4 * (word & 0x3FFFF), decode_codes(pool, word >> 22)) for word in near])
    return UnwindInfo(begin, length, codes, True, epilogues)


def instruction_count(codes: tuple[UnwindCode, ...]) -> int:
    """Count the instructions a sequence stands for, up to its own end."""
    count = 0
    for code in codes:
        if code.action in (Action.END, Action.END_FRAGMENT):
            break
        count += code.action not in CUSTOM
    return count


def decode_codes(pool: bytes, at: int) -> tuple[UnwindCode, ...]:
    """Decode unwind codes from byte `at` up to `end` or the end of the pool."""
    codes: list[UnwindCode] = []
    while at < len(pool):
        code, size = _decode(pool, at)
        codes.append(code)
        if code.action in (Action.END, Action.UNKNOWN):
            break
        at += size
    return tuple(codes)


_SINGLE = {
    0xE1: UnwindCode(Action.SET_FP),
    0xE3: UnwindCode(Action.NOTHING),
    0xE4: UnwindCode(Action.END),
    0xE5: UnwindCode(Action.END_FRAGMENT),
    0xE6: UnwindCode(Action.SAVE_NEXT),
    0xE8: UnwindCode(Action.TRAP_FRAME),
    0xE9: UnwindCode(Action.MACHINE_FRAME),
    0xEA: UnwindCode(Action.CONTEXT),
    0xEB: UnwindCode(Action.EC_CONTEXT),
    0xEC: UnwindCode(Action.CLEAR_UNWOUND_TO_CALL),
    0xFC: UnwindCode(Action.SIGN_LR),
}
_UNKNOWN = UnwindCode(Action.UNKNOWN)


def _decode(pool: bytes, at: int) -> tuple[UnwindCode, int]:
    """Decode one code: what it means, and its size in bytes."""
    first = pool[at]
    if first in _SINGLE:
        return _SINGLE[first], 1
    if first < 0xC0:
        return _decode_short(first), 1
    size = 4 if first == 0xE0 else 3 if first == 0xE7 else 2
    operand = int.from_bytes(pool[at + 1 : at + size], "big")
    if at + size > len(pool) or first > 0xE7:
        return _UNKNOWN, 1
    if first == 0xE0:
        return UnwindCode(Action.ALLOCATE, allocated=operand * 16), 4
    if first == 0xE2:
        return UnwindCode(Action.SET_FP, offset=operand * 8), 2
    if first == 0xE7:
        return _decode_any(operand), 3
    return _decode_pair(first << 8 | operand), 2


def _decode_short(first: int) -> UnwindCode:
    """The codes of one byte that hold a number."""
    number = first & 0x3F
    if first < 0x20:
        return UnwindCode(Action.ALLOCATE, allocated=first * 16)
    if first < 0x40:
        return UnwindCode(Action.SAVE, (19, 20), allocated=(first & 0x1F) * 8)
    if first < 0x80:
        return UnwindCode(Action.SAVE, (FP, LR), number * 8)
    return UnwindCode(Action.SAVE, (FP, LR), allocated=(number + 1) * 8)


def _decode_pair(word: int) -> UnwindCode:
    """The codes of two bytes from 0xC0 to 0xDF: saves of general and floating-point registers."""
    first, number = word >> 8, word & 0x3F
    register = 19 + (word >> 6 & 15)
    if first < 0xC8:
        return UnwindCode(Action.ALLOCATE, allocated=(word & 0x7FF) * 16)
    if first < 0xCC:
        return UnwindCode(Action.SAVE, (register, register + 1), number * 8)
    if first < 0xD0:
        return UnwindCode(Action.SAVE, (register, register + 1), allocated=(number + 1) * 8)
    if first < 0xD4:
        return UnwindCode(Action.SAVE, (register,), number * 8)
    if first < 0xD6:
        return UnwindCode(Action.SAVE, (19 + (word >> 5 & 15),), allocated=((word & 0x1F) + 1) * 8)
    if first < 0xD8:
        return UnwindCode(Action.SAVE, (19 + 2 * (word >> 6 & 7), LR), number * 8)
    if first < 0xDA or first in (0xDC, 0xDD):  # save_fregp, save_freg
        return UnwindCode(Action.SAVE_OTHER)
    if first < 0xDC:  # save_fregp_x
        return UnwindCode(Action.SAVE_OTHER, allocated=(number + 1) * 8)
    if first == 0xDE:  # save_freg_x
        return UnwindCode(Action.SAVE_OTHER, allocated=((word & 0x1F) + 1) * 8)
    return _UNKNOWN  # alloc_z: the vector length is not in a CONTEXT


def _decode_any(operand: int) -> UnwindCode:
    """save_any_reg: general (x), floating-point (d) and vector (q) registers; saves of z and p registers."""
    if operand & 0x8000:
        return _UNKNOWN
    kind, number = operand >> 6 & 3, operand & 0x3F
    is_pair, is_indexed, register = operand >> 14 & 1, operand >> 13 & 1, operand >> 8 & 31
    if kind == 3:  # no memory is allocated by them, and no general register saved
        return UnwindCode(Action.SAVE_OTHER)
    scaled = number * (16 if is_pair or is_indexed or kind == 2 else 8)
    registers = (register, register + 1) if is_pair else (register,)
    if kind or max(registers) > LR:
        return UnwindCode(Action.SAVE_OTHER if kind else Action.UNKNOWN, (), 0, scaled if is_indexed else 0)
    if is_indexed:
        return UnwindCode(Action.SAVE, registers, allocated=scaled)
    return UnwindCode(Action.SAVE, registers, scaled)


# --- packed records ---


def _packed(begin: int, data: int) -> UnwindInfo:
    """Expand a packed record."""
    flag = data & 3
    length = 4 * (data >> 2 & 0x7FF)
    if flag == 3:
        raise MemoryFault(begin, "unwind information of a reserved kind")
    layout = _PackedLayout(
        saved_floats=(data >> 13 & 7) + 1 if data >> 13 & 7 else 0,
        saved_integers=data >> 16 & 15,
        homes=bool(data >> 20 & 1),
        link=data >> 21 & 3,
        frame=(data >> 23) * 16,
    )
    prologue = _prologue(layout)
    codes = (*reversed(prologue), UnwindCode(Action.END))
    if flag == 2:
        return UnwindInfo(begin, length, codes, False, ())
    kept = [code for code in reversed(prologue) if code.action not in (Action.SET_FP, Action.NOTHING)]
    epilogue = Epilogue(length - 4 * (len(kept) + 1), (*kept, UnwindCode(Action.END)))
    return UnwindInfo(begin, length, codes, True, (epilogue,))


class _PackedLayout(NamedTuple):
    """Fields of a packed record: registers saved, whether arguments are homed, CR, and the frame's size in bytes."""

    saved_floats: int
    saved_integers: int
    homes: bool
    link: int
    frame: int

    @property
    def integer_size(self) -> int:
        """Bytes of the general registers' save area, lr included where it lies there."""
        return 8 * (self.saved_integers + (self.link == 1))

    @property
    def save_size(self) -> int:
        """Bytes of all save areas."""
        return self.integer_size + 8 * self.saved_floats + 64 * self.homes + 15 & ~15


def _prologue(layout: _PackedLayout) -> list[UnwindCode]:
    """List the canonical prologue's codes in the order of its instructions."""
    codes = [UnwindCode(Action.SIGN_LR)] if layout.link == 2 else []
    saves = _integer_saves(layout) + _float_saves(layout)
    if layout.homes:
        saves += [UnwindCode(Action.NOTHING)] * 4
    if saves and layout.save_size:
        saves = _allocating(saves, layout.save_size)
    local = layout.frame - layout.save_size
    return codes + saves + (_chained(local) if layout.link >= 2 else _allocations(local))


def _allocating(saves: list[UnwindCode], size: int) -> list[UnwindCode]:
    """Make the first store allocate the save area, or an instruction before it where no such store exists."""
    first = saves[0]
    if first.action is Action.SAVE and len(first.registers) == 2 and first.registers[1] == LR:
        return [UnwindCode(Action.ALLOCATE, allocated=size), *saves]
    if first.action is Action.NOTHING:
        return [UnwindCode(Action.ALLOCATE, allocated=size), *saves[1:]]
    return [first._replace(allocated=size), *saves[1:]]


def _integer_saves(layout: _PackedLayout) -> list[UnwindCode]:
    registers = [19 + number for number in range(layout.saved_integers)]
    if layout.link == 1:
        registers.append(LR)
    pairs = [tuple(registers[at : at + 2]) for at in range(0, len(registers), 2)]
    return [UnwindCode(Action.SAVE, pair, 16 * index) for index, pair in enumerate(pairs)]


def _float_saves(layout: _PackedLayout) -> list[UnwindCode]:
    return [UnwindCode(Action.SAVE_OTHER)] * ((layout.saved_floats + 1) // 2)


def _allocations(size: int) -> list[UnwindCode]:
    if size <= 0:
        return []
    parts = (size,) if size <= 4080 else (4080, size - 4080)
    return [UnwindCode(Action.ALLOCATE, allocated=part) for part in parts]


def _chained(size: int) -> list[UnwindCode]:
    """Steps 6a to 6c of the documentation's table: save fp and lr, set fp."""
    if size <= 512:
        return [UnwindCode(Action.SAVE, (FP, LR), allocated=size), UnwindCode(Action.SET_FP)]
    return [*_allocations(size), UnwindCode(Action.SAVE, (FP, LR)), UnwindCode(Action.SET_FP)]
