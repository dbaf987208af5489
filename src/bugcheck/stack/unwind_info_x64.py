"""Image bytes → RuntimeFunction and UnwindInfo: what .pdata and .xdata of an x64 image say of a function's frame.

Source: "x64 exception handling" (Microsoft C++ documentation): RUNTIME_FUNCTION (12 bytes), UNWIND_INFO version 1,
UNWIND_CODE; the page has neither the epilogue codes of version 2 nor UWOP_SET_FPREG_LARGE, which are read as public
unwinders (CoreCLR, LLVM) are known to; no image with them was at hand.

Folklore:
    Version 2 stores epilogue codes first, in pairs: an odd number of them is followed by one slot of padding, which
    would read as `push rax`.
    An unwind RVA with bit 0 set is no unwind information but the RVA of another RUNTIME_FUNCTION.
    Operations 6 and 7 saved half an XMM register in version 1; nothing since 2005 writes them.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from bugcheck.errors import MemoryFault
from bugcheck.images.pe_header import ByteReader, DataDirectory

ENTRY_SIZE = 12
CHAINED = 4
"""UNW_FLAG_CHAININFO."""
INDIRECTION_LIMIT = 8
REGISTERS = ("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", *(f"r{number}" for number in range(8, 16)))
"""Names by the number UNWIND_CODE and ModRM use."""
_ENTRY = Struct("<III")
_U16 = Struct("<H")
_U32 = Struct("<I")


class Operation(IntEnum):
    """UNWIND_CODE.UnwindOp."""

    PUSH_NONVOL = 0
    ALLOC_LARGE = 1
    ALLOC_SMALL = 2
    SET_FPREG = 3
    SAVE_NONVOL = 4
    SAVE_NONVOL_FAR = 5
    EPILOG = 6
    SPARE = 7
    SAVE_XMM128 = 8
    SAVE_XMM128_FAR = 9
    PUSH_MACHFRAME = 10
    SET_FPREG_LARGE = 11


class RuntimeFunction(NamedTuple):
    """A row of .pdata; all three are RVAs."""

    begin: int
    end: int
    unwind: int


class UnwindCode(NamedTuple):
    """One operation of a prologue.

    Attributes:
        offset: of the end of its instruction from the function's start, in bytes.
        operation: what the instruction did.
        info: register number; 1 for a machine frame with an error code.
        value: bytes allocated, or offset of the save area from the frame's base, in bytes.
    """

    offset: int
    operation: Operation
    info: int
    value: int = 0


class UnwindInfo(NamedTuple):
    """UNWIND_INFO.

    Attributes:
        version: 1 or 2. prologue_size: in bytes. frame_register: number, 0 for none.
        frame_offset: of the frame register from the stack pointer, in bytes.
        codes: in the order they are undone.
        epilogue_size: length in bytes of every epilogue (version 2), 0 when not told.
        epilogues: distance in bytes of each epilogue's start from the function's end (version 2).
        parent: the function this fragment continues, or None.
    """

    version: int
    prologue_size: int
    frame_register: int
    frame_offset: int
    codes: tuple[UnwindCode, ...]
    epilogue_size: int = 0
    epilogues: tuple[int, ...] = ()
    parent: RuntimeFunction | None = None


def find_function(reader: ByteReader, table: DataDirectory, rva: int) -> RuntimeFunction | None:
    """Find the row of .pdata that covers `rva`; None when the table has none (a leaf function, or no code).

    Raises:
        MemoryFault: a row the search needs is missing.
    """
    low, high = 0, table.size // ENTRY_SIZE
    while low < high:
        middle = (low + high) // 2
        row = read_function(reader, table.rva + middle * ENTRY_SIZE)
        if row.begin <= rva < row.end:
            return _follow_indirection(reader, row)
        if rva < row.begin:
            high = middle
        else:
            low = middle + 1
    return None


def read_function(reader: ByteReader, rva: int) -> RuntimeFunction:
    """Read one RUNTIME_FUNCTION. Raises MemoryFault when it is missing."""
    data = reader.try_read(rva, ENTRY_SIZE)
    if data is None:
        raise MemoryFault(rva, "function table")
    return RuntimeFunction(*_ENTRY.unpack(data))


def _follow_indirection(reader: ByteReader, row: RuntimeFunction) -> RuntimeFunction:
    for _ in range(INDIRECTION_LIMIT):
        if not row.unwind & 1:
            return row
        row = read_function(reader, row.unwind & ~1)
    raise MemoryFault(row.unwind, "function table refers to itself")


def read_unwind_info(reader: ByteReader, rva: int) -> UnwindInfo | None:
    """Read UNWIND_INFO; None when it is of an unknown version or contradicts itself.

    Raises:
        MemoryFault: bytes of it are missing.
    """
    head = _need(reader, rva, 4)
    version, flags = head[0] & 7, head[0] >> 3
    if version not in (1, 2):
        return None
    slots = _need(reader, rva + 4, 2 * head[2])
    sizes, start = _epilogues(slots) if version == 2 else ((), 0)
    codes = _codes(slots, start, version)
    if codes is None:
        return None
    parent = read_function(reader, rva + 4 + 2 * (head[2] + 1 & ~1)) if flags & CHAINED else None
    return UnwindInfo(
        version=version,
        prologue_size=head[1],
        frame_register=head[3] & 15,
        frame_offset=(head[3] >> 4) * 16,
        codes=codes,
        epilogue_size=slots[0] if sizes else 0,
        epilogues=sizes,
        parent=parent,
    )


def _need(reader: ByteReader, rva: int, size: int) -> bytes:
    data = reader.try_read(rva, size) if size else b""
    if data is None:
        raise MemoryFault(rva, "unwind information")
    return data


def _epilogues(slots: bytes) -> tuple[tuple[int, ...], int]:
    """Read the epilogue codes of version 2: distances from the function's end, and where the other codes start."""
    count = 0
    while 2 * count < len(slots) and slots[2 * count + 1] & 15 == Operation.EPILOG:
        count += 1
    distances: list[int] = []
    for index in range(count):
        low, info = slots[2 * index], slots[2 * index + 1] >> 4
        if index == 0:
            distances += [low] if info & 1 else []
        elif low or info:
            distances.append(low | info << 8)
    return tuple(distances), 2 * (count + 1 & ~1)


