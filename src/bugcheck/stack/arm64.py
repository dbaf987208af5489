"""ARM64 registers → the caller's: unwinding by .pdata and .xdata, the link register, the chain of frame pointers.

Source: "ARM64 exception handling", section "Unwinding partial prologs and epilogs", and "ARM64 ABI conventions",
section "Stack" (Microsoft C++ documentation): fp and lr of every frame lie together and form a chain. Machine, trap and
context frames: CoreCLR's public unwinder; KTRAP_FRAME's members in the order ntddk.h documents them.

Folklore:
    Saved return addresses may be signed: the bits above the address are stripped before anything else looks at them.
    In an epilogue's or prologue's middle the unwind codes are counted against instructions, one each.
    The link register of a function that has called something holds an address in that very function.
"""

from __future__ import annotations

from struct import Struct

from bugcheck.addresses import MASK64
from bugcheck.dump.dump import Architecture, RawContext
from bugcheck.errors import MemoryFault
from bugcheck.machine.context import Context, context_size, decode_context
from bugcheck.memory.address_space import AddressSpace
from bugcheck.records import dataclass
from bugcheck.stack.call_sites import is_call_before
from bugcheck.stack.exactness import is_exact
from bugcheck.stack.frame import StackSource, Step, Trust
from bugcheck.stack.module_image import ModuleImage, ModuleImages
from bugcheck.stack.pointers import strip_pointer
from bugcheck.stack.scan import scan_step
from bugcheck.stack.unwind_info_arm64 import (
    CUSTOM,
    FP,
    LR,
    Action,
    UnwindCode,
    UnwindInfo,
    find_unwind_info,
    instruction_count,
)

TRAP_FRAME_X, TRAP_FRAME_SP, TRAP_FRAME_LR, TRAP_FRAME_FP, TRAP_FRAME_PC = 0xA0, 0x98, 0x138, 0x140, 0x148
TRAP_FRAME_REGISTERS = 19
"""KTRAP_FRAME holds x0 to x18; the others stay in the handler's registers."""
FRAME_SPAN = 0x40000
"""Largest frame in bytes that a frame pointer is believed to span."""
SAME_FUNCTION_SPAN = 0x400
"""Distance in bytes within which a link register is taken for one of the function itself, without symbols."""
SP = 31
_NAMES = (*(f"x{number}" for number in range(29)), "fp", "lr", "sp")
_PRESERVED = (*range(19, 30), SP)
_U64 = Struct("<Q")


