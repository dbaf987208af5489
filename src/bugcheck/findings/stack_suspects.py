"""The stack of the stopped thread → the first driver on it that is not part of Windows, and how sure its place is.

Frames of the stack walk come first.  Small dumps seldom hold the unwind data a walk needs, so the words of the stack
that point into a module's code are looked at next.

Folklore: a word may be left over from an earlier call.  It counts more where a call instruction ends right before the
address, less where the code bytes are not in the dump, and not at all where they show no call.  On the corpus a word
within the first 0x400 bytes named the right driver, one further up was often stale (9f.dmp: a network driver at +0x308
of the idle thread's stack), so a single far word is no suspect.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bugcheck.addresses import format_hex
from bugcheck.findings.findings import Citation, Crash
from bugcheck.findings.suspicion import Standing, standing_of
from bugcheck.machine.modules import Module
from bugcheck.stack.call_sites import is_call_before
from bugcheck.stack.frame import Trust
from bugcheck.stack.stacks import NamedStack

REACH = 0x400
"""Bytes of the stack above the stack pointer in which a lone word is believed."""

LIMIT = 0x1000
"""Bytes of the stack that are looked at."""

_OUTSIDE = (Standing.THIRD_PARTY, Standing.UNKNOWN)
_FRAME, _SCAN = 0.4, 0.3
"""Small, because the rule on stacks (rules/first_suspect_on_stack.py) weighs the walk's frames already."""
_CALL, _WORD = 0.8, 0.6


@dataclass(frozen=True, slots=True)
class Suspect:
    """A driver found on the stack.

    Attributes:
        module: the driver. address: code address in it.
        certainty: 0 to 1, the share of a rule's weight that this place on the stack carries.
        words: how many words of the stack point into the driver before another driver's turn comes; 1 for a frame.
        citation: where it was found.
    """

    module: Module
    address: int
    certainty: float
    words: int
    citation: Citation


def stack_suspect(crash: Crash, stack: NamedStack | None = None) -> Suspect | None:
    """Find the innermost driver outside Windows on a stack (default: the one that explains the crash)."""
    stack = stack or crash.telling_stack
    if stack is None or not crash.dump.is_kernel:
        return None
    return _from_frames(crash, stack) or _from_words(crash, stack)


def _is_outsider(crash: Crash, module: Module) -> bool:
    return standing_of(module, crash) in _OUTSIDE


def _from_frames(crash: Crash, stack: NamedStack) -> Suspect | None:
    for frame in stack.frames:
        if frame.module is not None and _is_outsider(crash, frame.module):
            certainty = _SCAN if frame.trust is Trust.SCAN else _FRAME
            citation = Citation("frame", f"{stack.title}, frame {frame.index}", frame.name)
            return Suspect(frame.module, frame.ip, certainty, 1, citation)
    return None


def _from_words(crash: Crash, stack: NamedStack) -> Suspect | None:
    start = stack.context.stack_pointer
    first: tuple[int, int, Module, bool] | None = None
    count = 0
    for place, value, module, is_call in _code_words(crash, start or 0):
        if not _is_outsider(crash, module):
            continue
        if first is not None and module is not first[2]:
            break
        first = first or (place, value, module, is_call)
        count += 1
    if first is None or (count < 3 and first[0] - (start or 0) > REACH):
        return None
    place, value, module, is_call = first
    where = Citation("memory", f"stack {format_hex(place)}", crash.modules.resolve(value) or format_hex(value))
    return Suspect(module, value, _CALL if is_call or count >= 3 else _WORD, count, where)


def _code_words(crash: Crash, start: int) -> Iterator[tuple[int, int, Module, bool]]:
    """Yield place, value and module of words that may be return addresses, and whether a call is seen before them."""
    memory, width = crash.memory, crash.memory.pointer_size
    limits = crash.machine.stack_at(start)
    size = min(LIMIT, limits[1] - start) if limits else LIMIT
    data = memory.read_up_to(start, size) if start else b""
    for at in range(0, len(data) // width * width, width):
        value = int.from_bytes(data[at : at + width], "little")
        module = crash.modules.at(value - 1) if value else None
        if module is None or value - module.base < 0x1000:
            continue
        is_call = is_call_before(memory, value, crash.machine.architecture)
        if is_call is not False:
            yield start + at, value, module, bool(is_call)
