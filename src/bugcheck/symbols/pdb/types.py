"""Type records → TypeLayout, EnumLayout: structures by name, laid out when asked for.

Source: as type_records.py; the basic types are `cvinfo.h`'s TYPE_ENUM_e (T_*).

Folklore:
    Compilers place the members of an unnamed union in the structure around it themselves.  Members whose name is
    empty (other producers) are lifted here.
    A bit-field's type is the integer it lives in; `ULONG : 0` leaves no trace.
    Unnamed structures share one name (`<unnamed-tag>`, `__unnamed`), also inside one structure.  Here they carry their
    type index behind it (`_MMPFN::<unnamed-tag>@1a2b`), by which `layout` finds the very one a member has.
    The same structure may be defined twice, whole in one object file and opaque in another: the larger one counts.
"""

from __future__ import annotations

import struct
import zlib
from bisect import bisect_left
from collections.abc import Sequence

from bugcheck.symbols.pdb import type_records
from bugcheck.symbols.pdb.type_records import Field, NamedType
from bugcheck.symbols.types import EnumLayout, Member, TypeLayout, TypeRef, TypeTable

MEMBER_LIMIT = 100_000
"""Members, or enumerators, of one type."""

DEPTH_LIMIT = 24
"""Pointers, arrays and modifiers around one type."""

PART_LIMIT = 1024
"""Base classes and unnamed members that make up one type."""

NAMESAKE_LIMIT = 64
"""Definitions of one name that are compared."""

VTABLE_NAME = "__VFN_table"
"""Name of the pointer to virtual functions, as WinDbg prints it."""

_UNNAMED = ("<unnamed-tag>", "<anonymous-tag>", "__unnamed", "<unnamed-type>", "<anonymous-type>")
_UNKNOWN = TypeRef("unknown", "", 0)
_U16 = struct.Struct("<H")
_TWO = struct.Struct("<II")
_BITS = struct.Struct("<IBB")
_POINTER_SIZES = {1: 2, 2: 4, 3: 4, 4: 4, 5: 6, 6: 8, 7: 16}
_BASIC = {
    0x03: ("void", "void", 0, False),
    0x08: ("integer", "HRESULT", 4, True),
    0x10: ("char", "char", 1, True),
    0x70: ("char", "char", 1, True),
    0x20: ("integer", "unsigned char", 1, False),
    0x68: ("integer", "signed char", 1, True),
    0x69: ("integer", "unsigned char", 1, False),
    0x71: ("char", "wchar_t", 2, False),
    0x7A: ("char", "char16_t", 2, False),
    0x7B: ("char", "char32_t", 4, False),
    0x7C: ("char", "char8_t", 1, False),
    0x11: ("integer", "short", 2, True),
    0x72: ("integer", "short", 2, True),
    0x21: ("integer", "unsigned short", 2, False),
    0x73: ("integer", "unsigned short", 2, False),
    0x12: ("integer", "long", 4, True),
    0x22: ("integer", "unsigned long", 4, False),
    0x74: ("integer", "int", 4, True),
    0x75: ("integer", "unsigned int", 4, False),
    0x13: ("integer", "__int64", 8, True),
    0x76: ("integer", "__int64", 8, True),
    0x23: ("integer", "unsigned __int64", 8, False),
    0x77: ("integer", "unsigned __int64", 8, False),
    0x14: ("integer", "__int128", 16, True),
    0x78: ("integer", "__int128", 16, True),
    0x24: ("integer", "unsigned __int128", 16, False),
    0x79: ("integer", "unsigned __int128", 16, False),
    0x30: ("bool", "bool", 1, False),
    0x31: ("bool", "bool", 2, False),
    0x32: ("bool", "bool", 4, False),
    0x33: ("bool", "bool", 8, False),
    0x40: ("float", "float", 4, True),
    0x41: ("float", "double", 8, True),
    0x42: ("float", "long double", 10, True),
    0x43: ("float", "__float128", 16, True),
    0x46: ("float", "__half", 2, True),
}


