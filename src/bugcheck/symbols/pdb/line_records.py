"""C13 line records and inline-site annotations of one object file → rows of (address, source line).

Source: `cvinfo.h` of Microsoft's microsoft-pdb repository (MIT): CV_DebugSSubsectionHeader_t, CV_DebugSLinesHeader_t,
BinaryAnnotationOpcode; LLVM's "CodeView Symbol Records" (llvm.org/docs/PDB).

Folklore:
    Line numbers 0xFEEFEE and 0xF00F00 mark code without a line and code not to be stepped into; the line
    before them goes on.
    An inline site's row reaches to the next change of the code offset, or as far as a code length says; the length
    that comes together with an offset does not move the offset on, the one that comes alone does.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import NamedTuple

from bugcheck.records import dataclass, field

LINE_LIMIT = 1_000_000
"""Rows of one object file."""

_LINES, _CHECKSUMS, _INLINEE_LINES = 0xF2, 0xF4, 0xF6
_HIDDEN = (0xFEEFEE, 0xF00F00)
_HEADER = struct.Struct("<II")
_FRAGMENT = struct.Struct("<IHHI")
_BLOCK = struct.Struct("<III")
_CHECKSUM = struct.Struct("<IBB")
_INLINEE = struct.Struct("<III")
_CODE_OFFSET, _OFFSET_BASE, _CHANGE_OFFSET, _CODE_LENGTH, _FILE, _LINE = 1, 2, 3, 4, 5, 6
_OFFSET_AND_LINE, _LENGTH_AND_OFFSET, _LAST = 11, 12, 14


class Row(NamedTuple):
    """From where on a source line applies: address, file (offset of its checksum entry), line."""

    start: int
    file: int
    line: int


@dataclass(frozen=True, slots=True)
class Fragment:
    """The lines of one stretch of code: first address, the address behind it, rows ascending."""

    start: int
    end: int
    rows: list[Row]


@dataclass(slots=True)
class ModuleLines:
    """What the C13 records of one object file say.

    Attributes:
        fragments: ascending by start. files: offset of a checksum entry → offset of the name in `/names`.
        inlinees: item id of an inlined function → checksum entry of its file, its first line.
    """

    fragments: list[Fragment] = field(default_factory=list[Fragment])
    files: dict[int, int] = field(default_factory=dict[int, int])
    inlinees: dict[int, tuple[int, int]] = field(default_factory=dict[int, tuple[int, int]])

    def row_at(self, address: int) -> Row | None:
        """Find the row that covers an address."""
        number = bisect_right(self.fragments, address, key=lambda fragment: fragment.start) - 1
        if number < 0 or address >= self.fragments[number].end:
            return None
        rows = self.fragments[number].rows
        place = bisect_right(rows, address, key=lambda row: row.start) - 1
        return rows[place] if place >= 0 else None


class InlineRow(NamedTuple):
    """Code of an inlined function: offsets from the enclosing procedure's start, file, line."""

    start: int
    end: int
    file: int
    line: int


def read_lines(data: bytes, rva: Callable[[int, int], int | None]) -> ModuleLines:
    """Read the C13 records of an object file; `rva` resolves segment and offset. Ends where they are cut off."""
    found = ModuleLines()
    left = LINE_LIMIT
    for kind, payload in _subsections(data):
        if kind == _CHECKSUMS:
            found.files.update(_checksums(payload))
        elif kind == _INLINEE_LINES:
            found.inlinees.update(_inlinee_lines(payload))
        elif kind == _LINES and len(payload) >= _FRAGMENT.size:
            offset, segment, flags, size = _FRAGMENT.unpack_from(payload)
            start = rva(segment, offset)
            if start is not None and left > 0:
                rows = _rows(payload, start, bool(flags & 1))
                left -= len(rows)
                found.fragments.append(Fragment(start, start + size, rows))
    found.fragments.sort(key=lambda fragment: fragment.start)
    return found


