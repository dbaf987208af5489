"""Layouts, beside llvm-pdbutil's (committed), the C sources of the fixtures, and hand-made records."""

from __future__ import annotations

import struct
import time
from array import array

import pytest

from bugcheck.errors import CorruptDump
from bugcheck.symbols.pdb.type_records import index_types
from bugcheck.symbols.pdb.types import VTABLE_NAME, PdbTypes
from bugcheck.symbols.types import TypeLayout, TypeRef
from tests.symbols.pdb.fixtures import NAMES, expected, open_fixture


def types_of(name: str) -> PdbTypes:
    symbols = open_fixture(name)
    assert symbols.types is not None
    return symbols.types


@pytest.mark.parametrize("name", NAMES)
def test_layouts_are_those_of_llvm_pdbutil(name: str) -> None:
    types = types_of(name)
    compared = 0
    for type_name, (size, members) in expected(name)["types"].items():
        if "<unnamed-tag>" in type_name:
            continue  # three types share that name
        layout = types.layout(type_name)
        assert layout is not None
        assert layout.size == size
        for member, offset, *bits in members:
            found = layout.member(member)
            assert found is not None
            assert [found.offset, found.bit_position, found.bit_count] == [offset, *(bits or [None, None])]
        compared += len(members)
    assert compared >= 20


def thing(name: str) -> TypeLayout:
    layout = types_of(name).layout("_THING")
    assert layout is not None
    return layout


def test_members_have_the_types_of_the_source() -> None:
    # struct _THING of fixture.c, compiled for x64
    members = thing("x64").members
    assert members["Links"].type == TypeRef("struct", "_LIST_ENTRY", 16)
    assert members["Name"].type == TypeRef("array", "", 15, target=TypeRef("integer", "unsigned char", 1), count=15)
    assert members["State"].type == TypeRef("enum", "_STATE", 4, signed=True)
    assert members["Value"].type == TypeRef("union", "_VALUE", 8)
    assert members["Pointer"].offset == members["Number"].offset
    assert members["Pointer"].type == TypeRef("pointer", "", 8, target=TypeRef("void", "void", 0))
    assert members["Next"].type == TypeRef("pointer", "", 8, target=TypeRef("struct", "_THING", 232))
    assert members["Unseen"].type.target == TypeRef("struct", "_UNSEEN", 0)
    assert members["Callback"].type == TypeRef("pointer", "", 8, target=TypeRef("function", "", 0))
    assert members["Text"].type.target == TypeRef("char", "char", 1, signed=True)
    assert members["Real"].type == TypeRef("float", "double", 8, signed=True)
    row = TypeRef("array", "", 32, target=TypeRef("integer", "unsigned long", 4), count=8)
    assert members["Table"].type == TypeRef("array", "", 128, target=row, count=4)


def test_pointers_have_four_bytes_on_x86() -> None:
    members = thing("x86").members
    assert members["Next"].type.size == 4
    assert members["Pointer"].type == TypeRef("pointer", "", 4, target=TypeRef("void", "void", 0))
    assert members["Links"].type.size == 8


def test_unnamed_structures_are_told_apart() -> None:
    # the unnamed union and the structure Inner of _THING share the name "_THING::<unnamed-tag>"
    types = types_of("x64")
    inner = types.layout(thing("x64").members["Inner"].type.name)
    assert inner is not None
    assert {name: m.offset for name, m in inner.members.items()} == {"Length": 0, "Spare": 2}
    for nonsense in ("_THING::<unnamed-tag>@zz", "_THING::<unnamed-tag>@ffffffff", "_THING@101c", "@"):
        assert types.layout(nonsense) is None


def test_bit_fields() -> None:
    types = types_of("x64")
    bits = types.layout("_BITS")
    assert bits is not None
    signed = bits.members["Signed"]
    assert (signed.offset, signed.bit_position, signed.bit_count, signed.type.name) == (4, 0, 5, "int")
    value = types.layout("_VALUE")
    assert value is not None
    assert value.kind == "union"
    assert {name: member.offset for name, member in value.members.items()} == {
        "Quad": 0,
        "Low": 0,
        "High": 4,
        "Bits": 0,
    }


def test_bases_virtual_table_and_nested_types() -> None:
    # class Square of shapes.cpp on x64: a virtual table and base_value from Base, second_value from Second
    square = types_of("x64").layout("shapes::Square")
    assert square is not None
    assert square.offset("nested") is not None
    assert square.offset("base_value") == 8
    assert square.offset("second_value") == 16
    assert square.offset(VTABLE_NAME) == 0
    assert square.offset("count") is None  # a static member lies elsewhere
    pair = square.members["pair"].type
    assert (pair.kind, pair.name, pair.size) == ("struct", "shapes::Pair<int>", 8)


def test_enumerations() -> None:
    types = types_of("x64")
    state = types.enumeration("_STATE")
    assert state is not None
    values = {"StateIdle": 0, "StateRunning": 1, "StateBroken": -2, "StateLarge": 0x12345678}  # fixture.c
    assert (state.size, state.values) == (4, values)
    kind = types.enumeration("shapes::Square::Kind")
    assert kind is not None
    assert (kind.size, kind.values) == (1, {"Small": 1, "Large": 200})  # shapes.cpp
    assert types.layout("_STATE") is None
    assert types.enumeration("_THING") is None