class PdbTypes(TypeTable):
    """The types of one PDB, on its index's tables (see TypeIndex)."""

    def __init__(
        self, records: memoryview | bytes, offsets: Sequence[int], lookup: Sequence[int], begin: int, pointer_size: int
    ) -> None:
        """Place the table on records; `pointer_size` in bytes is that of pointers whose record names none."""
        self._records = records
        self._offsets = offsets
        self._lookup = lookup
        self._begin = begin
        self._pointer_size = pointer_size
        self._seen: dict[int, TypeRef] = {}
        self._layouts: dict[str, TypeLayout | None] = {}

    def layout(self, name: str) -> TypeLayout | None:
        """Find a structure or union by name, with or without its leading underscore; None when there is none."""
        if name not in self._layouts:
            number = self._unnamed_number(name) if "@" in name else self._number_of(name, enumeration=False)
            self._layouts[name] = None if number is None else self._lay_out(number)
        return self._layouts[name]

    def enumeration(self, name: str) -> EnumLayout | None:
        """Find an enumeration by name, with or without its leading underscore; None when there is none."""
        number = self._number_of(name, enumeration=True)
        found = None if number is None else self._named(number)
        if found is None:
            return None
        integer = self._integer(found)
        values: dict[str, int] = {}
        for field in self._fields(found.fields):
            if field.leaf == type_records.ENUMERATOR:
                values.setdefault(_text(field.name), _wrap(field.value, integer))
        return EnumLayout(_text(found.name), integer.size, values)

    def names(self) -> Sequence[str]:
        """List the names of all structures, unions and enumerations that are defined, sorted."""
        found = (self._named(entry & 0xFFFF_FFFF) for entry in self._lookup)
        return sorted({_text(named.name) for named in found if named is not None})

    def type_at(self, index: int) -> TypeRef:
        """Describe the type of a type index; kind "unknown" when the PDB has none of that index."""
        return self._type(index, 0)

    def _record(self, number: int) -> tuple[int, int]:
        """Find where the leaf of record `number` begins and where the record ends; (0, 0) when it is not there."""
        if not 0 <= number < len(self._offsets) - 1:
            return 0, 0
        start, end = self._offsets[number], self._offsets[number + 1] - 2
        return (start, end) if 2 <= start <= end - 2 and end <= len(self._records) else (0, 0)

    def _named(self, number: int) -> NamedType | None:
        start, end = self._record(number)
        if not end or self._leaf(start) not in type_records.NAMED:
            return None
        return type_records.parse_named(self._records, start, end)

    def _leaf(self, start: int) -> int:
        return _U16.unpack_from(self._records, start)[0]

    def _number_of(self, name: str, enumeration: bool) -> int | None:
        """Find the record that defines a name: the largest of its namesakes."""
        for spelling in (name, "_" + name, name.removeprefix("_")):
            found = [
                (named.size, -number)
                for number, named in self._namesakes(spelling.encode(errors="replace"))
                if (named.leaf == type_records.ENUM) == enumeration
            ]
            if found:
                return -max(found)[1]
        return None

    def _unnamed_number(self, name: str) -> int | None:
        """Find the record of an unnamed type by the type index behind its name."""
        shared, _, index = name.rpartition("@")
        try:
            number = int(index, 16) - self._begin
        except ValueError:
            return None
        named = self._named(number)
        alike = named is not None and named.leaf != type_records.ENUM and _text(named.name) == shared
        return number if alike and _is_unnamed(shared) else None

    def _namesakes(self, name: bytes) -> list[tuple[int, NamedType]]:
        checksum = zlib.crc32(name) << 32
        position = bisect_left(self._lookup, checksum)
        found: list[tuple[int, NamedType]] = []
        for entry in self._lookup[position : position + NAMESAKE_LIMIT]:
            if entry >> 32 != checksum >> 32:
                break
            named = self._named(entry & 0xFFFF_FFFF)
            if named is not None and named.name == name:
                found.append((entry & 0xFFFF_FFFF, named))
        return found

    def _definition(self, number: int, named: NamedType) -> tuple[int, NamedType]:
        """Follow a forward reference to the definition, by decorated name where both have one."""
        if not named.properties & type_records.FORWARD_REFERENCE:
            return number, named
        wanted = self._unique(number, named)
        best = number, named
        for other, candidate in self._namesakes(named.name):
            alike = (candidate.leaf == type_records.ENUM) == (named.leaf == type_records.ENUM)
            if alike and self._unique(other, candidate) == wanted and candidate.size >= best[1].size:
                best = other, candidate
        return best

    def _unique(self, number: int, named: NamedType) -> bytes:
        start, end = self._record(number)
        return type_records.unique_name(self._records, start, end, named)

    def _type(self, index: int, depth: int) -> TypeRef:
        known = self._seen.get(index)
        if known is None:
            if depth > DEPTH_LIMIT:
                return _UNKNOWN
            known = self._basic(index) if index < self._begin else self._complex(index - self._begin, depth)
            self._seen[index] = known
        return known

    def _basic(self, index: int) -> TypeRef:
        kind, name, size, signed = _BASIC.get(index & 0xFF, ("unknown", "", 0, False))
        mode = index >> 8 & 15
        target = TypeRef(kind, name, size, signed)
        return TypeRef("pointer", "", _POINTER_SIZES.get(mode, self._pointer_size), target=target) if mode else target

    def _complex(self, number: int, depth: int) -> TypeRef:
        start, end = self._record(number)
        if end - start < 4:
            return _UNKNOWN
        try:
            return self._by_leaf(number, start, depth)
        except (struct.error, ValueError):
            return _UNKNOWN

    def _by_leaf(self, number: int, start: int, depth: int) -> TypeRef:
        """Describe a record by its leaf. Raises struct.error, ValueError when it is cut short."""
        leaf = self._leaf(start)
        if leaf in type_records.NAMED:
            return self._named_ref(number)
        if leaf == type_records.POINTER:
            target, attributes = _TWO.unpack_from(self._records, start + 2)
            size = attributes >> 13 & 63
            return TypeRef("pointer", "", size or self._pointer_size, target=self._type(target, depth + 1))
        if leaf == type_records.MODIFIER:
            return self._type(_TWO.unpack_from(self._records, start + 2)[0], depth + 1)
        if leaf == type_records.ARRAY:
            element = self._type(_TWO.unpack_from(self._records, start + 2)[0], depth + 1)
            size, _ = type_records.numeric(self._records, start + 10)
            return TypeRef("array", "", size, target=element, count=size // element.size if element.size else 0)
        if leaf in (type_records.PROCEDURE, type_records.METHOD):
            return TypeRef("function", "", 0)
        if leaf == type_records.BIT_FIELD:
            return self._type(_BITS.unpack_from(self._records, start + 2)[0], depth + 1)
        return _UNKNOWN

    def _named_ref(self, number: int) -> TypeRef:
        named = self._named(number)
        if named is None:
            return _UNKNOWN
        number, named = self._definition(number, named)
        name = _text(named.name)
        if _is_unnamed(name):
            name = f"{name}@{self._begin + number:x}"
        if named.leaf == type_records.ENUM:
            integer = self._integer(named)
            return TypeRef("enum", name, integer.size, integer.signed)
        return TypeRef("union" if named.leaf == type_records.UNION else "struct", name, named.size)

    def _integer(self, enumeration: NamedType) -> TypeRef:
        """Describe what an enumeration is stored in, which is always a basic type."""
        return self._basic(enumeration.underlying) if enumeration.underlying < self._begin else _UNKNOWN

    def _lay_out(self, number: int) -> TypeLayout | None:
        named = self._named(number)
        if named is None:
            return None
        number, named = self._definition(number, named)
        members = self._members(number, named)
        kind = "union" if named.leaf == type_records.UNION else "struct"
        return TypeLayout(_text(named.name), kind, named.size, members)

    def _members(self, number: int, named: NamedType) -> dict[str, Member]:
        """Collect a type's own members first, then those of its bases and unnamed parts, which its own hide."""
        members: dict[str, Member] = {}
        parts = [(number, named, 0)]
        placed = {(number, 0)}
        left = MEMBER_LIMIT
        for _, part, base in parts:
            fields = self._fields(part.fields)[:left]
            left -= len(fields)
            for field in fields:
                if field.leaf == type_records.BASE or (field.leaf == type_records.MEMBER and not field.name):
                    inner = self._part(field, base)
                    if inner is not None and (inner[0], inner[2]) not in placed and len(parts) < PART_LIMIT:
                        placed.add((inner[0], inner[2]))
                        parts.append(inner)
                elif field.leaf in (type_records.MEMBER, type_records.VTABLE):
                    member = self._member(field, base)
                    members.setdefault(member.name, member)
        return members

    def _part(self, field: Field, base: int) -> tuple[int, NamedType, int] | None:
        """Find the definition of a base class or unnamed member, and where it lies."""
        named = self._named(field.type - self._begin)
        if named is None:
            return None
        return *self._definition(field.type - self._begin, named), base + field.value

    def _member(self, field: Field, base: int) -> Member:
        name = _text(field.name) if field.leaf == type_records.MEMBER else VTABLE_NAME
        start, end = self._record(field.type - self._begin)
        if end - start >= 8 and self._leaf(start) == type_records.BIT_FIELD:
            target, count, position = _BITS.unpack_from(self._records, start + 2)
            return Member(name, base + field.value, self._type(target, 0), position, count)
        return Member(name, base + field.value, self._type(field.type, 0))

    def _fields(self, index: int) -> list[Field]:
        """Read a field list and the lists it goes on in."""
        found: list[Field] = []
        visited: set[int] = set()
        while index and index not in visited and len(found) < MEMBER_LIMIT:
            visited.add(index)
            start, end = self._record(index - self._begin)
            if not end or self._leaf(start) != type_records.FIELD_LIST:
                break
            index = 0
            for field in type_records.fields_of(bytes(self._records[start + 2 : end])):
                if isinstance(field, int):
                    index = field
                else:
                    found.append(field)
        return found


def _wrap(value: int, integer: TypeRef) -> int:
    """Give a value the sign of the integer it is stored in; clang writes -2 as 0xfffffffe."""
    bits = integer.size * 8
    value &= (1 << bits) - 1 if bits else -1
    return value - (1 << bits) if integer.signed and bits and value >> (bits - 1) else value


def _is_unnamed(name: str) -> bool:
    return not name or name.endswith(_UNNAMED)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
