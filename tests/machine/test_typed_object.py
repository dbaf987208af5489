"""Typed objects: a hand-made table of types, and Volatility's table for a real dump."""

from __future__ import annotations

import copy
import struct
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.archives.files import map_file
from bugcheck.dump.open import read_dump
from bugcheck.errors import BugcheckError, MemoryFault
from bugcheck.machine.machine import Machine
from bugcheck.machine.member_path import MissingMember, MissingType, find_layout, split_type_name
from bugcheck.machine.typed_object import (
    BrokenList,
    EnumValue,
    Pointer,
    TypedArray,
    TypedObject,
    container_of,
    object_at,
    walk_list,
)
from bugcheck.symbols.isf import open_isf
from bugcheck.symbols.types import EnumLayout, Member, TypeLayout, TypeRef, TypeTable
from tests.machine.flat_memory import FlatMemory

U32 = TypeRef("integer", "unsigned long", 4)
I32 = TypeRef("integer", "long", 4, signed=True)
U16 = TypeRef("integer", "unsigned short", 2)
CHAR = TypeRef("char", "char", 1, signed=True)
WCHAR = TypeRef("char", "wchar_t", 2)
VOID = TypeRef("void", "void", 0)
BASE = 0xFFFF_8000_0000_1000


def pointer_to(target: TypeRef) -> TypeRef:
    return TypeRef("pointer", "", 8, target=target)


def array_of(target: TypeRef, count: int) -> TypeRef:
    return TypeRef("array", "", count * target.size, target=target, count=count)


def layout(name: str, size: int, *members: Member, kind: str = "struct") -> TypeLayout:
    return TypeLayout(name, kind, size, {member.name: member for member in members})


class Table(TypeTable):
    def __init__(self, layouts: list[TypeLayout], enums: Mapping[str, EnumLayout] | None = None) -> None:
        self.layouts = {found.name: found for found in layouts}
        self.enums = enums or {}

    def layout(self, name: str) -> TypeLayout | None:
        return self.layouts.get(name)

    def enumeration(self, name: str) -> EnumLayout | None:
        return self.enums.get(name)


LIST_ENTRY = TypeRef("struct", "_LIST_ENTRY", 16)
STRING = TypeRef("struct", "_UNICODE_STRING", 16)
TYPES = Table(
    [
        layout(
            "_LIST_ENTRY",
            16,
            Member("Flink", 0, pointer_to(LIST_ENTRY)),
            Member("Blink", 8, pointer_to(LIST_ENTRY)),
        ),
        layout(
            "_UNICODE_STRING",
            16,
            Member("Length", 0, U16),
            Member("MaximumLength", 2, U16),
            Member("Buffer", 8, pointer_to(WCHAR)),
        ),
        layout("_INNER", 8, Member("Low", 0, U32), Member("Signed", 4, I32)),
        layout("_BITS", 4, Member("Whole", 0, U32), Member("Half", 0, U16), kind="union"),
        layout(
            "_THING",
            0x80,
            Member("Number", 0, U32),
            Member("Flag", 4, U32, 3, 1),
            Member("Field", 4, U32, 4, 7),
            Member("SignedField", 4, I32, 11, 3),
            Member("Inner", 8, TypeRef("struct", "_INNER", 8)),
            Member("Next", 0x10, pointer_to(TypeRef("struct", "_THING", 0x80))),
            Member("Links", 0x18, LIST_ENTRY),
            Member("Name", 0x28, array_of(CHAR, 8)),
            Member("Table", 0x30, array_of(U32, 3)),
            Member("Inners", 0x40, array_of(TypeRef("struct", "_INNER", 8), 2)),
            Member("State", 0x50, TypeRef("enum", "_STATE", 4)),
            Member("Text", 0x58, STRING),
            Member("Either", 0x68, TypeRef("union", "_BITS", 4)),
            Member("Nothing", 0x70, pointer_to(VOID)),
            Member("Ratio", 0x78, TypeRef("float", "double", 8)),
            Member("Opaque", 0x70, TypeRef("struct", "__unnamed", 8)),
        ),
        layout("__unnamed", 8, Member("Wrong", 0, U32)),
    ],
    {"_STATE": EnumLayout("_STATE", 4, {"Idle": 0, "Busy": 2})},
)


