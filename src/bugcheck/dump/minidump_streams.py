"""An MDMP file → its stream directory, bounded lists, strings.

Source: minidumpapiset.h as documented by Microsoft ("MINIDUMP_HEADER structure", "MINIDUMP_DIRECTORY structure",
"MINIDUMP_STREAM_TYPE enumeration", "MINIDUMP_STRING structure"); kinds 0x4767…, 0x4350… and 0x4d7a… are named after
Breakpad's minidump_format.h, Crashpad's minidump_extensions.h and rust-minidump's format.rs.  The names are in
minidump_streams.tsv.

Folklore: some writers align a list's first entry to 8 bytes, so four bytes of padding follow the count; only the
stream's size tells (8 + n × entry instead of 4 + n × entry).  dbghelp pads the directory with unused (0) entries.  A
length or count may lie; what fits in the stream and in the file is kept and the rest becomes a Gap.  Several places of
one file may refer to the same bytes, so copies draw on one budget that no honest file exhausts.
"""

from __future__ import annotations

import os
from enum import IntEnum
from functools import cache

from bugcheck.binary import STRING_LIMIT, BinaryView, Layout, Record, decode_utf16
from bugcheck.dump.dump import Stream
from bugcheck.gaps import Gap

VERSION = 0xA793
STREAM_LIMIT = 0x1000
_SPARE = 0x10_0000
_LARGEST_BUDGET = 0x400_0000

_Loss = tuple[int | None, int]
"""Where some kind of trouble was first met, and how often."""

HEADER = Layout(
    "MINIDUMP_HEADER",
    32,
    version=(4, 2),
    stream_count=(8, 4),
    directory=(12, 4),
    time=(20, 4),
    flags=(24, 8),
)
DIRECTORY = Layout("MINIDUMP_DIRECTORY", 12, kind=(0, 4), size=(4, 4), rva=(8, 4))


class StreamKind(IntEnum):
    """The MINIDUMP_STREAM_TYPE values whose content is read; all known names are in minidump_streams.tsv."""

    THREAD_LIST = 3
    MODULE_LIST = 4
    MEMORY_LIST = 5
    EXCEPTION = 6
    SYSTEM_INFO = 7
    THREAD_EX_LIST = 8
    MEMORY64_LIST = 9
    COMMENT_A = 10
    COMMENT_W = 11
    HANDLE_DATA = 12
    UNLOADED_MODULE_LIST = 14
    MISC_INFO = 15
    MEMORY_INFO_LIST = 16
    THREAD_INFO_LIST = 17
    THREAD_NAMES = 24
    CRASHPAD_INFO = 0x4350_0001
    BREAKPAD_INFO = 0x4767_0001


@cache
def _names() -> dict[int, str]:
    path = os.path.join(os.path.dirname(__file__), "minidump_streams.tsv")  # noqa: PTH118, PTH120 (hot path)
    with open(path, encoding="ascii") as table:  # noqa: PTH123 (hot path)
        rows = [line.rstrip("\n").split("\t") for line in table]
    return {int(kind, 16): name for kind, name in rows}


def stream_name(kind: int) -> str:
    """Name a stream kind as its writer's headers do; "" for a kind nobody documents."""
    return _names().get(kind, "")


