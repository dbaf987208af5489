"""TPI stream → type records: where each lies, and what the leaves of interest hold.

Source: `cvinfo.h` of Microsoft's microsoft-pdb repository (MIT) for leaves and their fields, LLVM's "The PDB TPI and
IPI Streams" (llvm.org/docs/PDB) for the stream.  LF_STRUCTURE19 is described in that repository's issue 50.

Folklore:
    A name's definition and its forward references share the name; MSVC's `__unnamed` types share it without being
    the same type, but those are always referred to directly.
    Field lists end at 64 KiB and go on in another record that LF_INDEX names, so a corrupt one can go in circles.
"""

from __future__ import annotations

import struct
import zlib
from array import array
from collections.abc import Iterator
from typing import NamedTuple

from bugcheck.errors import CorruptDump

MODIFIER, POINTER, PROCEDURE, METHOD = 0x1001, 0x1002, 0x1008, 0x1009
FIELD_LIST, BIT_FIELD, ARRAY, UNION, ENUM = 0x1203, 0x1205, 0x1503, 0x1506, 0x1507
CLASS, STRUCTURE, INTERFACE, CLASS19, STRUCTURE19 = 0x1504, 0x1505, 0x1519, 0x1608, 0x1609
"""LF_* of types that have a size or lead to one."""

STRUCTURES = frozenset((CLASS, STRUCTURE, INTERFACE, CLASS19, STRUCTURE19))
NAMED = STRUCTURES | {UNION, ENUM}
FORWARD_REFERENCE, HAS_UNIQUE_NAME = 0x80, 0x200
"""CV_prop_t bits."""

TYPE_LIMIT = 16_000_000
"""Type records that are indexed."""

_BASE, _VIRTUAL_BASE, _INDIRECT_VIRTUAL_BASE, _INDEX = 0x1400, 0x1401, 0x1402, 0x1404
_VFUNCTAB, _FRIEND, _VFUNC_OFFSET, _ENUMERATE = 0x1409, 0x140A, 0x140C, 0x1502
_FRIEND_FUNCTION, _MEMBER, _STATIC, _METHODS, _NESTED = 0x150C, 0x150D, 0x150E, 0x150F, 0x1510
_ONE_METHOD, _NESTED_EX, _MEMBER_MODIFY, _BASE_INTERFACE = 0x1511, 0x1512, 0x1513, 0x151A
_HEADER = struct.Struct("<IIIII")
_PREFIX = struct.Struct("<HH")
_U16_U32 = struct.Struct("<HI")
_U16 = struct.Struct("<H")
_STRUCTURE = struct.Struct("<HHIII")
_STRUCTURE19 = struct.Struct("<IIIIH")
_UNION = struct.Struct("<HHI")
_ENUM = struct.Struct("<HHII")
_NUMERIC = {
    0x8000: struct.Struct("<b"),
    0x8001: struct.Struct("<h"),
    0x8002: struct.Struct("<H"),
    0x8003: struct.Struct("<i"),
    0x8004: struct.Struct("<I"),
    0x8009: struct.Struct("<q"),
    0x800A: struct.Struct("<Q"),
}
_INTRODUCING = (4, 6)


class TypeIndex(NamedTuple):
    """Where type records lie.

    Attributes:
        begin: type index of the first one. records: their bytes.
        offsets: of each record's leaf in `records`; one more at the end.
        lookup: CRC-32 of a definition's name << 32 | its position in `offsets`, ascending.
    """

    begin: int
    records: bytes
    offsets: array[int]
    lookup: array[int]


class NamedType(NamedTuple):
    """A structure, union or enumeration record; `fields` is its field list's type index, `size` in bytes.

    For an enumeration `underlying` is the type index of its integer, and its size is that one's.
    """

    leaf: int
    properties: int
    fields: int
    size: int
    name: bytes
    underlying: int = 0


class Field(NamedTuple):
    """An entry of a field list.

    Attributes:
        leaf: MEMBER, BASE, VTABLE, ENUMERATOR. type: its type index.
        value: offset in bytes, or an enumerator's value.
    """

    leaf: int
    name: bytes
    type: int
    value: int


MEMBER, BASE, VTABLE, ENUMERATOR = _MEMBER, _BASE, _VFUNCTAB, _ENUMERATE
"""Leaves a Field may have."""


def index_types(stream: bytes, name: str) -> TypeIndex:
    """Find the records and named definitions of a TPI or IPI stream. Raises CorruptDump for a header that is none."""
    if len(stream) < 56:
        return TypeIndex(0x1000, b"", array("I"), array("Q"))
    _, header_size, begin, end, size = _HEADER.unpack_from(stream)
    if header_size < 56 or header_size + size > len(stream) or not begin <= end <= begin + TYPE_LIMIT:
        raise CorruptDump(name, "damaged header of the PDB's type stream")
    records = stream[header_size : header_size + size]
    offsets = array("I")
    lookup: list[int] = []
    position, limit, unpack, add = 0, len(records) - 4, _PREFIX.unpack_from, offsets.append
    while position <= limit and len(offsets) < end - begin:
        length, leaf = unpack(records, position)
        if length < 2 or position + 2 + length > len(records):
            break
        if leaf in NAMED:
            found = parse_named(records, position + 2, position + 2 + length)
            if found and not found.properties & FORWARD_REFERENCE and found.name:
                lookup.append(zlib.crc32(found.name) << 32 | len(offsets))
        add(position + 2)
        position += 2 + length
    add(position + 2)
    return TypeIndex(begin, records, offsets, array("Q", sorted(lookup)))


