"""A type's layout and an address → an object whose members are attributes, read when asked for.

Source: layouts come from the symbols' types (symbols/types.py); how a member is laid down in memory is Microsoft's C:
little-endian, bit-fields from the lowest bit of the integer they live in ("C Bit Fields", Microsoft C reference).

Folklore:
    A member that this build does not have is normal (Windows renames and moves them): attribute access raises
    MissingMember, which is an AttributeError as well, so that `hasattr` and `getattr` with a default work.
    Old PDBs call every unnamed structure `__unnamed`.  Such a name tells no type, so what lies in one is "missing".
    A member whose name is one of this class's own (`address`, `get`) is reached by `object["address"]`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeVar, overload

from bugcheck.binary import decode_ascii, decode_utf16
from bugcheck.errors import BugcheckError, MemoryFault
from bugcheck.machine.member_path import MissingMember, MissingType, find_layout, locate, member_of
from bugcheck.memory.address_space import AddressSpace
from bugcheck.records import dataclass
from bugcheck.symbols.types import Member, TypeLayout, TypeRef, TypeTable

if TYPE_CHECKING:
    from bugcheck.machine.member_lines import MemberLine

LIST_LIMIT = 65536
"""Elements of a list that are followed."""

ARRAY_LIMIT = 1 << 20
"""Elements of an array that can be reached."""

BYTES_LIMIT = 1 << 20
"""Bytes that one member, text or array is read as."""

_FLOATS = {2: "<e", 4: "<f", 8: "<d"}
_T = TypeVar("_T")


class BrokenList(BugcheckError):
    """A list did not come back to its head.

    Attributes:
        head: address of the list's head. count: elements that were found. reason: one clause.
    """

    def __init__(self, head: int, count: int, reason: str) -> None:
        super().__init__(f"the list at {head:#x} {reason} after {count} elements")
        self.head = head
        self.count = count
        self.reason = reason


class TypedObject:
    """A structure or union at an address.

    Attributes:
        layout: its type. address: virtual address. memory: what it is read from. types: where further types are.
    """

    __slots__ = ("address", "layout", "memory", "types")

    def __init__(self, layout: TypeLayout, address: int, memory: AddressSpace, types: TypeTable) -> None:
        self.layout = layout
        self.address = address
        self.memory = memory
        self.types = types

    def __getattr__(self, name: str) -> Value:
        """Read a member. Raises MissingMember, MissingType (of a structure in it), MemoryFault."""
        if name in TypedObject.__slots__ or (name.startswith("__") and name.endswith("__")):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, path: str) -> Value:
        """Read a member by its path: `Tcb.ApcState`, `MajorFunction[14]`. Raises MissingMember, MemoryFault."""
        offset, member = locate(self.types, self.layout, path)
        return _member_value(member, self.address + offset, self.memory, self.types)

    @overload
    def get(self, path: str) -> Value | None: ...
    @overload
    def get(self, path: str, default: _T) -> Value | _T: ...
    def get(self, path: str, default: object = None) -> object:
        """Read a member, or answer `default` when this build has none of that path. Raises MemoryFault."""
        try:
            return self[path]
        except MissingMember:
            return default

    def try_get(self, path: str) -> Value | None:
        """Read a member; None when this build has none of that path or type, or its bytes are not to be had."""
        try:
            return self[path]
        except (MissingMember, MissingType, MemoryFault):
            return None

    def has(self, path: str) -> bool:
        """Tell whether the type has a member of that path."""
        try:
            locate(self.types, self.layout, path)
        except MissingMember:
            return False
        return True

    def __contains__(self, path: object) -> bool:
        """Tell whether the type has a member of that path."""
        return isinstance(path, str) and self.has(path)

    def address_of(self, path: str) -> int:
        """Virtual address of a member (of a bit-field: of the integer it lives in). Raises MissingMember."""
        return self.address + locate(self.types, self.layout, path)[0]

    def text(self) -> str:
        """Text of a UNICODE_STRING or STRING.

        Raises:
            MissingMember: the structure is neither. MemoryFault: the structure or its text is not to be had.
        """
        member = member_of(self.layout, "Buffer")
        length, buffer = self["Length"], self["Buffer"]
        if not isinstance(length, int) or not isinstance(buffer, Pointer):
            raise MissingMember(self.layout.name, "Buffer")
        target = member.type.target
        wide = target is None or target.size != 1
        raw = self.memory.read(int(buffer), length & (0xFFFE if wide else 0xFFFF))
        return decode_utf16(raw) if wide else decode_ascii(raw)

    def bytes(self) -> bytes:
        """Copy the structure's bytes, at most BYTES_LIMIT. Raises MemoryFault."""
        return self.memory.read(self.address, min(self.layout.size, BYTES_LIMIT))

    def members(self) -> Iterator[Member]:
        """Iterate over the members in the layout's order."""
        yield from self.layout.members.values()

    def to_lines(self, depth: int = 0) -> list[MemberLine]:
        """Describe every member as the debugger's `dt` does; structures in it too, `depth` levels deep (at most 8)."""
        from bugcheck.machine.member_lines import member_lines

        return member_lines(self, depth)

    def __dir__(self) -> list[str]:
        """Members and methods, for interactive use."""
        return [*object.__dir__(self), *self.layout.members]

    def __eq__(self, other: object) -> bool:
        """Two objects are the same when type, address and memory are."""
        return isinstance(other, TypedObject) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[str, int, int]:
        return self.layout.name, self.address, id(self.memory)

    def __repr__(self) -> str:
        return f"<{self.layout.name} at {self.address:#x}>"