def memory_of_thing() -> FlatMemory:
    memory = FlatMemory({BASE: bytes(0x80), BASE + 0x1000: "Ünï\0x".encode("utf-16-le").ljust(0x20, b"\0")})
    memory.put(BASE, "II", 0x12345678, 1 << 3 | 0x55 << 4 | 0b101 << 11)
    memory.put(BASE + 8, "Ii", 7, -7)
    memory.put(BASE + 0x10, "QQQ", BASE, BASE + 0x18, BASE + 0x18)
    memory.regions[BASE][0x28:0x30] = b"disk\0\0\0\0"
    memory.put(BASE + 0x30, "III", 10, 20, 30)
    memory.put(BASE + 0x40, "IiIi", 1, -1, 2, -2)
    memory.put(BASE + 0x50, "I", 2)
    memory.put(BASE + 0x58, "HHIQ", 6, 16, 0, BASE + 0x1000)
    memory.put(BASE + 0x68, "I", 0xAABBCCDD)
    memory.put(BASE + 0x78, "Q", struct.unpack("<Q", struct.pack("<d", 0.25))[0])
    return memory


@pytest.fixture
def thing() -> TypedObject:
    return object_at("nt!_THING", BASE, memory_of_thing(), TYPES)


@pytest.mark.parametrize("name", ["nt!_THING", "_THING", "THING", "nt!THING"])
def test_a_type_is_found_with_and_without_module_and_underscore(name: str) -> None:
    assert find_layout(TYPES, name).name == "_THING"


def test_a_type_name_splits_at_its_module() -> None:
    assert split_type_name("nt!_EPROCESS") == ("nt", "_EPROCESS")
    assert split_type_name("_EPROCESS") == ("", "_EPROCESS")


def test_numbers_and_nested_structures_are_attributes(thing: TypedObject) -> None:
    assert thing.Number == 0x12345678
    inner = thing.Inner
    assert isinstance(inner, TypedObject)
    assert (inner.Low, inner.Signed) == (7, -7)
    assert thing["Inner.Signed"] == -7
    assert thing.Ratio == 0.25


def test_bit_fields_give_their_own_bits(thing: TypedObject) -> None:
    # "C Bit Fields", Microsoft C reference: from the lowest bit up; a signed field's highest bit is its sign.
    assert (thing.Flag, thing.Field, thing.SignedField) == (1, 0x55, 0b101 - 8)


def test_members_of_a_union_share_their_bytes(thing: TypedObject) -> None:
    assert (thing["Either.Whole"], thing["Either.Half"]) == (0xAABBCCDD, 0xCCDD)


def test_a_pointer_is_a_number_that_knows_its_target(thing: TypedObject) -> None:
    following = thing.Next
    assert isinstance(following, Pointer)
    assert following == BASE
    assert following.dereference() == thing
    assert following.object("_INNER").Low == 0x12345678
    nothing = thing.Nothing
    assert isinstance(nothing, Pointer)
    assert nothing == 0
    with pytest.raises(MissingType):
        nothing.dereference()


def test_an_array_is_a_bounded_list(thing: TypedObject) -> None:
    table, inners = thing.Table, thing.Inners
    assert isinstance(table, TypedArray)
    assert isinstance(inners, TypedArray)
    assert list(table) == [10, 20, 30]
    assert (table[-1], table[1:], len(table)) == (30, [20, 30], 3)
    assert thing["Table[2]"] == 30
    assert [inner.Signed for inner in inners if isinstance(inner, TypedObject)] == [-1, -2]
    assert thing["Inners[1].Signed"] == -2
    with pytest.raises(IndexError):
        table[3]
    with pytest.raises(MissingMember):
        thing["Table[3]"]


def test_an_enumeration_has_number_and_name(thing: TypedObject) -> None:
    state = thing.State
    assert isinstance(state, EnumValue)
    assert (int(state), state.name) == (2, "Busy")


def test_strings_give_their_text(thing: TypedObject) -> None:
    name, text = thing.Name, thing.Text
    assert isinstance(name, TypedArray)
    assert isinstance(text, TypedObject)
    assert name.text() == "disk"
    assert text.text() == "Ünï"
    buffer = text.Buffer
    assert isinstance(buffer, Pointer)
    assert buffer.text() == "Ünï"


def test_a_missing_member_is_a_typed_absence(thing: TypedObject) -> None:
    with pytest.raises(MissingMember) as caught:
        thing["Inner.Gone"]
    assert (caught.value.type, caught.value.member) == ("_THING", "Inner.Gone")
    assert isinstance(caught.value, BugcheckError)
    assert thing.get("Inner.Gone", 5) == 5
    assert thing.get("Inner.Low", 5) == 7
    assert thing.get("Number.Low") is None
    assert thing.has("Inner.Low")
    assert not thing.has("Inner.Gone")
    assert "Inner.Low" in thing
    assert "Gone" not in thing
    assert not hasattr(thing, "Gone")


def test_a_member_of_an_unnamed_type_is_never_guessed(thing: TypedObject) -> None:
    assert not thing.has("Opaque.Wrong")
    for name in ("__unnamed", "_THING::<unnamed-tag>"):
        with pytest.raises(MissingType):
            find_layout(TYPES, name)
    with pytest.raises(MissingType):
        _ = thing.Opaque


