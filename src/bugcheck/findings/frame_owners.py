"""A stack → the frame whose module is to be asked first: the documented walk, with our own list of owners.

Source: Microsoft, "Using the !analyze Extension" (from the top frame down to the first whose owner is responsible) and
"Specifying Module and Function Owners" (the longest match wins; `maybe_` and `last_` lower the priority of a match).
Which frames are whose is our own list: knowledge/frames.txt, explained in knowledge/frames.README.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from functools import cache

from bugcheck.findings.address_kinds import is_kernel_address
from bugcheck.findings.findings import Crash
from bugcheck.knowledge.tables import table
from bugcheck.stack.frame import Frame

_FILE = "frames.txt"


class Owner(Enum):
    """What frames.txt says of a frame; SURE for one it says nothing of."""

    IGNORE = "ignore"
    SURE = "sure"
    MAYBE = "maybe"
    LAST = "last"
    STOP = "stop"


@cache
def _lines() -> dict[str, Owner]:
    found: dict[str, Owner] = {}
    for line in table(_FILE).decode().splitlines():
        pattern, equals, owner = line.partition("#")[0].partition("=")
        if equals:
            found[pattern.strip().lower()] = Owner(owner.strip())
    return found


def owner_of(module: str, function: str | None = None) -> Owner:
    """Look up a frame by the debugger's name of its module and the name of its function, where that is known."""
    lines, name = _lines(), module.lower()
    if function:
        full = f"{name}!{function.lower()}"
        if full in lines:
            return lines[full]
        fitting = [pattern for pattern in lines if pattern.endswith("*") and full.startswith(pattern[:-1])]
        if fitting:
            return lines[max(fitting, key=len)]
    return lines.get(name, Owner.SURE)


def is_crash_path(frame: Frame) -> bool:
    """Tell whether a frame only lies between the fault and the bug check."""
    return frame.module is not None and owner_of(frame.module.name, frame.symbol) is Owner.IGNORE


def before_stop(frames: Iterable[Frame]) -> list[Frame]:
    """The frames that may be responsible: down to the entry from user mode, the thread's start or an interrupt."""
    kept: list[Frame] = []
    for frame in frames:
        owner = owner_of(frame.module.name, frame.symbol) if frame.module else Owner.SURE
        if owner is Owner.STOP:
            break
        if owner is not Owner.IGNORE:
            kept.append(frame)
    return kept


def responsible_frame(crash: Crash, frames: Iterable[Frame]) -> Frame | None:
    """Walk down a stack to the first frame whose owner is sure, else to the first that may be; None for neither.

    What a process had loaded (debuggers' logs name it) is where the kernel was entered from.
    """
    maybe: Frame | None = None
    for frame in before_stop(frames):
        if frame.module is None:
            continue
        if crash.dump.is_kernel and not is_kernel_address(frame.module.base, crash.machine.architecture):
            break
        owner = owner_of(frame.module.name, frame.symbol)
        facts = crash.driver_facts(frame.module) if owner is Owner.SURE else None
        if owner is Owner.MAYBE or (facts is not None and facts.ships_with_windows):
            maybe = maybe or frame
        elif owner is Owner.SURE:
            return frame
    return maybe
