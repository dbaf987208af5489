"""The stack of the stopped thread → the first driver on it that is not part of Windows, and how sure its place is.

Frames of the stack walk come first.  Small dumps seldom hold the unwind data a walk needs, so the words of the stack
that point into a module's code are looked at next.

Folklore: a word may be left over from an earlier call, or be no code address at all.  On the corpus many words in one
driver before any other's turn named the right one (both EA dumps), and a lone word without a call seen before it was
wrong each time (9f.dmp: a network driver's at +0x308 of the idle thread's stack; 111317-27812-01.dmp: a storage
driver's at +0x140).  So a lone word counts only where a call instruction ends right before its address.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.addresses import format_hex
from bugcheck.findings.findings import Citation, Crash
from bugcheck.findings.suspicion import Standing, standing_of
from bugcheck.machine.modules import Module
from bugcheck.machine.objects import read_thread
from bugcheck.records import dataclass
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
_MANY, _CALL = 0.8, 0.6
_MANY_WORDS = 3


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
    return _from_frames(crash, stack) or _from_words(crash, stack.context.stack_pointer or 0)


def thread_suspect(crash: Crash, address: int) -> Suspect | None:
    """Find the innermost driver outside Windows among the words of a waiting thread's stack. `address`: its ETHREAD."""
    thread = read_thread(address, crash.memory, crash.machine.layout) if address else None
    at = crash.machine.layout.offset("KTHREAD.KernelStack")
    start = crash.memory.try_pointer(address + at) if thread is not None and at is not None else None
    if thread is None or not start or not (thread.stack_limit or 0) <= start < (thread.stack_base or 0):
        return None
    return _from_words(crash, start, thread.stack_base)


def _is_outsider(crash: Crash, module: Module) -> bool:
    return standing_of(module, crash) in _OUTSIDE


def _from_frames(crash: Crash, stack: NamedStack) -> Suspect | None:
    for frame in stack.frames:
        if frame.module is not None and _is_outsider(crash, frame.module):
            certainty = _SCAN if frame.trust is Trust.SCAN else _FRAME
            citation = Citation("frame", f"{stack.title}, frame {frame.index}", frame.name)
            return Suspect(frame.module, frame.ip, certainty, 1, citation)
    return None


def _from_words(crash: Crash, start: int, end: int | None = None) -> Suspect | None:
    first: tuple[int, int, Module, bool] | None = None
    count = 0
    for place, value, module, is_call in _code_words(crash, start, end):
        if not _is_outsider(crash, module):
            continue
        if first is not None and module is not first[2]:
            break
        first = first or (place, value, module, is_call)
        count += 1
    if first is None:
        return None
    place, value, module, is_call = first
    if count < _MANY_WORDS and (not is_call or place - start > REACH):
        return None
    where = Citation("memory", f"stack {format_hex(place)}", crash.modules.resolve(value) or format_hex(value))
    return Suspect(module, value, _MANY if count >= _MANY_WORDS else _CALL, count, where)


def _code_words(crash: Crash, start: int, end: int | None) -> Iterator[tuple[int, int, Module, bool]]:
    """Yield place, value and module of words that may be return addresses, and whether a call is seen before them."""
    memory, width = crash.memory, crash.memory.pointer_size
    limits = crash.machine.stack_at(start)
    end = end or (limits[1] if limits else start + LIMIT)
    size = min(LIMIT, end - start)
    data = memory.read_up_to(start, size) if start else b""
    for at in range(0, len(data) // width * width, width):
        value = int.from_bytes(data[at : at + width], "little")
        module = crash.modules.at(value - 1) if value else None
        if module is None or value - module.base < 0x1000:
            continue
        is_call = is_call_before(memory, value, crash.machine.architecture)
        if is_call is not False:
            yield start + at, value, module, bool(is_call)
