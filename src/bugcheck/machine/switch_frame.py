"""A thread that does not run → the registers it will go on with, from what the dispatcher left on its kernel stack.

Source: KSWITCH_FRAME of public symbols of Windows 7 x64 (home area, ApcBypass, Rbp at 0x30, Return at 0x38) and
KSWITCHFRAME of x86 (ExceptionList, ApcBypass, RetAddr at 8); KTHREAD.KernelStack points at it.  Public collections of
headers have ARM64's of Windows 10 (ApcBypass, Tpidr, Fp at 0x10, Return at 0x18) and ARM32's of Windows 8 (ApcBypass,
R11 at 8, Return at 0xC); no dump with threads switched away on an ARM was at hand.

Folklore:
    The return address leads into KiSwapContext, which keeps the other registers in its own frame, as its unwind data
    say.  On x86 they follow the switch frame in the order ebp, edi, esi, ebx, then KiSwapContext's return address.
    On the ARMs the frame pointer must lead up the same stack, and the upper bits of a return address may be signed.
    The stack of a thread that is outswapped, terminated or was never run holds none; what lies there is checked.
"""

from __future__ import annotations

from bugcheck.dump.dump import Architecture
from bugcheck.machine.context import Context
from bugcheck.machine.modules import ModuleList
from bugcheck.machine.objects import Thread
from bugcheck.memory.address_space import AddressSpace

RETURN_AT = {
    Architecture.X64: 0x38,
    Architecture.X86: 0x08,
    Architecture.X86_PAE: 0x08,
    Architecture.ARM64: 0x18,
    Architecture.ARM32: 0x0C,
}
"""Offset of the return address in the switch frame."""
KERNEL_BITS = 0xFFFF_0000_0000_0000
"""Bits of an ARM64 kernel address that pointer authentication uses."""


def switched_out_context(
    thread: Thread, architecture: Architecture, memory: AddressSpace, modules: ModuleList
) -> Context | None:
    """Read the registers of a thread that does not run; None when its stack or switch frame is not to be had."""
    at, place = thread.kernel_stack, RETURN_AT.get(architecture)
    if not at or place is None or not _is_on_stack(at, thread):
        return None
    target = memory.try_pointer(at + place)
    if architecture is Architecture.ARM64 and target:
        target |= KERNEL_BITS
    module = modules.at(target) if target else None
    if target is None or module is None or module.name != "nt":
        return None
    source = f"switch frame {at:#x}"
    if architecture is Architecture.X64:
        registers = {"rip": target, "rsp": at + 0x40}
        frame_pointer = memory.try_u64(at + 0x30)
        return Context(architecture, source, registers | ({} if frame_pointer is None else {"rbp": frame_pointer}))
    if architecture in (Architecture.ARM64, Architecture.ARM32):
        return _arm_context(at, target, architecture, memory, thread)
    saved = (memory.try_u32(at + 0x0C + 4 * index) for index in range(4))
    kept = zip(("ebp", "edi", "esi", "ebx"), saved, strict=True)
    registers = {name: value for name, value in kept if value is not None}
    return Context(architecture, source, registers | {"eip": target, "esp": at + 0x0C})


def _arm_context(
    at: int, target: int, architecture: Architecture, memory: AddressSpace, thread: Thread
) -> Context | None:
    """Registers by the switch frame of ARM64 or ARM32: where it returns to, the frame pointer, the stack above."""
    name, width = ("fp", 8) if architecture is Architecture.ARM64 else ("r11", 4)
    frame_pointer = memory.try_pointer(at + RETURN_AT[architecture] - width)
    if frame_pointer is None or frame_pointer <= at or not _is_on_stack(frame_pointer, thread):
        return None
    target = target if architecture is Architecture.ARM64 else target & ~1
    registers = {"pc": target, name: frame_pointer, "sp": at + RETURN_AT[architecture] + width}
    return Context(architecture, f"switch frame {at:#x}", registers)


def _is_on_stack(address: int, thread: Thread) -> bool:
    if not thread.stack_base or not thread.stack_limit:
        return True
    return thread.stack_limit <= address < thread.stack_base
