"""A frame record of x86 symbols → the caller's registers: FrameData programs, FPO, non-FPO, trap and task-gate records.

Source: FPO_DATA of the PE format; DIA SDK IDiaFrameData (`.raSearch`, `.cbLocals` …); KTSS and KPCR of public symbols
(the saved registers at +0x20 as in the Intel SDM volume 3, figure 7-2).

Folklore:
    A record tells the size of a function's arguments, not who removes them; and clang stores arguments where MSVC
    pushes them.  So a return address is looked for with and without the callee's arguments, then upward.
    Records say nothing of calls from the middle of an argument list (`push; call f; push; call g`): upward again.
    Functions that build a trap frame (KiFastCallEntry, KiTrap0E) have records of type trap; their ebp is its address.
"""

from __future__ import annotations

from struct import Struct

from bugcheck.machine.context import TRAP_FRAME_SIZES, decode_trap_frame
from bugcheck.stack.frame import Trust
from bugcheck.stack.frame_program import ProgramResult, run_program
from bugcheck.stack.x86_frame import MASK32, WayOut, X86Frame, leave_by
from bugcheck.stack.x86_returns import Standing
from bugcheck.symbols.symbols import FpoRecord, FrameData

FPO, TRAP, TSS, NON_FPO = 0, 1, 2, 3
MAX_FRAME = 0x100_0000
"""Largest frame, in bytes, a record is believed to describe."""
BOOT_KPCR = 0xFFDF_F000
"""The first processor's KPCR up to Windows Server 2003."""
_TSS = Struct("<11I")
_TSS_AT = 0x20
_TSS_REGISTERS = ("eip", "efl", "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "es")


def leave_by_record(frame: X86Frame) -> WayOut | None:
    """Leave a frame by its function's record; None when there is none or it leads nowhere."""
    rule = frame.rule
    if rule is None or not _is_sane(rule):
        return None
    if isinstance(rule, FrameData):
        return _by_program(rule, frame)
    if rule.frame_type == TRAP:
        return _by_trap_frame(frame)
    if rule.frame_type == TSS:
        return _by_task(frame)
    if rule.frame_type == NON_FPO:
        return _by_frame_pointer(rule, frame)
    return _by_fpo(rule, frame)


def _is_sane(rule: FpoRecord | FrameData) -> bool:
    sizes = (rule.locals_size, rule.saved_registers_size, rule.parameters_size)
    return all(0 <= size <= MAX_FRAME for size in sizes)


def _expected_slots(rule: FpoRecord | FrameData, frame: X86Frame) -> tuple[int, ...]:
    """Where the return address should be: with the callee's arguments still counted, and without."""
    bare = frame.esp + rule.locals_size + rule.saved_registers_size & MASK32
    return (bare + frame.below.parameters_size & MASK32, bare) if frame.below.parameters_size else (bare,)


def last_frame_address(frame: X86Frame) -> int:
    """ChildEBP of a stack's last level: below the 0 its record says the return address is, else what ebp holds."""
    rule = frame.rule
    if rule is not None and _is_sane(rule) and (isinstance(rule, FrameData) or rule.frame_type == FPO):
        for slot in _expected_slots(rule, frame):
            if frame.words.word(slot) == 0:
                return slot - 4 & MASK32
    return frame.ebp


def _by_fpo(rule: FpoRecord, frame: X86Frame) -> WayOut | None:
    slot = frame.words.search(_expected_slots(rule, frame))
    if slot is None:
        return None
    ebp: int | None = frame.ebp
    if rule.uses_ebp:
        # ebp lies below the locals among the saved registers, the second to be pushed where there are two.
        ebp = frame.words.word(slot - rule.locals_size - min(8, rule.saved_registers_size))
    return leave_by(slot, ebp, Trust.FPO, frame, rule.parameters_size)


def _by_frame_pointer(rule: FpoRecord, frame: X86Frame) -> WayOut | None:
    caller_ebp = frame.words.word(frame.ebp)
    if caller_ebp is None or frame.words.standing(frame.words.word(frame.ebp + 4)) == Standing.NONE:
        return None
    return leave_by(frame.ebp + 4, caller_ebp, Trust.FRAME_POINTER, frame, rule.parameters_size)


def _by_program(rule: FrameData, frame: X86Frame) -> WayOut | None:
    slots: list[int] = []

    def constant(name: str) -> int | None:
        if name in (".raSearch", ".raSearchStart"):
            if not slots:
                slots.append(frame.words.search(_expected_slots(rule, frame)) or -1)
            return slots[0] if slots[0] >= 0 else None
        return {
            ".cbLocals": rule.locals_size,
            ".cbSavedRegs": rule.saved_registers_size,
            ".cbParams": rule.parameters_size,
            ".cbCalleeParams": frame.below.parameters_size,
        }.get(name)

    result = run_program(rule.program, frame.context.registers, constant, frame.words.word)
    if result is None or frame.words.standing(result.registers.get("eip")) == Standing.NONE:
        return None
    way = leave_by(result.return_slot, result.registers.get("ebp"), Trust.UNWIND_INFO, frame, rule.parameters_size)
    if way is None:
        return None
    registers = {**way.registers, **_preserved(rule, result)}
    return WayOut(registers, way.trust, way.frame_address, parameters_size=rule.parameters_size)


def _preserved(rule: FrameData, result: ProgramResult) -> dict[str, int]:
    """Registers the caller has unchanged: all if the program restores as many as are saved; MSVC's tell of few."""
    names = {"ebx", "esi", "edi"}
    if 4 * len(result.assigned & names) < rule.saved_registers_size:
        names &= result.assigned
    return {name: result.registers[name] for name in sorted(names) if name in result.registers}


def _by_trap_frame(frame: X86Frame) -> WayOut | None:
    for address in (frame.ebp, frame.esp):
        way = leave_by_trap_frame_at(address, frame)
        if way is not None:
            return way
    return None


def leave_by_trap_frame_at(address: int, frame: X86Frame) -> WayOut | None:
    """Cross into the code a trap or system call interrupted; None when no trap frame lies at `address`.

    A debugger prints such a function with the frame address and arguments of the one it called.
    """
    architecture = frame.context.architecture
    data = frame.words.source.memory.try_read(address, TRAP_FRAME_SIZES[architecture])
    context = decode_trap_frame(data, address, architecture) if data else None
    if context is None or address < frame.esp or not context.registers["eip"]:
        return None
    below = frame.below
    frame_address, arguments = (frame.ebp, None) if frame.exact else (below.frame_address, below.arguments)
    return WayOut(context.registers, Trust.TRAP_FRAME, frame_address, arguments, source=context.source)


def _by_task(frame: X86Frame) -> WayOut | None:
    """A task gate (double fault) saves the registers in the interrupted task's segment, which the KPCR points at."""
    words = frame.words
    if words.word(BOOT_KPCR + 0x1C) != BOOT_KPCR:
        return None
    segment = words.word(BOOT_KPCR + 0x40)
    data = words.source.memory.try_read(segment + _TSS_AT, _TSS.size) if segment else None
    if data is None:
        return None
    registers: dict[str, int] = dict(zip(_TSS_REGISTERS, _TSS.unpack(data), strict=True))
    if words.images.at(registers["eip"], words.source) is None:
        return None
    return WayOut(registers, Trust.TRAP_FRAME, frame.ebp, source=f"task segment {segment:#x}")
