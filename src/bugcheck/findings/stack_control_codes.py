"""Two nested frames of nt → the control code that the outer one handed on to the inner.

Source: NtDeviceIoControlFile(handle, event, routine, context, status block, control code, …), Microsoft; inside nt it
hands all its arguments on in the same order (the story dump's stack; NtFsControlFile does likewise).

Folklore: without symbols two nested frames of nt give the path away: both have the same handle as first and the same
control code as sixth argument (on x64 only the sixth, which is the second on the stack).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bugcheck.findings.findings import Crash
from bugcheck.stack.frame import Frame

if TYPE_CHECKING:  # 5 ms, needed by few dumps
    from bugcheck.machine.control_code import ControlCode

SIXTH = {4: 0x1C, 8: 0x28}
"""Pointer size → distance of the sixth argument: from ChildEBP on x86, from the caller's Child-SP on x64."""
HIGHEST_HANDLE = 0x40_0000
"""Above the handles of a process that has opened a million objects."""


def passed_on_code(crash: Crash, frames: tuple[Frame, ...]) -> tuple[ControlCode, int] | None:
    """Find the control code that one frame of nt passed on to another, and where it lies; None for other frames."""
    inner, outer, beyond = frames
    if any(frame.module is None or frame.module.name != "nt" for frame in (inner, outer)):
        return None
    wide = crash.memory.pointer_size == 8
    places = (outer.frame_address, beyond.frame_address) if wide else (inner.frame_address, outer.frame_address)
    distance = SIXTH[crash.memory.pointer_size]
    values = [crash.memory.try_u32(place + distance) for place in places]
    if values[0] is None or values[0] != values[1]:
        return None
    if not wide and not _is_same_handle(inner, outer):
        return None
    from bugcheck.machine.control_code import ControlCode

    code = ControlCode(values[0])
    return (code, places[0] + distance) if is_plausible(code) else None


def _is_same_handle(inner: Frame, outer: Frame) -> bool:
    """Tell whether both frames have one handle, user's or kernel's, as their first argument."""
    handle = inner.arguments[0] if inner.arguments else 0
    looks_like = handle & 3 == 0 and 0 < handle & 0x7FFF_FFFF < HIGHEST_HANDLE
    return looks_like and outer.arguments[:1] == (handle,)


def is_plausible(code: ControlCode) -> bool:
    """Tell whether it is published, or a vendor's: a function from 800 on and a device type that drivers use."""
    device = code.device_type
    return bool(code.names) or (code.function >= 0x800 and (0 < device < 0x80 or device >= 0x8000))