class Arm64Unwinder:
    """Finds callers on ARM64. Keeps what it learned of modules for the source it was last asked about."""

    def __init__(self) -> None:
        self._images = ModuleImages()

    def step(self, context: Context, trust: Trust, source: StackSource) -> Step | None:
        """Find the caller of the frame with these registers; None at the end of the stack."""
        ip, sp = context.instruction_pointer, context.stack_pointer
        if ip is None or sp is None:
            return None
        exact = is_exact(trust)
        image = self._images.at(ip if exact else ip - 1, source)
        try:
            step = self._by_unwind_info(context, image, exact, source)
        except MemoryFault:
            step = None
        if step is None and exact:
            step = self._by_link_register(context, image, source)
        step = step or self._by_frame_pointer(context, exact, source)
        return step or scan_step(context, exact, self._images, source)

    def _by_unwind_info(
        self, context: Context, image: ModuleImage | None, exact: bool, source: StackSource
    ) -> Step | None:
        """Undo the frame by the image's own description; None without one. Raises MemoryFault."""
        table = image.function_table if image is not None else None
        if image is None or table is None:
            return None
        rva = context.registers["pc"] - image.module.base - (0 if exact else 4)
        info = find_unwind_info(image, table, rva)
        if info is None:  # a leaf function, which never touches the link register
            return _return_to_link(context, Trust.UNWIND_INFO) if exact else None
        frame = _Frame(_by_number(context), source.memory)
        return _finish(context, frame) if _undo(frame, info, rva) else None

    def _by_link_register(self, context: Context, image: ModuleImage | None, source: StackSource) -> Step | None:
        """Return through the link register where it cannot be one of the function's own calls."""
        lr = strip_pointer(context.registers.get("lr", 0), Architecture.ARM64)
        caller = self._images.at(lr - 1, source) if lr else None
        if caller is None or is_call_before(caller, lr - caller.module.base, Architecture.ARM64) is not True:
            return None
        if image is not None and _is_same_function(context.registers["pc"], lr, image, source):
            return None
        return _return_to_link(context, Trust.FRAME_POINTER)

    def _by_frame_pointer(self, context: Context, exact: bool, source: StackSource) -> Step | None:
        """Follow the pair of saved frame pointer and return address that fp points at."""
        fp, sp = context.frame_pointer, context.registers["sp"]
        if fp == 0 and not exact:  # the chain's end: the system starts threads that way
            return _end(sp)
        if fp is None or fp & 7 or not 0 <= fp - sp < FRAME_SPAN:
            return None
        saved_fp, saved_lr = source.memory.try_u64(fp), source.memory.try_u64(fp + 8)
        if saved_fp == saved_lr == 0:
            return _end(sp)
        if saved_fp is None or not saved_lr or (saved_fp and saved_fp <= fp):
            return None
        target = strip_pointer(saved_lr, Architecture.ARM64)
        caller = self._images.at(target - 1, source)
        if caller is None or is_call_before(caller, target - caller.module.base, Architecture.ARM64) is False:
            return None
        registers = {"pc": target, "fp": saved_fp, "sp": fp + 16}
        found = Context(Architecture.ARM64, f"frame pointer {fp:#x}", registers)
        return Step(found, Trust.FRAME_POINTER, sp)


def _end(sp: int) -> Step:
    """The step out of a thread's first function."""
    return Step(Context(Architecture.ARM64, "end of the frame chain", {"pc": 0}), Trust.FRAME_POINTER, sp)


def _is_same_function(pc: int, lr: int, image: ModuleImage, source: StackSource) -> bool:
    symbols = source.symbols.symbols_of(image.module)
    here = symbols.nearest(pc - image.module.base) if symbols is not None else None
    if symbols is None or here is None:
        return abs(pc - lr) < SAME_FUNCTION_SPAN
    there = symbols.nearest(lr - 1 - image.module.base) if lr in image.module else None
    return there is not None and there.rva == here.rva


def _return_to_link(context: Context, trust: Trust) -> Step | None:
    if "lr" not in context.registers:
        return None
    registers = {name: context.registers[name] for number, name in enumerate(_NAMES)
                 if number in _PRESERVED and name in context.registers}  # fmt: skip
    registers["pc"] = strip_pointer(context.registers["lr"], Architecture.ARM64)
    caller = Context(Architecture.ARM64, f"returned from {context.registers['pc']:#x}", registers)
    return Step(caller, trust, context.registers["sp"])


@dataclass(slots=True)
class _Frame:
    """Registers while one frame is being undone.

    Attributes:
        values: by number, 31 the stack pointer; registers that are not known are absent.
        memory: where the stack lies.
        pc: set by a frame that tells it itself. pushed_by: what kind that was, for people.
    """

    values: dict[int, int]
    memory: AddressSpace
    pc: int | None = None
    pushed_by: str = ""

    def load(self, address: int) -> int:
        """Read a word of the stack. Raises MemoryFault."""
        return self.memory.u64(address & MASK64)


def _by_number(context: Context) -> dict[int, int]:
    return {number: context.registers[name] for number, name in enumerate(_NAMES) if name in context.registers}