class Pointer(int):
    """A pointer member: the address, which knows what it points at. NULL is 0, as in any number."""

    target: TypeRef
    memory: AddressSpace
    types: TypeTable

    @classmethod
    def make(cls, value: int, target: TypeRef, memory: AddressSpace, types: TypeTable) -> Pointer:
        """Make the pointer `value` to a `target` in `memory`."""
        pointer = cls(value)
        pointer.target, pointer.memory, pointer.types = target, memory, types
        return pointer

    def dereference(self) -> Value:
        """Read what it points at; a structure is not read yet. Raises MissingType, MemoryFault."""
        if self.target.kind in ("void", "function", "unknown"):
            raise MissingType(self.target.name or self.target.kind)
        return _value(self.target, int(self), self.memory, self.types)

    def object(self, name: str) -> TypedObject:
        """Take what it points at as a structure of the type `name`. Raises MissingType."""
        return object_at(name, int(self), self.memory, self.types)

    def text(self, limit: int = 0x1000) -> str:
        """Read the NUL-terminated text it points at, at most `limit` bytes. Raises MemoryFault."""
        limit = max(0, min(limit, BYTES_LIMIT))
        if self.target.size == 2:
            raw = self.memory.read_up_to(int(self), limit)
            return decode_utf16(raw or self.memory.read(int(self), 2))
        return self.memory.c_string(int(self), limit)


class EnumValue(int):
    """An enumeration member: the number, with its name ("" for a number without one)."""

    enumeration: str
    name: str

    @classmethod
    def make(cls, value: int, enumeration: str, types: TypeTable) -> EnumValue:
        """Make the value of the enumeration of that name."""
        made = cls(value)
        layout = types.enumeration(enumeration)
        made.enumeration = enumeration
        made.name = next((name for name, number in layout.values.items() if number == value), "") if layout else ""
        return made


@dataclass(frozen=True, slots=True, eq=False)
class TypedArray(Sequence["Value"]):
    """An array member; elements are read when asked for.

    Attributes:
        element: their type. declared: how many the type says; at most ARRAY_LIMIT can be reached.
        address: virtual address of the first.
    """

    element: TypeRef
    declared: int
    address: int
    memory: AddressSpace
    types: TypeTable

    def __len__(self) -> int:
        """Return how many elements can be reached."""
        return max(0, min(self.declared, ARRAY_LIMIT)) if self.element.size > 0 else 0

    @overload
    def __getitem__(self, index: int) -> Value: ...
    @overload
    def __getitem__(self, index: slice) -> list[Value]: ...
    def __getitem__(self, index: int | slice) -> Value | list[Value]:
        """Read an element, or some. Raises IndexError, MemoryFault."""
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(index)
        return _value(self.element, self.address + place * self.element.size, self.memory, self.types)

    def bytes(self) -> bytes:
        """Copy the elements' bytes, at most BYTES_LIMIT. Raises MemoryFault."""
        return self.memory.read(self.address, min(len(self) * self.element.size, BYTES_LIMIT))

    def text(self) -> str:
        """Decode an array of characters up to the first NUL. Raises MemoryFault."""
        return decode_utf16(self.bytes()) if self.element.size == 2 else decode_ascii(self.bytes())


