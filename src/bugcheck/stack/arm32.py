"""ARM32 registers → the caller's: the chain of frame pointers in r11, the link register, call-checked scanning.

Source: "ARM ABI conventions", section "Frame pointer" (Microsoft C++ documentation): r11 points at the saved r11, with
the saved lr right above it.

Folklore: return addresses have bit 0 set, the mark of Thumb code. .pdata of ARM32 images is not read: Windows on 32-bit
ARM is gone, its dumps are read as far as the frame chain and checked calls lead.
"""

from __future__ import annotations

from bugcheck.dump.dump import Architecture
from bugcheck.machine.context import Context
from bugcheck.stack.call_sites import is_call_before
from bugcheck.stack.exactness import is_exact
from bugcheck.stack.frame import StackSource, Step, Trust
from bugcheck.stack.module_image import ModuleImages
from bugcheck.stack.scan import scan_step

FRAME_SPAN = 0x40000
"""Largest frame in bytes that a frame pointer is believed to span."""


SAME_FUNCTION_SPAN = 0x400
"""Distance in bytes within which a link register is taken for one of the function itself."""
PRESERVED = tuple(f"r{number}" for number in range(4, 12))


class Arm32Unwinder:
    """Finds callers on 32-bit ARM."""

    def __init__(self) -> None:
        self._images = ModuleImages()

    def step(self, context: Context, trust: Trust, source: StackSource) -> Step | None:
        """Find the caller of the frame with these registers; None at the end of the stack."""
        if context.instruction_pointer is None or context.stack_pointer is None:
            return None
        exact = is_exact(trust)
        step = self._by_frame_pointer(context, exact, source)
        if step is None and exact:
            step = self._by_link_register(context, source)
        return step or scan_step(context, exact, self._images, source)

    def _by_link_register(self, context: Context, source: StackSource) -> Step | None:
        """Return through the link register where it lies behind a call, far from the function itself."""
        lr, pc = context.registers.get("lr", 0), context.registers["pc"]
        caller = self._images.at(lr - 1, source) if lr & 1 else None
        if caller is None or abs(pc - lr) < SAME_FUNCTION_SPAN:
            return None
        if is_call_before(caller, lr - caller.module.base, Architecture.ARM32) is not True:
            return None
        kept = {name: context.registers[name] for name in PRESERVED if name in context.registers}
        sp = context.registers["sp"]
        returned = Context(Architecture.ARM32, f"returned from {pc:#x}", {**kept, "pc": lr, "sp": sp})
        return Step(returned, Trust.FRAME_POINTER, sp)

    def _by_frame_pointer(self, context: Context, exact: bool, source: StackSource) -> Step | None:
        fp, sp = context.frame_pointer, context.registers["sp"]
        if fp == 0 and not exact:  # the chain's end: the system starts threads that way
            return _end(sp)
        if fp is None or fp & 3 or not 0 <= fp - sp < FRAME_SPAN:
            return None
        saved_fp, saved_lr = source.memory.try_u32(fp), source.memory.try_u32(fp + 4)
        if saved_fp == saved_lr == 0:
            return _end(sp)
        if saved_fp is None or not saved_lr or (saved_fp and saved_fp <= fp):
            return None
        caller = self._images.at(saved_lr - 1, source)
        if caller is None or is_call_before(caller, saved_lr - caller.module.base, Architecture.ARM32) is False:
            return None
        registers = {"pc": saved_lr, "r11": saved_fp, "sp": fp + 8}
        return Step(Context(Architecture.ARM32, f"frame pointer {fp:#x}", registers), Trust.FRAME_POINTER, sp)


def _end(sp: int) -> Step:
    """The step out of a thread's first function."""
    return Step(Context(Architecture.ARM32, "end of the frame chain", {"pc": 0}), Trust.FRAME_POINTER, sp)
