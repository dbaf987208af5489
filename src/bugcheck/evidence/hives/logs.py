"""A hive and its transaction logs → the hive as Windows would have loaded it.

Windows writes changes to the logs first; a copy of a running or crashed machine's hive lacks the last minutes
without them.  The replay happens on a copy in memory, never in the file.

Source: the format as described in "Windows registry file format specification" (M. Suhanov): base block (signature
`regf`, sequence numbers at 4 and 8, last written at 12, type at 28, root at 36, size of the hive bins at 40, XOR
checksum at 508); the old log (`DIRT`, one bit per 512-byte page, pages in order); the new log since Windows 8.1
(`HvLE` entries, each guarded by two Marvin32 hashes).

Folklore: of LOG1 and LOG2 either may be empty, older or newer; entries go by their sequence numbers over both.  A
hive whose base block is torn takes the log's.  An entry with a wrong hash ends the replay, as in Windows.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bugcheck.binary import BinaryView

BASE_BLOCK = 4096
SECTOR = 512
HIVE_LIMIT = 1 << 30
ENTRY_LIMIT = 100_000
"""Entries of one log that are looked at."""
_SEED = (0x82EF4D88, 0x7A4E55C5)
_MASK = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class BaseBlock:
    """The header of a hive or a log. `sound` is whether its checksum holds."""

    primary: int
    secondary: int
    written: int
    kind: int
    bins_size: int
    clustering: int
    sound: bool

    @property
    def dirty(self) -> bool:
        """Whether the hive needs its log."""
        return not self.sound or self.primary != self.secondary


@dataclass(frozen=True, slots=True)
class Replay:
    """What the logs did: the hive after it (None when nothing was applied), pages and entries, and what to say."""

    data: bytes | None
    pages: int
    entries: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    sequence: int
    bins_size: int
    pages: tuple[tuple[int, int, int], ...]
    """Offset in the bins, size, offset in the log."""


def checksum(block: bytes) -> int:
    """XOR of the first 127 numbers of a base block, with its two exceptions."""
    total = 0
    for number in struct.unpack("<127I", block[:508]):
        total ^= number
    return {0xFFFFFFFF: 0xFFFFFFFE, 0: 1}.get(total, total)


def base_block(view: BinaryView) -> BaseBlock | None:
    """Read the header of a hive or log, None when the file is none."""
    block = view.read_up_to(0, SECTOR)
    if len(block) < SECTOR or block[:4] != b"regf":
        return None
    primary, secondary, written = struct.unpack_from("<IIQ", block, 4)
    kind, _, _, size, clustering = struct.unpack_from("<IIIII", block, 28)
    sound = checksum(block) == int.from_bytes(block[508:512], "little")
    return BaseBlock(primary, secondary, written, kind, size, clustering, sound)


def marvin32(data: bytes) -> int:
    """Hash of a log entry: Marvin32 with the registry's seed."""
    low, high = _SEED[1], _SEED[0]
    padded = data + b"\x80" + bytes(-(len(data) + 1) % 4)
    for number in (*struct.unpack(f"<{len(padded) // 4}I", padded), 0):
        low = low + number & _MASK
        high ^= low
        low = ((low << 20 | low >> 12) + high) & _MASK
        high = (high << 9 | high >> 23) & _MASK ^ low
        low = ((low << 27 | low >> 5) + high) & _MASK
        high = (high << 19 | high >> 13) & _MASK
    return high << 32 | low


def replay(hive: BinaryView, logs: Sequence[BinaryView]) -> Replay:
    """Apply the logs to a copy of a hive, when it needs them and they fit.

    Args:
        hive: the primary file. logs: its LOG, LOG1, LOG2, as far as they are there.
    """
    head = base_block(hive)
    if head is None or not head.dirty:
        return Replay(None, 0, 0, ())
    if hive.size > HIVE_LIMIT:
        return Replay(None, 0, 0, (f"the hive is too large to replay its logs ({hive.size} bytes)",))
    usable = [(log, block) for log in logs if (block := base_block(log)) and block.sound]
    new = [(log, block) for log, block in usable if block.kind == 6]
    old = [(log, block) for log, block in usable if block.kind in (1, 2) and _fits(head, block)]
    if new:
        return _replay_new(hive, head, new)
    if old:
        return _replay_old(hive, *max(old, key=lambda pair: pair[1].secondary))
    why = "its logs are damaged or belong to another state" if logs else "its logs are not beside it"
    return Replay(None, 0, 0, (f"the hive was being written, and {why}: its last changes are missing",))


def _fits(hive: BaseBlock, log: BaseBlock) -> bool:
    return not hive.sound or log.written == hive.written or log.secondary in (hive.primary, hive.secondary)


