"""An x64 stack whose callers nothing describes → its outermost two frames, where Windows began the thread.

Source: kernel32!BaseThreadInitThunk and ntdll!RtlUserThreadStart in the unwind data of Windows 7 to 11: the first has a
frame of 0x28 bytes, so the two return addresses stand 0x30 bytes apart; checked on the corpus's x64 user dumps, where
every thread made by CreateThread, and the first, ends so.

Folklore:
    Nothing but the thread's own data lies above them, so the pair nearest the stack's base is the one.
    Frames below them stay unknown: the stack is told with the gap, under the warning that every scan carries.
"""

from __future__ import annotations

from bugcheck.dump.dump import Architecture
from bugcheck.machine.context import Context
from bugcheck.stack.call_sites import calls_before
from bugcheck.stack.exactness import UNWINDING_WARNING
from bugcheck.stack.frame import StackSource, Step, Trust
from bugcheck.stack.module_image import ModuleImages

WIDTH = 8
APART = 0x30
"""Bytes from BaseThreadInitThunk's return address to RtlUserThreadStart's."""
LIMIT = 0x100000
"""Bytes of a stack that are searched, from its base."""
STARTERS = ("kernel32", "ntdll")


def thread_start_step(context: Context, images: ModuleImages, source: StackSource, begun: bool = False) -> Step | None:
    """Go to kernel32's frame at the thread's start, from it to ntdll's, from that to the end; None without such a pair.

    With `begun` only a frame of the pair itself is left.
    """
    sp, inside = context.stack_pointer, source.stack_range
    is_x64 = context.architecture is Architecture.X64
    if not is_x64 or not source.scan or sp is None or sp % WIDTH or inside is None or not inside[0] <= sp < inside[1]:
        return None
    if source.modules.named(STARTERS[0]) is None:
        return None
    own = source.modules.at(context.instruction_pointer or 0)
    if own is not None and own.name.lower() == STARTERS[0] and _is_start(sp - WIDTH, images, source):
        return _step(context, sp + APART - WIDTH, source)
    if own is not None and own.name.lower() == STARTERS[1] and _is_start(sp - WIDTH - APART, images, source):
        outside = Context(context.architecture, "the thread's beginning", {"rip": 0})
        return Step(outside, Trust.SCAN, sp)
    slot = None if begun else find_thread_start(sp, images, source)
    return _step(context, slot, source) if slot is not None else None


def find_thread_start(sp: int, images: ModuleImages, source: StackSource) -> int | None:
    """Find where, above `sp`, kernel32's return address at the thread's start lies; None when nowhere."""
    if source.stack_range is None:
        return None
    top = source.stack_range[1]
    for slot in range((top - WIDTH - APART) & -WIDTH, max(sp, top - LIMIT) - 1, -WIDTH):
        if _is_start(slot, images, source):
            return slot
    return None


def _is_start(slot: int, images: ModuleImages, source: StackSource) -> bool:
    """Tell whether the return addresses of both starters stand at `slot` and above."""
    return all(_returns_into(name, at, images, source) for name, at in zip(STARTERS, (slot, slot + APART), strict=True))


def _returns_into(name: str, slot: int, images: ModuleImages, source: StackSource) -> bool:
    """Tell whether the word at `slot` leads into that module, behind a call where its code is to be had."""
    address = source.memory.try_u64(slot)
    module = source.modules.at(address - 1) if address else None
    if address is None or module is None or module.name.lower() != name:
        return False
    image = images.at(address - 1, source)
    if image is None or image.is_executable(address - 1 - module.base) is False:
        return False
    return calls_before(image, address - module.base, Architecture.X64) != ()


def _step(context: Context, slot: int, source: StackSource) -> Step | None:
    address = source.memory.try_u64(slot)
    if address is None:
        return None
    caller = Context(context.architecture, f"thread start at {slot:#x}", {"rip": address, "rsp": slot + WIDTH})
    return Step(caller, Trust.SCAN, context.stack_pointer or 0, warning=UNWINDING_WARNING)