class Minidump:
    """An MDMP file opened at its directory; everything read from it is bounded here.

    Attributes:
        view: the file. header: the MINIDUMP_HEADER.
        streams: every used directory entry, in the file's order, with the place and size the directory claims.
        truncated_at: the file's size when a structure reaches beyond it, else None.
    """

    __slots__ = ("_budget", "_by_kind", "_losses", "header", "streams", "truncated_at", "view")

    def __init__(self, view: BinaryView) -> None:
        """Read the header and the directory. Raises TruncatedDump when the file is shorter than the header."""
        self.view = view
        self.header = HEADER.at(view, 0)
        self.truncated_at: int | None = None
        self._losses: dict[tuple[str, str, bool], _Loss] = {}
        self._budget = min(2 * view.size + _SPARE, _LARGEST_BUDGET)
        self.streams: list[Stream] = []
        self._by_kind: dict[int, Stream] = {}
        if self.header.version != VERSION:
            self.damage("minidump header", f"version is not {VERSION:#x}", 4)
        self._read_directory()

    def _read_directory(self) -> None:
        first = self.header.directory
        count = self.header.stream_count
        room = max(0, self.view.size - first) // DIRECTORY.size
        if count > room:
            self.cut_off("stream directory", f"{count} streams are promised, the file has room for {room}", first)
        if min(count, room) > STREAM_LIMIT:
            self.limited(f"streams after the first {STREAM_LIMIT}", first)
        for index in range(min(count, room, STREAM_LIMIT)):
            self._add(DIRECTORY.at(self.view, first + index * DIRECTORY.size))

    def _add(self, entry: Record) -> None:
        if entry.kind == 0:
            return
        stream = Stream(f"{entry.kind:#x}", stream_name(entry.kind), entry.rva, entry.size)
        self.streams.append(stream)
        if entry.rva + entry.size > self.view.size:
            what = stream.name or "streams of unknown kinds"
            self.cut_off(what, "it reaches beyond the end of the file", entry.rva)
        if entry.rva < self.view.size and entry.size and entry.kind not in self._by_kind:
            self._by_kind[entry.kind] = stream

    def find(self, kind: int) -> Stream | None:
        """Find the first stream of a kind that has at least a byte in the file."""
        return self._by_kind.get(kind)

    def end(self, stream: Stream) -> int:
        """File offset after the stream's last byte that is in the file."""
        return min(stream.file_offset + stream.size, self.view.size)

    def damage(self, what: str, missing: str, offset: int | None) -> None:
        """Record that the file is corrupt at `offset`; the same trouble in many places becomes one Gap."""
        first, times = self._losses.get((what, missing, True), (offset, 0))
        self._losses[what, missing, True] = first, times + 1

    def cut_off(self, what: str, missing: str, offset: int) -> None:
        """Record that a structure reaches beyond the end of the file."""
        self.truncated_at = self.view.size
        self.damage(what, missing, offset)

    def limited(self, what: str, offset: int) -> None:
        """Record that a limit of bugcheck's own, not the file's end, stopped the reading."""
        self._losses.setdefault((what, "bugcheck reads no more of them", False), (offset, 1))

    def gaps(self) -> list[Gap]:
        """Everything recorded so far, one Gap for each kind of trouble, with its first offset and how often."""
        return [Gap(what, missing + _where(*loss), damage=bad) for (what, missing, bad), loss in self._losses.items()]

    def copy(self, offset: int, size: int, what: str) -> bytes:
        """Copy what the file has of `size` bytes, within the budget; a short answer leaves a Gap."""
        if self._budget < size:
            self.damage(what, "more bytes are referred to than bugcheck copies", offset)
            return b""
        data = self.view.read_up_to(offset, size)
        if len(data) < size:
            self.damage(what, "it reaches beyond the end of the file", offset)
        self._budget -= len(data)
        return data

    def string(self, rva: int, what: str) -> str:
        """Read a MINIDUMP_STRING (byte length, UTF-16LE); "" when it is unreadable or left out (rva 0)."""
        if rva == 0:
            return ""
        if rva + 4 > self.view.size:
            self.damage(what, "it lies outside the file", rva)
            return ""
        length = self.view.u32(rva)
        if length > 2 * STRING_LIMIT:
            self.damage(what, "its length is absurd", rva)
            length = 2 * STRING_LIMIT
        return decode_utf16(self.copy(rva + 4, min(length, self.view.size - rva - 4), what))

    def place(self, stream: Stream, layout: Layout) -> Record:
        """Place a layout at the stream's start; fields that the stream or file cuts off read as 0 and leave a Gap."""
        data = self.view.read_up_to(stream.file_offset, min(stream.size, layout.size))
        if len(data) < layout.size:
            self.damage(stream.name, f"it has {len(data)} bytes of {layout.size}", stream.file_offset)
        return layout.at(BinaryView(data.ljust(layout.size, b"\0"), self.view.name), 0)

    def list_entries(self, stream: Stream, entry_size: int, limit: int) -> range:
        """File offsets of the entries of a list that starts with a 32-bit count, padded or not."""
        if self.end(stream) - stream.file_offset < 4:
            self.damage(stream.name, "its count is cut off", stream.file_offset)
            return range(0)
        count = self.view.u32(stream.file_offset)
        head = 8 if stream.size == 8 + count * entry_size else 4
        return self.bounded_entries(stream, head, entry_size, count, limit)

    def headed_entries(self, stream: Stream, smallest: int, limit: int) -> range:
        """File offsets of the entries of a list that starts with SizeOfHeader, SizeOfEntry, NumberOfEntries."""
        if self.end(stream) - stream.file_offset < 12:
            self.damage(stream.name, "its header is cut off", stream.file_offset)
            return range(0)
        head, entry_size, count = self.view.unpack("III", stream.file_offset)
        if head < 12 or entry_size < smallest:
            self.damage(stream.name, f"its header claims entries of {entry_size} bytes", stream.file_offset)
            return range(0)
        return self.bounded_entries(stream, head, entry_size, count, limit)

    def bounded_entries(self, stream: Stream, head: int, entry_size: int, count: int, limit: int) -> range:
        """File offsets of `count` entries from `head` bytes into the stream, as many as fit and are allowed."""
        first = stream.file_offset + head
        room = max(0, self.end(stream) - first) // entry_size
        if count > room:
            self.damage(stream.name, f"{count} entries are promised, {room} fit", stream.file_offset)
        if min(count, room) > limit:
            self.limited(f"entries of {stream.name} after the first {limit}", stream.file_offset)
        return range(first, first + min(count, room, limit) * entry_size, entry_size)


def _where(first: int | None, times: int) -> str:
    if first is None:
        return ""
    return f" (offset {first:#x})" if times == 1 else f" (offset {first:#x} and {times - 1} more)"


def narrow(address: int, bits: int) -> int:
    """Zero-extend an address that a writer of a 32-bit process sign-extended; 64-bit ones stay."""
    return address & 0xFFFF_FFFF if bits == 32 and address >> 31 == 0x1_FFFF_FFFF else address