def _replay_new(hive: BinaryView, head: BaseBlock, logs: list[tuple[BinaryView, BaseBlock]]) -> Replay:
    floor = head.secondary if head.sound else 0
    found = [(entry, log) for log, block in logs for entry in _entries(log, block, floor)]
    entries = sorted(found, key=lambda pair: pair[0].sequence)
    data = bytearray(hive.read_up_to(0, hive.size))
    pages = applied = last = 0
    notes: list[str] = []
    for entry, log in entries:
        if entry.sequence < floor or (applied and entry.sequence == last):
            continue
        if applied and entry.sequence != last + 1:
            notes.append(f"log entries {last + 1} to {entry.sequence - 1} are missing; what follows was not applied")
            break
        pages += _apply(data, log, entry)
        applied, last = applied + 1, entry.sequence
        head_size = entry.bins_size
        _resize(data, head_size)
    if not applied:
        return Replay(None, 0, 0, ("the hive was being written, and its logs hold nothing newer", *notes))
    _finish(data, logs[-1][0] if not head.sound else None, last)
    return Replay(bytes(data), pages, applied, tuple(notes))


def _entries(log: BinaryView, block: BaseBlock, floor: int) -> Iterator[_Entry]:
    """Yield the entries of a new log that are whole and in sequence; those below `floor` are only stepped over."""
    offset, expected = SECTOR, block.primary
    for _ in range(ENTRY_LIMIT):
        head = log.read_up_to(offset, 40)
        if len(head) < 40 or head[:4] != b"HvLE":
            return
        size, _flags, sequence, bins_size, count = struct.unpack_from("<IIIII", head, 4)
        whole, of_head = struct.unpack_from("<QQ", head, 24)
        if size < 40 or size % SECTOR or offset + size > log.size or sequence != expected or count > size // 8:
            return
        if marvin32(head[:32]) != of_head:
            return
        if sequence >= floor and marvin32(log.read_up_to(offset + 40, size - 40)) != whole:
            return
        yield _Entry(sequence, bins_size, tuple(_pages(log, offset, size, count)))
        offset, expected = offset + size, expected + 1


def _pages(log: BinaryView, offset: int, size: int, count: int) -> Iterator[tuple[int, int, int]]:
    at, end = offset + 40 + 8 * count, offset + size
    for index in range(count):
        where, length = struct.unpack("<II", log.read(offset + 40 + 8 * index, 8, "page reference"))
        if at + length > end:
            return
        yield where, length, at
        at += length


def _apply(data: bytearray, log: BinaryView, entry: _Entry) -> int:
    count = 0
    for where, length, at in entry.pages:
        start = BASE_BLOCK + where
        if start + length > HIVE_LIMIT:
            continue
        if start + length > len(data):
            data.extend(bytes(start + length - len(data)))
        data[start : start + length] = log.read_up_to(at, length)
        count += 1
    return count


def _resize(data: bytearray, bins_size: int) -> None:
    wanted = BASE_BLOCK + bins_size
    if len(data) < wanted <= min(HIVE_LIMIT, 2 * len(data) + (1 << 20)):
        data.extend(bytes(wanted - len(data)))
    data[40:44] = (min(wanted, len(data)) - BASE_BLOCK).to_bytes(4, "little")


def _replay_old(hive: BinaryView, log: BinaryView, block: BaseBlock) -> Replay:
    start = SECTOR * max(1, min(block.clustering, 8))
    if log.read_up_to(start, 4) != b"DIRT":
        return Replay(None, 0, 0, ("the hive was being written, and its log holds no changes",))
    bits = log.read_up_to(start + 4, min(block.bins_size // BASE_BLOCK, log.size))
    at = -(-(start + 4 + len(bits)) // SECTOR) * SECTOR
    data, pages = bytearray(hive.read_up_to(0, hive.size)), 0
    for index, byte in enumerate(bits):
        for bit in range(8) if byte else ():
            page = log.read_up_to(at, SECTOR) if byte >> bit & 1 else b""
            if not page:
                continue
            offset = BASE_BLOCK + (8 * index + bit) * SECTOR
            data.extend(bytes(max(0, min(offset + SECTOR, HIVE_LIMIT) - len(data))))
            data[offset : offset + len(page)] = page
            at, pages = at + SECTOR, pages + 1
    head = log if not (found := base_block(hive)) or not found.sound else None
    _resize(data, block.bins_size)
    _finish(data, head, block.secondary)
    return Replay(bytes(data), pages, 1, ())


def _finish(data: bytearray, head: BinaryView | None, sequence: int) -> None:
    """Make the base block say that the hive is whole; take the log's when the hive's own is torn."""
    if head is not None:
        size = bytes(data[40:44])
        data[:SECTOR] = head.read_up_to(0, SECTOR)
        data[28:32], data[40:44] = bytes(4), size
    data[4:12] = struct.pack("<II", sequence, sequence)
    data[508:512] = checksum(bytes(data[:SECTOR])).to_bytes(4, "little")