def parse_named(records: bytes | memoryview, start: int, end: int) -> NamedType | None:
    """Read a structure, union or enumeration whose leaf lies at `start`; None when it is cut short."""
    try:
        leaf = _U16.unpack_from(records, start)[0]
        if leaf == ENUM:
            _, properties, underlying, fields = _ENUM.unpack_from(records, start + 2)
            return NamedType(leaf, properties, fields, 0, _name(records, start + 14, end), underlying)
        if leaf == UNION:
            _, properties, fields = _UNION.unpack_from(records, start + 2)
            position = start + 10
        elif leaf in (CLASS19, STRUCTURE19):
            properties, fields, _, _, _ = _STRUCTURE19.unpack_from(records, start + 2)
            position = start + 20
        else:
            _, properties, fields, _, _ = _STRUCTURE.unpack_from(records, start + 2)
            position = start + 18
        size, position = numeric(records, position)
        return NamedType(leaf, properties, fields, size, _name(records, position, end))
    except (struct.error, ValueError):
        return None


def unique_name(records: bytes | memoryview, start: int, end: int, found: NamedType) -> bytes:
    """Read the decorated name behind a named type's own; empty when it has none."""
    if not found.properties & HAS_UNIQUE_NAME:
        return b""
    raw = bytes(records[start:end])
    first = raw.find(b"\0" if not found.name else found.name + b"\0")
    return raw[first + len(found.name) + 1 :].split(b"\0", 1)[0] if first >= 0 else b""


def numeric(records: bytes | memoryview, position: int) -> tuple[int, int]:
    """Read a numeric leaf: its value and the offset behind it.

    Raises:
        ValueError: a leaf that holds no integer. struct.error: the record ends in it.
    """
    leaf = _U16.unpack_from(records, position)[0]
    if leaf < 0x8000:
        return leaf, position + 2
    packer = _NUMERIC.get(leaf)
    if packer is None:
        raise ValueError(f"numeric leaf {leaf:#x}")
    return packer.unpack_from(records, position + 2)[0], position + 2 + packer.size


def _name(records: bytes | memoryview, position: int, end: int) -> bytes:
    return bytes(records[position:end]).split(b"\0", 1)[0]


def fields_of(record: bytes) -> Iterator[Field | int]:
    """Iterate over a field list from behind its leaf; an integer is the type index where the list goes on.

    Static members, methods, nested types and virtual bases are stepped over.  A leaf that is not known, or a cut-off
    one, ends the list: nothing behind it could be placed.
    """
    position, end = 0, len(record)
    try:
        while position + 4 <= end:
            if record[position] >= 0xF0:
                position += max(1, record[position] & 15)
                continue
            leaf, attributes = _PREFIX.unpack_from(record, position)
            field, position = _field(record, position + 4, leaf, attributes)
            if field is not None:
                yield field
            if isinstance(field, int):
                return
    except (struct.error, ValueError):
        return


def _field(record: bytes, position: int, leaf: int, attributes: int) -> tuple[Field | int | None, int]:
    """Read the entry whose leaf and first word were read already. Raises ValueError for one that is not known."""
    if leaf == _ENUMERATE:
        value, position = numeric(record, position)
        name, position = _field_name(record, position)
        return Field(leaf, name, 0, value), position
    type_index = int.from_bytes(record[position : position + 4], "little")
    position += 4
    if leaf == _MEMBER:
        value, position = numeric(record, position)
        name, position = _field_name(record, position)
        return Field(leaf, name, type_index, value), position
    if leaf in (_BASE, _BASE_INTERFACE):
        value, position = numeric(record, position)
        return Field(_BASE, b"", type_index, value), position
    if leaf == _VFUNCTAB:
        return Field(leaf, b"", type_index, 0), position
    if leaf == _INDEX:
        return type_index, position
    return None, _step_over(record, position, leaf, attributes)


def _step_over(record: bytes, position: int, leaf: int, attributes: int) -> int:
    """Find the end of an entry that is no part of the layout, from behind its type index."""
    if leaf in (_VIRTUAL_BASE, _INDIRECT_VIRTUAL_BASE):
        _, position = numeric(record, position + 4)
        return numeric(record, position)[1]
    if leaf == _ONE_METHOD:
        introducing = attributes >> 2 & 7 in _INTRODUCING
        return _field_name(record, position + 4 * introducing)[1]
    if leaf in (_STATIC, _METHODS, _NESTED, _NESTED_EX, _MEMBER_MODIFY, _FRIEND_FUNCTION):
        return _field_name(record, position)[1]
    if leaf == _FRIEND:
        return position
    if leaf == _VFUNC_OFFSET:
        return position + 4
    raise ValueError(f"leaf {leaf:#x} in a field list")


def _field_name(record: bytes, position: int) -> tuple[bytes, int]:
    end = record.find(b"\0", position)
    if end < 0:
        raise ValueError("a name without an end")
    return record[position:end], end + 1
