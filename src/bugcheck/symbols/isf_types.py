"""Types of a Volatility symbol table → layouts.

Source: Volatility 3's schemas (volatility3/schemas/schema-6.2.0.json) for the form of user_types, enums and base_types.

Folklore:
    Members of unnamed structures already lie in their parent in tables made from PDBs; tables made from DWARF mark
    them `anonymous`, and they are lifted here.
    `wchar` and `bool` are base types of kind "int" and "bool"; a pointer's size is that of the base type `pointer`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from bugcheck.symbols.isf_index import BASE, ENUM, TYPE
from bugcheck.symbols.types import EnumLayout, Member, TypeLayout, TypeRef, TypeTable

DEPTH_LIMIT = 16
"""Pointers and arrays nested in one another that are followed."""

LIFTED_LIMIT = 200
"""Unnamed structures and unions whose members are lifted into one type."""

SIZE_LIMIT = 1 << 32
"""Bytes of a type, elements of an array."""

_BASE_KINDS = {"int": "integer", "char": "char", "float": "float", "bool": "bool", "void": "void"}
_UNKNOWN = TypeRef("unknown", "", 0)
Json = dict[str, Any]


class IsfTypes(TypeTable):
    """Types looked up by name. `entry` gives the parsed JSON of a kind and name, or an empty dictionary."""

    def __init__(self, entry: Callable[[int, str], Json]) -> None:
        self._entry = entry
        self._layouts: dict[str, TypeLayout | None] = {}

    def layout(self, name: str) -> TypeLayout | None:
        """Find a structure or union by name, with or without its leading underscore; None when there is none."""
        if name not in self._layouts:
            found = self._layout(name) or self._layout("_" + name)
            self._layouts[name] = found or (self._layout(name[1:]) if name.startswith("_") else None)
        return self._layouts[name]

    def enumeration(self, name: str) -> EnumLayout | None:
        """Find an enumeration by name; None when there is none."""
        for spelling in (name, "_" + name, name.removeprefix("_")):
            if raw := self._entry(ENUM, spelling):
                constants = _dictionary(raw.get("constants"))
                values = {key: value for key, value in constants.items() if isinstance(value, int)}
                return EnumLayout(spelling, _number(raw.get("size")), values)
        return None

    def _layout(self, name: str) -> TypeLayout | None:
        raw = self._entry(TYPE, name)
        if not raw:
            return None
        members: dict[str, Member] = {}
        self._collect(raw, 0, members, {name})
        kind = "union" if raw.get("kind") == "union" else "struct"
        ordered = sorted(members.values(), key=lambda member: (member.offset, member.bit_position or 0))
        return TypeLayout(name, kind, _number(raw.get("size")), {member.name: member for member in ordered})

    def _collect(self, raw: Json, base: int, members: dict[str, Member], lifted: set[str]) -> None:
        """Add a type's members; those of unnamed types once each, for in C their names could not be told apart."""
        for name, field in _dictionary(raw.get("fields")).items():
            field = _dictionary(field)
            kind = _dictionary(field.get("type"))
            offset = base + _number(field.get("offset"))
            inner = _text(kind.get("name"))
            if field.get("anonymous") is not True:
                members.setdefault(name, self._member(name, offset, kind))
            elif inner not in lifted and len(lifted) < LIFTED_LIMIT:
                lifted.add(inner)
                self._collect(self._entry(TYPE, inner), offset, members, lifted)

    def _member(self, name: str, offset: int, raw: Json) -> Member:
        if raw.get("kind") != "bitfield":
            return Member(name, offset, self._type(raw, DEPTH_LIMIT))
        position, count = _number(raw.get("bit_position")), _number(raw.get("bit_length"))
        return Member(name, offset, self._type(_dictionary(raw.get("type")), DEPTH_LIMIT), position, count)

    def _type(self, raw: Json, depth: int) -> TypeRef:
        if not depth:
            return _UNKNOWN
        kind, name = raw.get("kind"), _text(raw.get("name"))
        if kind == "base":
            return self._base(name)
        if kind in ("struct", "class", "union"):
            entry = self._entry(TYPE, name)
            actual = "union" if "union" in (kind, entry.get("kind")) else "struct"
            return TypeRef(actual, name, _number(entry.get("size")))
        if kind == "enum":
            return TypeRef("enum", name, _number(self._entry(ENUM, name).get("size")))
        if kind == "function":
            return TypeRef("function", name, 0)
        return self._derived(raw, depth)

    def _derived(self, raw: Json, depth: int) -> TypeRef:
        target = self._type(_dictionary(raw.get("subtype")), depth - 1)
        if raw.get("kind") == "pointer":
            return TypeRef("pointer", "", _number(self._entry(BASE, "pointer").get("size")), target=target)
        if raw.get("kind") == "array":
            count = _number(raw.get("count"))
            return TypeRef("array", "", min(count * target.size, SIZE_LIMIT), target=target, count=count)
        return _UNKNOWN

    def _base(self, name: str) -> TypeRef:
        raw = self._entry(BASE, name)
        kind = _BASE_KINDS.get(_text(raw.get("kind")), "unknown")
        return TypeRef(kind, name, _number(raw.get("size")), signed=raw.get("signed") is True)


def _dictionary(value: object) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value <= SIZE_LIMIT else 0
