"""A walked stack → bytes of kernel stack per module.

Source: the difference of two levels' frame addresses is what the inner level keeps on the stack; kernel stacks are
12 KiB on x86 and 24 KiB on x64 and ARM64 (Microsoft, "Using the Kernel Stack"), larger ones for GUI threads.

Folklore: a frame found by scanning may be stale, so its bytes belong to whoever is really there; the share that was
walked that way is told.  nt's and the window manager's frames are in every stack; a driver's share is the question.
"""

from __future__ import annotations

from itertools import pairwise

from bugcheck.records import dataclass
from bugcheck.stack.frame import Frame, Trust

LARGEST_FRAME = 0x6000
"""Bytes; a greater difference is a switch to another stack."""


@dataclass(frozen=True, slots=True)
class StackUsage:
    """What a module keeps on a stack. `name`: debugger name, "" outside all modules; `size` in bytes; `frames`."""

    name: str
    size: int
    frames: int


def usage_by_module(frames: tuple[Frame, ...]) -> list[StackUsage]:
    """Sum up frame sizes by module, largest first."""
    sizes: dict[str, int] = {}
    counts: dict[str, int] = {}
    for frame, caller in pairwise(frames):
        size = caller.frame_address - frame.frame_address
        if frame.inline or not 0 <= size <= LARGEST_FRAME:
            continue
        name = frame.module.name if frame.module else ""
        sizes[name] = sizes.get(name, 0) + size
        counts[name] = counts.get(name, 0) + 1
    found = [StackUsage(name, size, counts[name]) for name, size in sizes.items()]
    return sorted(found, key=lambda usage: (-usage.size, usage.name))


def scanned_share(frames: tuple[Frame, ...]) -> float:
    """Part of the frames that were found by scanning, 0 to 1."""
    return sum(frame.trust is Trust.SCAN for frame in frames) / len(frames) if frames else 0.0