def test_names_with_and_without_their_underscore() -> None:
    types = types_of("x64")
    assert types.layout("THING") == types.layout("_THING")
    assert types.layout("__THING") == types.layout("_THING")
    assert types.layout("_UNSEEN") is None
    assert types.layout("NOTHING") is None
    assert types.layout("\ud800") is None
    assert "_THING" in types.names()


def record(leaf: int, body: bytes) -> bytes:
    body += bytes(-(len(body) + 4) % 4)
    return struct.pack("<HH", len(body) + 2, leaf) + body


def tpi(*records: bytes) -> PdbTypes:
    body = b"".join(records)
    header = struct.pack("<5I", 20040203, 56, 0x1000, 0x1000 + len(records), len(body)).ljust(56, b"\0")
    index = index_types(header + body, "made.pdb")
    return PdbTypes(index.records, index.offsets, index.lookup, index.begin, 8)


def structure(name: str, fields: int, size: int = 8) -> bytes:
    return record(0x1505, struct.pack("<HHIIIH", 0, 0, fields, 0, 0, size) + name.encode() + b"\0")


def member(name: str, kind: int, offset: bytes) -> bytes:
    field = struct.pack("<HHI", 0x150D, 3, kind) + offset + name.encode() + b"\0"
    return field + bytes(range(0xF0 + -len(field) % 4, 0xF0, -1))


def test_large_offsets_and_continued_lists() -> None:
    more = record(0x1203, member("far", 0x74, struct.pack("<HI", 0x8004, 0x12345)))
    first = record(0x1203, member("near", 0x74, struct.pack("<H", 4)) + struct.pack("<HHI", 0x1404, 0, 0x1000))
    layout = tpi(more, first, structure("_BIG", 0x1001)).layout("_BIG")
    assert layout is not None
    assert {name: m.offset for name, m in layout.members.items()} == {"near": 4, "far": 0x12345}


def test_members_without_a_name_are_lifted() -> None:
    inner = record(0x1203, member("deep", 0x75, struct.pack("<H", 4)))
    outer = record(0x1203, member("", 0x1001, struct.pack("<H", 0x10)))
    layout = tpi(inner, structure("", 0x1000), outer, structure("_OUT", 0x1002)).layout("_OUT")
    assert layout is not None
    assert layout.offset("deep") == 0x14


def test_a_structure_of_newer_compilers() -> None:
    # LF_STRUCTURE19: microsoft-pdb issue 50
    fields = record(0x1203, member("a", 0x74, struct.pack("<H", 0)))
    newer = record(0x1609, struct.pack("<IIIIHH", 0, 0x1000, 0, 0, 1, 4) + b"_NEW\0")
    layout = tpi(fields, newer).layout("_NEW")
    assert layout is not None
    assert (layout.size, list(layout.members)) == (4, ["a"])


def test_the_larger_of_two_definitions_counts() -> None:
    fields = record(0x1203, member("a", 0x74, struct.pack("<H", 0)))
    types = tpi(fields, structure("_TWICE", 0, 0), structure("_TWICE", 0x1000, 4), structure("_TWICE", 0, 2))
    layout = types.layout("_TWICE")
    assert layout is not None
    assert (layout.size, list(layout.members)) == (4, ["a"])


def test_circles_end() -> None:
    around = record(0x1203, struct.pack("<HHI", 0x1404, 0, 0x1000))  # a list that goes on in itself
    own_base = record(0x1203, struct.pack("<HHIH", 0x1400, 3, 0x1003, 0) + b"\xf2\xf1")
    pointer = record(0x1002, struct.pack("<II", 0x1004, 0x1000C))
    enum = record(0x1507, struct.pack("<HHII", 0, 0, 0x1005, 0) + b"_E\0")  # stored in itself
    types = tpi(around, own_base, structure("_A", 0x1000), structure("_B", 0x1001), pointer, enum)
    assert types.layout("_A") == TypeLayout("_A", "struct", 8, {})
    assert types.layout("_B") == TypeLayout("_B", "struct", 8, {})
    assert types.type_at(0x1004).kind == "pointer"
    found = types.enumeration("_E")
    assert found is not None
    assert found.size == 0


def test_bases_of_bases_do_not_multiply() -> None:
    # each class has forty bases, all of them the class before, at forty places: 40**30 parts if nobody counts
    records: list[bytes] = [record(0x1203, member("x", 0x74, struct.pack("<H", 0))), structure("C0", 0x1000)]
    for level in range(1, 31):
        bases = b"".join(struct.pack("<HHIHH", 0x1400, 3, 0x1000 + len(records) - 1, 4 * n, 0xF1F2) for n in range(40))
        records += [record(0x1203, bases), structure(f"C{level}", 0x1000 + len(records))]
    start = time.process_time()
    layout = tpi(*records).layout("C30")
    assert layout is not None
    assert time.process_time() - start < 10


def test_headers_that_are_none() -> None:
    assert tpi().layout("_X") is None
    assert index_types(b"", "x").offsets == array("I")
    with pytest.raises(CorruptDump):
        index_types(struct.pack("<5I", 1, 56, 0x1000, 0xFFFF_FFFF, 0).ljust(56, b"\0"), "x")
    with pytest.raises(CorruptDump):
        index_types(struct.pack("<5I", 1, 56, 0x1000, 0x1001, 100).ljust(56, b"\0"), "x")