def _codes(slots: bytes, at: int, version: int) -> tuple[UnwindCode, ...] | None:
    """Read the prologue's codes from byte `at` on; None when an operation is unknown or runs over the end."""
    codes: list[UnwindCode] = []
    while at + 2 <= len(slots):
        offset, operation, info = slots[at], slots[at + 1] & 15, slots[at + 1] >> 4
        extra = _extra_slots(operation, info, version)
        if extra is None or at + 2 + 2 * extra > len(slots):
            return None
        codes.append(UnwindCode(offset, Operation(operation), info, _value(slots, at, operation, info, extra)))
        at += 2 + 2 * extra
    return tuple(codes)


def _extra_slots(operation: int, info: int, version: int) -> int | None:
    """Count the 16-bit slots that follow an operation; None for one that does not exist."""
    if operation == Operation.ALLOC_LARGE:
        return {0: 1, 1: 2}.get(info)
    if operation == Operation.EPILOG:
        return 1 if version == 1 else 0
    sizes = (0, None, 0, 0, 1, 2, None, 2 if version == 1 else 1, 1, 2, 0, 2)
    return sizes[operation] if operation < len(sizes) else None


_SCALES = {Operation.SAVE_NONVOL: 8, Operation.SAVE_XMM128: 16, Operation.SET_FPREG_LARGE: 16}


def _value(slots: bytes, at: int, operation: int, info: int, extra: int) -> int:
    if operation == Operation.ALLOC_SMALL:
        return 8 * (info + 1)
    if operation == Operation.ALLOC_LARGE:
        return 8 * _U16.unpack_from(slots, at + 2)[0] if info == 0 else _U32.unpack_from(slots, at + 2)[0]
    if extra == 0:
        return 0
    number = _U16.unpack_from(slots, at + 2)[0] if extra == 1 else _U32.unpack_from(slots, at + 2)[0]
    return number * _SCALES.get(Operation(operation), 1)