def _undo(frame: _Frame, info: UnwindInfo, rva: int) -> bool:
    """Undo what has run of a function's prologue and what has not of its epilogue.

    Returns False for codes that cannot be followed.

    Raises:
        MemoryFault: a word of the stack is missing.
    """
    into = rva - info.begin
    length = 4 * instruction_count(info.codes)
    if info.has_prologue and into < length:
        return _run(frame, info.codes, (length - into) // 4)
    for epilogue in info.epilogues:
        if 0 <= into - epilogue.start <= 4 * instruction_count(epilogue.codes):
            return _run(frame, epilogue.codes, (into - epilogue.start) // 4)
    return _run(frame, info.codes, 0)


def _run(frame: _Frame, codes: tuple[UnwindCode, ...], skip: int) -> bool:
    """Undo codes in order, without the first `skip` of those that stand for instructions. Raises MemoryFault."""
    following = 0
    for code in codes:
        if skip and code.action not in CUSTOM:
            skip -= 1
            continue
        if code.action is Action.END:
            return True
        if code.action is Action.SAVE_NEXT:
            following += 1
            continue
        if code.action is Action.UNKNOWN or not _undo_code(frame, code, following):
            return False
        if code.action in (Action.SAVE, Action.SAVE_OTHER):
            following = 0
        if frame.pc is not None:
            return True
    return bool(codes)


def _undo_code(frame: _Frame, code: UnwindCode, following: int) -> bool:
    """Undo one code; `following` pairs were saved behind its own. Raises MemoryFault."""
    if code.action in CUSTOM:
        return _undo_pushed(frame, code.action)
    if code.action is Action.SET_FP:
        if FP not in frame.values:
            return False
        frame.values[SP] = frame.values[FP] - code.offset & MASK64
    registers = code.registers
    if following and len(registers) == 2:
        registers = tuple(range(registers[0], min(registers[0] + 2 * (following + 1), LR)))
    for index, register in enumerate(registers):
        frame.values[register] = frame.load(frame.values[SP] + code.offset + 8 * index)
    frame.values[SP] = frame.values[SP] + code.allocated & MASK64
    return True


def _undo_pushed(frame: _Frame, action: Action) -> bool:
    """Undo what an exception or a dispatcher pushed. Raises MemoryFault."""
    sp = frame.values[SP]
    if action is Action.CLEAR_UNWOUND_TO_CALL:
        frame.pc, frame.pushed_by = frame.values.get(LR), "clear_unwound_to_call"
    elif action is Action.MACHINE_FRAME:
        frame.pc, frame.pushed_by = frame.load(sp + 8), f"machine frame {sp:#x}"
        frame.values[SP] = frame.load(sp)
    elif action is Action.TRAP_FRAME:
        frame.pc, frame.pushed_by = frame.load(sp + TRAP_FRAME_PC), f"trap frame {sp:#x}"
        for number in range(TRAP_FRAME_REGISTERS):
            frame.values[number] = frame.load(sp + TRAP_FRAME_X + 8 * number)
        frame.values |= {LR: frame.load(sp + TRAP_FRAME_LR), FP: frame.load(sp + TRAP_FRAME_FP)}
        frame.values[SP] = frame.load(sp + TRAP_FRAME_SP)
    elif action is Action.CONTEXT:
        data = frame.memory.read(sp, context_size(Architecture.ARM64))
        context = decode_context(RawContext(f"context {sp:#x}", data), Architecture.ARM64)
        if context is None or "sp" not in context.registers:
            return False
        frame.values = _by_number(context)
        frame.pc, frame.pushed_by = context.registers["pc"], context.source
    return frame.pc is not None


def _finish(context: Context, frame: _Frame) -> Step | None:
    """Make the step once everything of the frame is undone."""
    is_pushed = frame.pc is not None
    pc = frame.pc if frame.pc is not None else frame.values.get(LR)
    if pc is None:
        return None
    registers = {name: frame.values[number] for number, name in enumerate(_NAMES)
                 if number in frame.values and (is_pushed or number in _PRESERVED)}  # fmt: skip
    registers["pc"] = strip_pointer(pc, Architecture.ARM64)
    source = frame.pushed_by or f"unwound from {context.registers['pc']:#x}"
    trust = Trust.TRAP_FRAME if is_pushed else Trust.UNWIND_INFO
    return Step(Context(Architecture.ARM64, source, registers), trust, context.registers["sp"])