Value: TypeAlias = int | float | bytes | Pointer | EnumValue | TypedArray | TypedObject
"""What a member reads as; bytes for what has no number (unknown types, 80-bit floating point)."""


def _member_value(member: Member, address: int, memory: AddressSpace, types: TypeTable) -> Value:
    if member.bit_position is None or member.bit_count is None:
        return _value(member.type, address, memory, types)
    bits, position = max(0, min(member.bit_count, 64)), max(0, min(member.bit_position, 64))
    size = max(member.type.size if member.type.size <= 8 else 8, (bits + position + 7) // 8)
    value = int.from_bytes(memory.read(address, size), "little") >> position & (1 << bits) - 1
    if member.type.kind == "enum":
        return EnumValue.make(value, member.type.name, types)
    if member.type.signed and bits and value >> bits - 1:
        return value - (1 << bits)
    return value


def _value(ref: TypeRef, address: int, memory: AddressSpace, types: TypeTable) -> Value:
    if ref.kind in ("struct", "union"):
        return TypedObject(find_layout(types, ref.name, ref.size), address, memory, types)
    if ref.kind == "array" and ref.target is not None:
        return TypedArray(ref.target, ref.count, address, memory, types)
    if ref.kind == "pointer":
        size = ref.size if ref.size in (4, 8) else memory.pointer_size
        raw = int.from_bytes(memory.read(address, size), "little")
        return Pointer.make(raw, ref.target or TypeRef("unknown", "", 0), memory, types)
    return _scalar(ref, address, memory, types)


def _scalar(ref: TypeRef, address: int, memory: AddressSpace, types: TypeTable) -> Value:
    raw = memory.read(address, max(0, min(ref.size, BYTES_LIMIT)))
    if ref.kind == "float":
        return _floating(raw)
    if ref.kind not in ("integer", "char", "bool", "enum") or not 1 <= ref.size <= 16:
        return raw
    number = int.from_bytes(raw, "little", signed=ref.signed)
    return EnumValue.make(number, ref.name, types) if ref.kind == "enum" else number


def _floating(raw: bytes) -> float | bytes:
    import struct

    form = _FLOATS.get(len(raw))
    return struct.unpack(form, raw)[0] if form else raw


def object_at(name: str, address: int, memory: AddressSpace, types: TypeTable) -> TypedObject:
    """Take the bytes at a virtual address as a structure: `nt!_EPROCESS`, `EPROCESS`. Raises MissingType."""
    return TypedObject(find_layout(types, name), address, memory, types)


def container_of(address: int, name: str, member: str, memory: AddressSpace, types: TypeTable) -> TypedObject:
    """Find the structure of type `name` whose member of that path lies at `address`.

    Raises:
        MissingType, MissingMember: the types have none such.
    """
    layout = find_layout(types, name)
    start = address - locate(types, layout, member)[0]
    return TypedObject(layout, start & (1 << memory.address_bits) - 1, memory, types)


def walk_list(
    head: int, name: str, member: str, memory: AddressSpace, types: TypeTable, limit: int = LIST_LIMIT
) -> Iterator[TypedObject]:
    """Yield the structures of a LIST_ENTRY list, each once, at most `limit`.

    Args:
        head: virtual address of the list's head, which is in no structure of the list.
        name: type of the structures. member: path of the LIST_ENTRY in them.

    Raises:
        MissingType, MissingMember: the type is not there. BrokenList: after the last element that was found, when the
            list ends in a hole, runs into itself or is longer than `limit`.
    """
    layout = find_layout(types, name)
    back = locate(types, layout, member)[0]
    return _elements(head, layout, back, memory, types, limit)


def _elements(
    head: int, layout: TypeLayout, back: int, memory: AddressSpace, types: TypeTable, limit: int
) -> Iterator[TypedObject]:
    seen: set[int] = set()
    entry = memory.try_pointer(head)
    while entry is not None and entry != head:
        if entry in seen or len(seen) >= limit:
            raise BrokenList(head, len(seen), "runs into itself" if entry in seen else "is too long")
        seen.add(entry)
        yield TypedObject(layout, (entry - back) & (1 << memory.address_bits) - 1, memory, types)
        entry = memory.try_pointer(entry)
    if entry is None:
        raise BrokenList(head, len(seen), "ends in unreadable memory")
