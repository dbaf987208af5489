"""A Volatility symbol table ↔ a compact index on disk, which opens at once by memory map.

Source: our own format; every number little-endian as the processor's.  A file made by another version, for another
table or cut short is not read but made anew.

    header   magic, version, counts, the source's size and time, CRC-32 of everything behind it
    rvas     u32 each, ascending (names of one address in alphabetical order)
    names    u32 each: where the symbol's name begins in the text; one more, its end
    order    u32 each: symbols by name
    entries  five u32 each: kind, where name and JSON of a type begin, where they end; by kind and name
    text     UTF-8
"""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from pathlib import Path

from bugcheck.binary import BinaryView
from bugcheck.records import dataclass

_HEADER = struct.Struct("<8sIIIIQqIII")
_MAGIC = b"BUGCISF\n"
VERSION = 1
TYPE, ENUM, BASE, FACTS = range(4)
"""Kinds of entries: structures and unions, enumerations, base types, facts about the table."""

_ENTRY_WORDS = 5


@dataclass(frozen=True, slots=True)
class Source:
    """Which file an index was made of: its size in bytes and its time in nanoseconds."""

    size: int
    time: int


class IsfIndex:
    """An index in memory. All texts are UTF-8; addresses are RVAs."""

    def __init__(self, data: memoryview, symbol_count: int, entry_count: int) -> None:
        place = _HEADER.size
        parts: list[memoryview] = []
        for words in (symbol_count, symbol_count + 1, symbol_count, entry_count * _ENTRY_WORDS):
            parts.append(data[place : place + 4 * words].cast("I"))
            place += 4 * words
        self.rvas, self._names, self._order, self._entries = parts
        self._text = data[place:]
        self.symbol_count = symbol_count
        self._entry_count = entry_count

    def name(self, symbol: int) -> str:
        """Name of the symbol number `symbol`."""
        return str(self._text[self._names[symbol] : self._names[symbol + 1]], "utf-8", "replace")

    def at_or_below(self, rva: int) -> range:
        """Symbols at the highest address that is not above `rva`; empty when all lie above."""
        after = bisect_right(self.rvas, rva)
        return range(bisect_left(self.rvas, self.rvas[after - 1]), after) if after else range(0)

    def find(self, name: str) -> int | None:
        """Number of the symbol of that name."""
        wanted = name.encode("utf-8", "replace")
        place = bisect_left(self._order, wanted, key=self._raw_name)
        if place < self.symbol_count and self._raw_name(self._order[place]) == wanted:
            return self._order[place]
        return None

    def _raw_name(self, symbol: int) -> bytes:
        return bytes(self._text[self._names[symbol] : self._names[symbol + 1]])

    def entry(self, kind: int, name: str) -> bytes | None:
        """JSON of a type by kind and name, or None."""
        wanted = (kind, name.encode("utf-8", "replace"))
        place = bisect_left(range(self._entry_count), wanted, key=self._entry_key)
        if place < self._entry_count and self._entry_key(place) == wanted:
            words = self._entry_words(place)
            return bytes(self._text[words[3] : words[4]])
        return None

    def _entry_words(self, place: int) -> memoryview:
        return self._entries[_ENTRY_WORDS * place : _ENTRY_WORDS * (place + 1)]

    def _entry_key(self, place: int) -> tuple[int, bytes]:
        words = self._entry_words(place)
        return words[0], bytes(self._text[words[1] : words[2]])


def build(symbols: Iterable[tuple[int, str]], entries: Mapping[tuple[int, str], str], source: Source) -> bytes:
    """Lay out an index of (RVA, name) pairs and of JSON texts by kind and name."""
    rows = sorted((rva, name.encode("utf-8", "replace")) for rva, name in symbols)
    text = bytearray()
    names = array("I", [0])
    for _, raw in rows:
        text += raw
        names.append(len(text))
    order = array("I", sorted(range(len(rows)), key=lambda symbol: rows[symbol][1]))
    words = array("I")
    for (kind, key), value in sorted((kind_name, text_) for kind_name, text_ in _raw_entries(entries)):
        words.extend((kind, len(text), len(text) + len(key), len(text) + len(key), len(text) + len(key) + len(value)))
        text += key + value
    arrays = (array("I", [rva for rva, _ in rows]), names, order, words)
    body = b"".join([*[part.tobytes() for part in arrays], bytes(text)])
    return _header(len(rows), len(words) // _ENTRY_WORDS, source, body) + body


def _raw_entries(entries: Mapping[tuple[int, str], str]) -> Iterable[tuple[tuple[int, bytes], bytes]]:
    for (kind, name), text in entries.items():
        yield (kind, name.encode("utf-8", "replace")), text.encode("utf-8", "replace")


def _header(symbol_count: int, entry_count: int, source: Source, body: bytes | memoryview) -> bytes:
    from zlib import crc32

    order = int(sys.byteorder == "little")
    fields = (VERSION, order, symbol_count, entry_count, source.size, source.time, len(body), crc32(body), 0)
    return _HEADER.pack(_MAGIC, *fields)


def read(data: bytes | memoryview, source: Source | None = None) -> IsfIndex | None:
    """Open an index; None when it is of another version or source (if one is given), cut short or damaged."""
    view = memoryview(data)
    if len(view) < _HEADER.size:
        return None
    _, _, _, symbol_count, entry_count, size, time, body_size, _, _ = _HEADER.unpack_from(view)
    body = view[_HEADER.size :]
    words = 3 * symbol_count + 1 + _ENTRY_WORDS * entry_count
    if len(body) != body_size or 4 * words > body_size or source not in (None, Source(size, time)):
        return None
    if _header(symbol_count, entry_count, Source(size, time), body) != bytes(view[: _HEADER.size]):
        return None
    return IsfIndex(view, symbol_count, entry_count)


def load(path: Path, source: Source) -> IsfIndex | None:
    """Map an index file; None when it is not there or not usable."""
    from bugcheck.archives.files import map_file
    from bugcheck.errors import BugcheckError

    try:
        view: BinaryView = map_file(str(path))
    except BugcheckError:
        return None
    return read(memoryview(view.data), source)


def save(path: Path, data: bytes) -> None:
    """Write an index in one step; a disk that refuses only costs the time to make it again."""
    import os

    from bugcheck.symbols.cache import drop

    new = path.with_name(f"{path.name}.{os.getpid():x}-{os.urandom(6).hex()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(data)
        new.replace(path)
    except OSError:
        drop(new)