def test_unreadable_bytes_raise_memory_faults() -> None:
    lost = object_at("_THING", 0xFFFF_9000_0000_0000, memory_of_thing(), TYPES)
    with pytest.raises(MemoryFault):
        _ = lost.Number
    with pytest.raises(MemoryFault):
        lost.get("Number", 1)
    assert lost.try_get("Number") is None
    assert lost.try_get("Gone") is None


def test_addresses_of_members_and_their_containers(thing: TypedObject) -> None:
    assert thing.address_of("Inners[1].Signed") == BASE + 0x4C
    found = container_of(BASE + 0x18, "_THING", "Links", thing.memory, TYPES)
    assert found == thing
    assert copy.copy(thing) == thing


def linked(count: int, last: int | None = None) -> FlatMemory:
    """A list of `count` things behind a head at BASE; `last` is where the last one points (the head)."""
    memory = FlatMemory({BASE: bytes(0x1000 + 0x100 * count)})
    links = [BASE] + [BASE + 0x100 * number + 0x18 for number in range(1, count + 1)]
    for here, there in zip(links, [*links[1:], BASE if last is None else last], strict=True):
        memory.put(here, "Q", there)
    return memory


def test_a_list_is_walked_from_its_head() -> None:
    found = walk_list(BASE, "_THING", "Links", linked(3), TYPES)
    assert [thing.address for thing in found] == [BASE + 0x100, BASE + 0x200, BASE + 0x300]
    assert list(walk_list(BASE, "_THING", "Links", linked(0), TYPES)) == []


@pytest.mark.parametrize(
    ("last", "limit", "reason"),
    [(BASE + 0x118, 99, "runs into itself"), (0x10, 99, "unreadable"), (None, 2, "too long")],
)
def test_a_broken_list_says_so_after_what_it_has(last: int | None, limit: int, reason: str) -> None:
    found: list[TypedObject] = []
    with pytest.raises(BrokenList, match=reason) as caught:
        found.extend(walk_list(BASE, "_THING", "Links", linked(3, last), TYPES, limit))
    assert caught.value.count >= 2


def test_lines_look_like_the_debuggers(thing: TypedObject) -> None:
    # "dt (Display Type)", Microsoft debugger documentation: the forms of types and values.
    lines = {line.name: (f"+0x{line.offset:03x}", line.type, line.value) for line in thing.to_lines()}
    assert lines["Number"] == ("+0x000", "Uint4B", "0x12345678")
    assert lines["Flag"] == ("+0x004", "Pos 3, 1 Bit", "0y1")
    assert lines["Field"] == ("+0x004", "Pos 4, 7 Bits", "0y1010101 (0x55)")
    assert lines["Next"] == ("+0x010", "Ptr64 _THING", "0xffff8000`00001000 _THING")
    assert lines["Nothing"] == ("+0x070", "Ptr64 Void", "(null)")
    assert lines["Name"] == ("+0x028", "[8] Char", '[8]  "disk"')
    assert lines["State"] == ("+0x050", "_STATE", "2 ( Busy )")
    assert lines["Text"] == ("+0x058", "_UNICODE_STRING", '_UNICODE_STRING "Ünï"')
    assert lines["Links"][2] == "_LIST_ENTRY [ 0xffff8000`00001018 - 0xffff8000`00001018 ]"
    assert lines["Inner"][2] == "_INNER"
    assert str(thing.to_lines()[0]) == "   +0x000 Number           : 0x12345678"


def test_lines_of_inner_structures_keep_the_outer_offset(thing: TypedObject) -> None:
    nested = [(line.name, line.offset) for line in thing.to_lines(1) if line.depth == 1]
    assert ("Signed", 0xC) in nested
    assert ("Flink", 0x18) in nested


def test_lines_of_unreadable_memory_are_question_marks() -> None:
    lost = object_at("_THING", 0x10, memory_of_thing(), TYPES)
    assert {line.value for line in lost.to_lines() if line.type == "Uint4B"} == {"????"}


KINDS = st.sampled_from(
    ["integer", "float", "bool", "char", "pointer", "struct", "union", "enum", "array", "function", "void", "unknown"]
)
SIZES = st.one_of(st.integers(0, 20), st.sampled_from([1 << 16, 1 << 32]))
REFS = st.recursive(
    st.builds(TypeRef, KINDS, st.sampled_from(["_A", "_LIST_ENTRY", "__unnamed", ""]), SIZES, st.booleans()),
    lambda inner: st.builds(TypeRef, KINDS, st.just("_A"), SIZES, st.booleans(), inner, SIZES),
    max_leaves=4,
)
BITS = st.one_of(st.none(), st.integers(0, 1 << 32))
MEMBERS = st.builds(Member, st.text("abc", min_size=1, max_size=2), st.integers(0, 1 << 33), REFS, BITS, BITS)


