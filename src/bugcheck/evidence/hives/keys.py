"""A registry, wherever it was kept → Key: names, values, children, last-written time.

Hives, `.reg` exports and the output of `reg query` all become Keys, so that what a key means is told once.

Source: Microsoft, "Registry value types" (winnt.h: REG_SZ 1, REG_EXPAND_SZ 2, REG_BINARY 3, REG_DWORD 4,
REG_DWORD_BIG_ENDIAN 5, REG_LINK 6, REG_MULTI_SZ 7, REG_QWORD 11).

Folklore: string values are not always ended by a NUL, may hold several, and programs store numbers as strings and the
other way round; nothing here trusts the type.  A key's last-written time changes with any of its values and with the
creation of a child, and an upgrade of Windows writes all of them anew.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bugcheck.timestamps import from_filetime

REG_SZ, REG_EXPAND_SZ, REG_BINARY, REG_DWORD = 1, 2, 3, 4
REG_DWORD_BIG_ENDIAN, REG_LINK, REG_MULTI_SZ, REG_QWORD = 5, 6, 7, 11
CHILDREN_LIMIT = 20_000
"""Children of one key that are followed; Windows' fullest keys hold some thousands."""
VALUES_LIMIT = 20_000
DATA_LIMIT = 1 << 20
"""Bytes of one value that are kept."""
TEXT_LIMIT = 0x1000
"""Characters of one string that reach a fact."""


@dataclass(frozen=True, slots=True)
class Value:
    """A registry value. `kind` is its REG_ type as stored."""

    name: str
    kind: int
    data: bytes

    @property
    def text(self) -> str:
        """The value in words: a string up to its NUL, a number in decimal, else hexadecimal digits."""
        if self.kind in (REG_SZ, REG_EXPAND_SZ, REG_LINK):
            return _utf16(self.data).partition("\0")[0].strip()[:TEXT_LIMIT]
        if self.kind == REG_MULTI_SZ:
            return ", ".join(self.texts)[:TEXT_LIMIT]
        number = self.number
        return self.data[:64].hex() if number is None else str(number)

    @property
    def texts(self) -> tuple[str, ...]:
        """The strings of a multi-string, empty ones left out."""
        return tuple(part.strip() for part in _utf16(self.data).split("\0") if part.strip())[:1000]

    @property
    def number(self) -> int | None:
        """The value as an unsigned number, None when it is none."""
        if self.kind == REG_DWORD_BIG_ENDIAN:
            return int.from_bytes(self.data[:4], "big")
        if self.kind in (REG_SZ, REG_EXPAND_SZ):
            words = _utf16(self.data).partition("\0")[0].strip()
            return int(words) if words.isdecimal() and len(words) < 20 else None
        return int.from_bytes(self.data, "little") if len(self.data) in (1, 2, 4, 8) else None

    @property
    def time(self) -> datetime | None:
        """The value as a FILETIME."""
        return from_filetime(int.from_bytes(self.data[:8], "little")) if len(self.data) >= 8 else None


def _utf16(data: bytes) -> str:
    return data[: len(data) & ~1].decode("utf-16-le", "replace")


class Key(ABC):
    """A registry key. Missing children and values are None, "" or nothing: absence is normal.

    Attributes:
        name: its own name. path: its names from the root, with backslashes, for people.
    """

    name: str
    path: str

    @property
    @abstractmethod
    def written(self) -> datetime | None:
        """When the key was last written, UTC, or None."""

    @abstractmethod
    def child(self, name: str) -> Key | None:
        """Find a child by name, in any case."""

    @abstractmethod
    def children(self) -> Iterator[Key]:
        """Yield the children that can be read, at most CHILDREN_LIMIT."""

    @abstractmethod
    def values(self) -> Mapping[str, Value]:
        """Return the values by lower-case name, "" for the default value."""

    def at(self, path: str) -> Key | None:
        """Follow a path of names with backslashes."""
        key: Key | None = self
        for name in path.split("\\"):
            key = key.child(name) if key else None
        return key

    def under(self, path: str) -> Iterator[Key]:
        """Yield the children of the key at a path, nothing when it is absent."""
        key = self.at(path)
        if key:
            yield from key.children()

    def text(self, name: str) -> str:
        """Return a value in words, "" when absent."""
        value = self.values().get(name.lower())
        return value.text if value else ""

    def number(self, name: str) -> int | None:
        """Return a value as a number, None when it is absent or none."""
        value = self.values().get(name.lower())
        return value.number if value else None

    def written_text(self) -> str:
        """Return the last-written time as ISO 8601 with Z, "" when unknown."""
        return iso(self.written)


def iso(moment: datetime | None) -> str:
    """Format a UTC time as ISO 8601 to the second, "" for None."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""


def filled(**fields: str) -> dict[str, str]:
    """Return the fields that are not empty."""
    return {name: value for name, value in fields.items() if value}


@dataclass(eq=False)
class TextKey(Key):
    """A key built from text. `kept` and `branches` are filled by its reader."""

    name: str
    path: str
    kept: dict[str, Value] = field(default_factory=dict[str, Value])
    branches: dict[str, TextKey] = field(default_factory=dict[str, "TextKey"])

    @property
    def written(self) -> datetime | None:
        """Text has no times."""
        return None

    def child(self, name: str) -> TextKey | None:
        """Find a child by name, in any case."""
        return self.branches.get(name.lower())

    def children(self) -> Iterator[Key]:
        """Yield the children in the text's order."""
        yield from self.branches.values()

    def values(self) -> Mapping[str, Value]:
        """Return the values by lower-case name."""
        return self.kept

    def grow(self, path: str) -> TextKey:
        """Return the key at a path below, made where it is absent."""
        key = self
        for name in path.split("\\")[:64]:
            found = key.branches.get(name.lower())
            if found is None:
                found = key.branches[name.lower()] = TextKey(name, f"{key.path}\\{name}".lstrip("\\"))
            key = found
        return key
