"""The NTFS blackbox → I/O that took too long and oplock breaks nobody answered.

Source: ntoseye `blackbox.rs` (MIT) after ext.dll's !blackboxntfs.  The header (version 0, size 0x1000, first chained
record at 0x118, FILETIME, eight slots from 0x18) is the same in all 11 streams of the corpus; none holds a record, so
the records' layout rests on that one source.
"""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.errors import CorruptDump
from bugcheck.machine.blackbox.stream import MAX_ENTRIES, Decoded, count, time_at

HEADER_SIZE = 0x18
SLOT_SIZE = 0x20
OPLOCK_BREAK = 2
PROCESS_NAME_SIZE = 15
BREAK_REASONS = ("", "NtfsFsdSetInformation", "NtfsFspDispatch", "NtfsFsdCleanup", "NtfsFsdCreate", "NtfsFsdWrite")


def decode(view: BinaryView, pointer_size: int) -> Decoded:
    """Decode the NTFS blackbox. Raises CorruptDump for a version or a header that does not fit its data."""
    if pointer_size != 8:
        raise CorruptDump(view.name, "the layout on 32-bit Windows is not public")
    view.check(0, HEADER_SIZE, "NTFS blackbox")
    version, size, chain = view.unpack("3H", 0)
    slots, slots_at = view.unpack("2H", 0x10)
    if version:
        raise CorruptDump(view.name, f"NTFS blackbox of unknown version {version}", 0)
    if size > view.size or slots_at < HEADER_SIZE or slots_at + slots * SLOT_SIZE > min(size, view.size):
        raise CorruptDump(view.name, "the NTFS blackbox's header does not fit its data", 0)
    slow = _slow_requests(view, slots_at, slots)
    breaks, others = _chained_records(view, chain)
    fields: dict[str, object] = {
        "time": time_at(view, 8),
        "slow_io": slow,
        "oplock_breaks": breaks,
        "other_records": others,
    }
    return Decoded(fields, _summary(len(slow), len(breaks)))


def _slow_requests(view: BinaryView, start: int, slots: int) -> list[dict[str, object]]:
    places = (start + index * SLOT_SIZE for index in range(slots))
    return [_slow_io(view, place) for place in places if view.u64(place) or view.u64(place + 8)]


def _slow_io(view: BinaryView, place: int) -> dict[str, object]:
    irp, scb, thread = view.unpack("3Q", place)
    return {"irp": irp, "scb": scb, "thread": thread}


def _chained_records(view: BinaryView, place: int) -> tuple[list[dict[str, object]], int]:
    """Follow the chain; return the oplock breaks and the number of records of other kinds."""
    others = 0
    breaks: list[dict[str, object]] = []
    seen: set[int] = set()
    while place and place not in seen and place + 8 <= view.size and len(seen) < MAX_ENTRIES:
        seen.add(place)
        kind, length, following = view.unpack("3H", place)
        if place + length > view.size:
            break
        if kind == OPLOCK_BREAK and length >= 28 + 2 * PROCESS_NAME_SIZE:
            breaks.append(_oplock_break(view, place))
        elif kind:
            others += 1
        place = following
    return breaks, others


def _oplock_break(view: BinaryView, place: int) -> dict[str, object]:
    irp, scb, reason = view.unpack("2QI", place + 8)
    return {
        "irp": irp,
        "scb": scb,
        "reason": BREAK_REASONS[reason] if reason < len(BREAK_REASONS) else reason,
        "owner_process": view.ascii(place + 28, PROCESS_NAME_SIZE),
        "breaking_process": view.ascii(place + 28 + PROCESS_NAME_SIZE, PROCESS_NAME_SIZE),
    }


def _summary(slow: int, breaks: int) -> str:
    if not slow and not breaks:
        return "NTFS noted no timeouts"
    return f"NTFS noted {count(slow, 'slow request')} and {count(breaks, 'unanswered oplock break')}"