@given(st.lists(MEMBERS, max_size=6), st.binary(min_size=64, max_size=64), st.integers(0, (1 << 64) - 1))
def test_hostile_types_and_bytes_raise_only_our_errors(members: list[Member], data: bytes, address: int) -> None:
    types = Table([layout("_A", 1 << 32, *members), *TYPES.layouts.values()], TYPES.enums)
    memory = FlatMemory({BASE: data})
    for place in (BASE, address):
        target = object_at("_A", place, memory, types)
        assert len(target.to_lines(3)) < 20_100
        for member in members:
            try:
                value = target[member.name]
                if isinstance(value, (TypedArray, TypedObject)):
                    value.bytes()
                elif isinstance(value, Pointer):
                    value.dereference()
            except BugcheckError:
                pass


NAMES = st.sampled_from(["Inner", "Inners", "Table", "Low", "Number", "Links", "Flink", "Either", "Half", "Gone", ""])
INDEX = st.sampled_from(["", "[0]", "[1]", "[9]", "[-1]", "[", "]", "[x]", "[0][0]", "[99999999999]"])


@given(st.lists(st.builds(str.__add__, NAMES, INDEX), max_size=4), st.text(max_size=3))
def test_any_path_is_a_member_or_missing(parts: list[str], tail: str) -> None:
    path = ".".join(parts) + tail
    target = object_at("_THING", BASE, memory_of_thing(), TYPES)
    if target.has(path):
        assert BASE <= target.address_of(path) < BASE + 0x80
        assert target.get(path) is not None
    else:
        assert target.get(path, 77) == 77
        with pytest.raises(MissingMember):
            target.address_of(path)


def test_a_path_of_many_parts_is_missing_at_once() -> None:
    assert not object_at("_THING", BASE, memory_of_thing(), TYPES).has(".".join(["Inner"] * 100_000))


# --- the ISF table that matches a real dump ---


@pytest.fixture(scope="module")
def triage(corpus: Path) -> tuple[Machine, TypeTable]:
    table = open_isf(str(corpus / "symbols/isf/ntkrnlmp.pdb-5278AFF86C341677D7D7835C85B7B844-1.json.xz")).types
    assert table is not None
    return Machine(read_dump(map_file(str(corpus / "kernel/rizinorg__rizin-testbins__triage_x64.dmp")))), table


@pytest.mark.corpus
def test_a_real_thread_leads_to_its_process(triage: tuple[Machine, TypeTable]) -> None:
    machine, types = triage
    assert machine.thread is not None
    assert machine.process is not None
    thread = object_at("nt!_ETHREAD", machine.thread.address, machine.memory, types)
    # The shipped offsets and the table of symbols are two sources for the same members.
    assert (thread["Cid.UniqueThread"], thread["Cid.UniqueProcess"]) == (machine.thread.id, machine.thread.process_id)
    process_pointer = thread["Tcb.ApcState.Process"]
    assert isinstance(process_pointer, Pointer)
    assert process_pointer == machine.process.address
    process = process_pointer.object("EPROCESS")
    name = process.ImageFileName
    assert isinstance(name, TypedArray)
    assert name.text() == "System"
    assert process.UniqueProcessId == 4
    assert process["Pcb.DirectoryTableBase"] == machine.process.directory_table_base
    assert process["Pcb.Header.Type"] == 3  # KOBJECTS.ProcessObject
    assert container_of(process.address_of("ActiveProcessLinks"), "_EPROCESS", "ActiveProcessLinks", machine.memory,
                        types) == process  # fmt: skip


@pytest.mark.corpus
def test_the_process_list_of_a_real_dump_is_walked_through_types(triage: tuple[Machine, TypeTable]) -> None:
    machine, types = triage
    assert machine.dump.kernel is not None
    head = machine.dump.kernel.active_process_head
    found = walk_list(head, "nt!_EPROCESS", "ActiveProcessLinks", machine.memory, types)
    # The machine walks the same list by shipped offsets and leaves out processes whose id the dump does not hold.
    known = [process for process in found if process.try_get("UniqueProcessId") is not None]
    assert [process.address for process in known] == [process.address for process in machine.processes]
    assert len(known) == 4


@pytest.mark.corpus
def test_all_members_of_a_real_structure_are_described(triage: tuple[Machine, TypeTable]) -> None:
    machine, types = triage
    assert machine.process is not None
    lines = object_at("_EPROCESS", machine.process.address, machine.memory, types).to_lines(8)
    assert len(lines) > 500
    assert {line.value for line in lines if line.name == "ImageFileName" and line.depth == 0} == {'[15]  "System"'}
    assert "????" not in {line.value for line in lines}
