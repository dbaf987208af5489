"""The Plug and Play blackbox → the device PnP was working on, or worked on last.

Source: ntoseye `blackbox.rs` (MIT) after ext.dll's !blackboxpnp; the fields' places agree with Ksword's reader and with
every record in the corpus.  Problem codes: cfg.h (CM_PROB_*).

Folklore: the record stays after the event: `in_progress` tells whether PnP was busy with the device when the machine
stopped.  Problem 24 on a software device (SWD\\…) only says that it went away, and most records are of that kind.
"""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.images.identity import format_guid
from bugcheck.machine.blackbox.stream import Decoded, time_at

DEVICE_ID_OFFSET = 0x2C
MAX_TEXT = 0x1000
PROBLEMS = {
    10: "CM_PROB_FAILED_START",
    14: "CM_PROB_NEED_RESTART",
    18: "CM_PROB_REINSTALL",
    19: "CM_PROB_REGISTRY",
    21: "CM_PROB_WILL_BE_REMOVED",
    22: "CM_PROB_DISABLED",
    24: "CM_PROB_DEVICE_NOT_THERE",
    28: "CM_PROB_FAILED_INSTALL",
    31: "CM_PROB_FAILED_ADD",
    37: "CM_PROB_FAILED_DRIVER_ENTRY",
    38: "CM_PROB_DRIVER_FAILED_PRIOR_UNLOAD",
    39: "CM_PROB_DRIVER_FAILED_LOAD",
    43: "CM_PROB_FAILED_POST_START",
    45: "CM_PROB_PHANTOM",
    47: "CM_PROB_HELD_FOR_EJECT",
    48: "CM_PROB_DRIVER_BLOCKED",
    52: "CM_PROB_UNSIGNED_DRIVER",
}


def decode(view: BinaryView, pointer_size: int) -> Decoded:
    """Decode the PnP blackbox. Raises TruncatedDump when its fixed part is cut off."""
    del pointer_size
    view.check(0, 0x30, "PnP blackbox")
    problem, veto_at = view.u32(0x20), view.u32(0x28)
    device = view.utf16(DEVICE_ID_OFFSET, MAX_TEXT)
    fields: dict[str, object] = {
        "device_id": device,
        "in_progress": bool(view.u8(0x1C)),
        "time": time_at(view, 0x10),
        "event_information": view.u32(0x18),
        "problem_code": problem,
        "problem": PROBLEMS.get(problem, ""),
        "veto_type": view.u32(0x24),
        "veto": view.utf16(veto_at, MAX_TEXT) if veto_at >= DEVICE_ID_OFFSET else "",
        "activity_id": f"{{{format_guid(view.read(0, 16))}}}",
    }
    return Decoded(fields, _summary(fields, device, problem))


def _summary(fields: dict[str, object], device: str, problem: int) -> str:
    text = "PnP was working on" if fields["in_progress"] else "PnP last worked on"
    text += f" {device or 'a device without an id'}"
    if problem:
        text += f", problem {problem} {fields['problem']}".rstrip()
    return f"{text}, vetoed by {fields['veto']}" if fields["veto"] else text