def _subsections(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + _HEADER.size <= len(data):
        kind, size = _HEADER.unpack_from(data, position)
        position += _HEADER.size
        yield kind, data[position : position + size]
        position += size + (-size & 3)


def _checksums(payload: bytes) -> Iterator[tuple[int, int]]:
    position = 0
    while position + _CHECKSUM.size <= len(payload):
        name, size, _ = _CHECKSUM.unpack_from(payload, position)
        yield position, name
        position = position + _CHECKSUM.size + size + 3 & ~3


def _inlinee_lines(payload: bytes) -> Iterator[tuple[int, tuple[int, int]]]:
    extended = payload[:4] == b"\1\0\0\0"
    position = 4
    while position + _INLINEE.size <= len(payload):
        item, file, line = _INLINEE.unpack_from(payload, position)
        yield item, (file, line)
        position += _INLINEE.size
        if extended:
            position += 4 + 4 * int.from_bytes(payload[position : position + 4], "little")


def _rows(payload: bytes, start: int, has_columns: bool) -> list[Row]:
    rows: list[Row] = []
    position = _FRAGMENT.size
    while position + _BLOCK.size <= len(payload):
        file, count, size = _BLOCK.unpack_from(payload, position)
        entries = payload[position + _BLOCK.size : position + _BLOCK.size + count * 8]
        if len(entries) != count * 8:
            break
        for offset, packed in _HEADER.iter_unpack(entries):
            line = packed & 0xFF_FFFF
            if line and line not in _HIDDEN:
                rows.append(Row(start + offset, file, line))
        position += max(size, _BLOCK.size + count * (12 if has_columns else 8))
    rows.sort(key=lambda row: row.start)
    return rows


def inline_rows(annotations: bytes, file: int, line: int) -> list[InlineRow]:
    """Read a site's annotations: the rows in the procedure's own code, given the inlined function's file and line.

    Code in chunks that were moved away from the procedure is left out.
    """
    rows: list[InlineRow] = []
    offset, opened, chunk = 0, -1, 0
    at = file, line

    def close(end: int) -> None:
        if opened >= 0 and chunk == 0 and end > opened:
            rows.append(InlineRow(opened, end, *at))

    for code, first, second in _annotations(annotations):
        if code in (_CODE_OFFSET, _CHANGE_OFFSET, _OFFSET_AND_LINE, _LENGTH_AND_OFFSET):
            step = first & 15 if code == _OFFSET_AND_LINE else second if code == _LENGTH_AND_OFFSET else first
            offset += step
            close(offset)
            opened = offset
            at = file, line + _signed(first >> 4) if code == _OFFSET_AND_LINE else line
            line = at[1]
            if code == _LENGTH_AND_OFFSET:
                close(offset + first)
                opened = -1
        elif code == _CODE_LENGTH:
            close(offset + first)
            offset, opened = offset + first, -1
        elif code == _OFFSET_BASE:
            offset, opened, chunk = 0, -1, first
        elif code == _FILE:
            file = first
        elif code == _LINE:
            line += _signed(first)
    return rows


def _annotations(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Iterate over opcode, first and second operand; ends at an opcode that is not known."""
    numbers = _compressed(data)
    for code in numbers:
        if not 0 < code < _LAST + 1:
            return
        first = next(numbers, None)
        second = next(numbers, None) if code == _LENGTH_AND_OFFSET else 0
        if first is None or second is None:
            return
        yield code, first, second


def _compressed(data: bytes) -> Iterator[int]:
    """Iterate over numbers of one, two or four bytes, as the first byte's upper bits say."""
    position = 0
    while position < len(data):
        head = data[position]
        size = 1 if head < 0x80 else 2 if head < 0xC0 else 4
        if head >= 0xE0 or position + size > len(data):
            return
        number = int.from_bytes(data[position : position + size], "big")
        yield number & (0x7F, 0x3FFF, 0x1FFF_FFFF)[size >> 1]
        position += size


def _signed(number: int) -> int:
    return -(number >> 1) if number & 1 else number >> 1
