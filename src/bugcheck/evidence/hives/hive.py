"""A hive → its Keys, as far as they can be reached.

Source: "Windows registry file format specification" (M. Suhanov): cells (signed size, negative when in use) from
offset 4096 on; `nk` key nodes, `vk` values, `lf`/`lh`/`li` and `ri` lists of sub keys, `db` big data.

Folklore: a torn hive often has a sound root with one list that is lost; readers that insist on every list refuse the
whole file.  Here each cell stands for itself: what cannot be read is left out and counted.  libregf, our second
opinion in the tests, returns 0 for data of one to three bytes kept in the value itself: a `testsigning` of 1 would
read as off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from bugcheck.binary import BinaryView
from bugcheck.errors import DumpError
from bugcheck.evidence.hives.keys import CHILDREN_LIMIT, DATA_LIMIT, VALUES_LIMIT, Key, Value
from bugcheck.timestamps import from_filetime

BINS = 4096
NONE = 0xFFFFFFFF
DEPTH_LIMIT = 64
BIG_SEGMENT = 16344
_COMPRESSED, _COMPRESSED_VALUE = 0x20, 0x1


@dataclass
class Hive:
    """The bytes of a hive, how many keys were read from it and how many of its cells could not be."""

    view: BinaryView
    lost: int = 0
    nodes: int = 0

    def cell(self, offset: int) -> tuple[int, int]:
        """Return where a cell's contents lie and their size. Raises TruncatedDump."""
        start = BINS + (offset & NONE)
        size = int.from_bytes(self.view.read(start, 4, "cell"), "little", signed=True)
        return start + 4, max(0, min(abs(size) - 4, self.view.size - start - 4))

    def root(self) -> HiveKey | None:
        """Find the root: where the base block says, else the first key node flagged as a hive's entry."""
        stated = int.from_bytes(self.view.read_up_to(36, 4), "little")
        for offset in (stated, *self._hive_entries()):
            key = self.key(offset, "", 0)
            if key:
                return key
        return None

    def _hive_entries(self) -> Iterator[int]:
        data = self.view.read_up_to(0, min(self.view.size, 0x100000))
        at = data.find(b"nk", BINS)
        while at >= 0:
            if int.from_bytes(data[at + 2 : at + 4], "little") & 0x4:
                yield at - 4 - BINS
            at = data.find(b"nk", at + 2)

    def key(self, offset: int, parent_path: str, depth: int) -> HiveKey | None:
        """Read a key node; None when it is none."""
        try:
            at, size = self.cell(offset)
            if size < 0x4C or self.view.read(at, 2) != b"nk" or depth > DEPTH_LIMIT:
                raise LookupError
            flags = self.view.u16(at + 2)
            length = min(self.view.u16(at + 0x48), size - 0x4C, 512)
            raw = self.view.read(at + 0x4C, length, "key name")
        except (DumpError, LookupError):
            self.lost += 1
            return None
        self.nodes += 1
        name = raw.decode("latin-1") if flags & _COMPRESSED else raw.decode("utf-16-le", "replace")
        path = f"{parent_path}\\{name}".lstrip("\\") if depth else ""
        return HiveKey(self, at, depth, name, path)

    def sub_keys(self, offset: int, level: int, seen: set[int]) -> Iterator[int]:
        """Yield the offsets a list of sub keys names; lists of lists go two levels deep."""
        if offset == NONE or offset in seen or level > 2:
            return
        seen.add(offset)
        try:
            at, size = self.cell(offset)
            mark, count = self.view.read(at, 2), self.view.u16(at + 2)
        except DumpError:
            self.lost += 1
            return
        stride = {b"lf": 8, b"lh": 8, b"li": 4, b"ri": 4}.get(mark, 0)
        if not stride:
            self.lost += 1
            return
        for index in range(min(count, (size - 4) // stride, CHILDREN_LIMIT)):
            entry = self.view.u32(at + 4 + index * stride)
            if mark == b"ri":
                yield from self.sub_keys(entry, level + 1, seen)
            else:
                yield entry

    def value(self, offset: int) -> Value | None:
        """Read a value; None when its cell is none."""
        try:
            at, size = self.cell(offset)
            if size < 20 or self.view.read(at, 2) != b"vk":
                raise LookupError
            length, data_size, data, kind, flags = self.view.unpack("HIIIH", at + 2)
            raw = self.view.read(at + 20, min(length, size - 20), "value name")
            name = raw.decode("latin-1") if flags & _COMPRESSED_VALUE else raw.decode("utf-16-le", "replace")
            return Value(name, kind, self._data(at + 8, data_size, data))
        except (DumpError, LookupError):
            self.lost += 1
            return None

    def _data(self, inline: int, size: int, offset: int) -> bytes:
        if size & 0x80000000:
            return self.view.read(inline, min(size & 0x7FFFFFFF, 4))
        if size > DATA_LIMIT:
            return b""
        at, room = self.cell(offset)
        if size > BIG_SEGMENT and self.view.read(at, 2) == b"db":
            return self._big(at, size)
        return self.view.read(at, min(size, room))

    def _big(self, at: int, size: int) -> bytes:
        count, table = self.view.u16(at + 2), self.cell(self.view.u32(at + 4))[0]
        parts: list[bytes] = []
        for index in range(min(count, size // BIG_SEGMENT + 1)):
            start, room = self.cell(self.view.u32(table + 4 * index))
            parts.append(self.view.read(start, min(room, BIG_SEGMENT)))
        return b"".join(parts)[:size]


class HiveKey(Key):
    """A key node of a hive."""

    def __init__(self, hive: Hive, at: int, depth: int, name: str, path: str) -> None:
        self._hive, self._at, self._depth = hive, at, depth
        self.name, self.path = name, path
        self._values: dict[str, Value] | None = None
        self._children: dict[str, HiveKey] | None = None

    @property
    def written(self) -> datetime | None:
        """When the key was last written."""
        return from_filetime(self._hive.view.u64(self._at + 4))

    def children(self) -> Iterator[Key]:
        """Yield the children that can be read."""
        yield from self._below().values()

    def child(self, name: str) -> Key | None:
        """Find a child by name, in any case."""
        return self._below().get(name.lower())

    def _below(self) -> dict[str, HiveKey]:
        if self._children is None:
            offsets = self._hive.sub_keys(self._hive.view.u32(self._at + 0x1C), 0, {self._at})
            keys = (self._hive.key(offset, self.path, self._depth + 1) for offset in islice(offsets, CHILDREN_LIMIT))
            self._children = {key.name.lower(): key for key in keys if key}
        return self._children

    def values(self) -> Mapping[str, Value]:
        """Return the values that can be read, by lower-case name."""
        if self._values is None:
            self._values = {value.name.lower(): value for value in self._read_values()}
        return self._values

    def _read_values(self) -> Iterator[Value]:
        view = self._hive.view
        count, offset = view.u32(self._at + 0x24), view.u32(self._at + 0x28)
        if not count or offset == NONE:
            return
        try:
            at, size = self._hive.cell(offset)
        except DumpError:
            self._hive.lost += 1
            return
        for index in range(min(count, size // 4, VALUES_LIMIT)):
            value = self._hive.value(view.u32(at + 4 * index))
            if value:
                yield value
