"""Structure layouts: members, offsets, bit-fields, arrays and pointers, from whatever source has them.

A member that is not there is a fact as well: `TypeLayout.member` answers None and callers detect by presence.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from bugcheck.records import dataclass


@dataclass(frozen=True, slots=True)
class TypeRef:
    """The type of a member.

    Attributes:
        kind: "integer", "float", "bool", "char", "pointer", "struct", "union", "enum", "array", "function", "void",
            "unknown".
        name: "unsigned long", "_EPROCESS", …; "" for anonymous ones.
        size: in bytes. signed: for integers.
        target: of a pointer, element of an array. count: elements of an array.
    """

    kind: str
    name: str
    size: int
    signed: bool = False
    target: TypeRef | None = None
    count: int = 0


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a structure: offset in bytes; for bit-fields the lowest bit and the number of bits in `type`."""

    name: str
    offset: int
    type: TypeRef
    bit_position: int | None = None
    bit_count: int | None = None


@dataclass(frozen=True, slots=True)
class TypeLayout:
    """A structure, union or class.

    Attributes:
        name: as the symbols have it ("_EPROCESS"). kind: "struct" or "union". size: in bytes.
        members: by name, those of anonymous unions and structures and of base classes lifted into it.
    """

    name: str
    kind: str
    size: int
    members: Mapping[str, Member]

    def member(self, name: str) -> Member | None:
        """Find a member; None when this build has none of that name."""
        return self.members.get(name)

    def offset(self, name: str) -> int | None:
        """Offset in bytes of a member, or None."""
        found = self.members.get(name)
        return found.offset if found else None


@dataclass(frozen=True, slots=True)
class EnumLayout:
    """An enumeration: names and values."""

    name: str
    size: int
    values: Mapping[str, int]


class TypeTable(ABC):
    """Where layouts are looked up by name."""

    @abstractmethod
    def layout(self, name: str) -> TypeLayout | None:
        """Find a structure or union by name, with or without its leading underscore; None when there is none."""

    @abstractmethod
    def enumeration(self, name: str) -> EnumLayout | None:
        """Find an enumeration by name; None when there is none."""
