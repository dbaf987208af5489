"""The I/O manager's structures → one look-up of member offsets.

IRP, IO_STACK_LOCATION, DEVICE_OBJECT, DRIVER_OBJECT and FILE_OBJECT are in Microsoft's driver kit: drivers are compiled
against them, so they cannot move.  Order of trust: the kernel's own types, then the shipped table
(knowledge/io_objects.tsv), by pointer width.

Folklore: old PDBs name every unnamed structure alike, so `IRP.Tail.Overlay` cannot be followed in their types; the
table answers then.  DEVICE_NODE is private and moved between versions: what reads it checks that it points back.
"""

from __future__ import annotations

from functools import cache

from bugcheck.errors import MemoryFault
from bugcheck.knowledge.tables import find_row
from bugcheck.machine.member_path import MissingMember, MissingType, find_layout, locate
from bugcheck.memory.address_space import AddressSpace
from bugcheck.symbols.types import TypeTable


class IoLayout:
    """Member offsets of the I/O manager's structures in one kernel.

    Attributes:
        pointer_size: in bytes, 4 or 8. types: of the kernel, when its symbols have them.
    """

    def __init__(self, pointer_size: int, types: TypeTable | None = None) -> None:
        self.pointer_size = pointer_size
        self.types = types
        self._known: dict[str, int | None] = {}

    def offset(self, member: str) -> int | None:
        """Offset in bytes of a member such as `IRP.Tail.Overlay.Thread`; None when this kernel has none."""
        if member not in self._known:
            self._known[member] = self._find(member)
        return self._known[member]

    def size(self, structure: str) -> int | None:
        """Size in bytes of a structure such as `IO_STACK_LOCATION`; None when nobody tells."""
        if self.types is not None:
            try:
                return find_layout(self.types, structure).size
            except MissingType:
                pass
        return _table(self.pointer_size, structure)[0] or None

    def _find(self, member: str) -> int | None:
        structure, _, path = member.partition(".")
        if self.types is not None:
            try:
                layout = find_layout(self.types, structure)
                if layout.member(path.partition(".")[0]) is None:
                    return None
                return locate(self.types, layout, path)[0]
            except (MissingType, MissingMember):
                pass
        return _table(self.pointer_size, structure)[1].get(path)


class Fields:
    """A structure at an address, its numbers read by member; None for a hole or a member this kernel lacks.

    Attributes:
        structure: "IRP". address: virtual address of its beginning.
    """

    def __init__(self, structure: str, address: int, memory: AddressSpace, layout: IoLayout) -> None:
        self.structure = structure
        self.address = address
        self._memory = memory
        self._layout = layout

    def place(self, member: str) -> int | None:
        """Virtual address of a member."""
        offset = self._layout.offset(f"{self.structure}.{member}")
        return None if offset is None else self.address + offset

    def u8(self, member: str) -> int | None:
        """Read a byte."""
        place = self.place(member)
        return None if place is None else self._memory.try_u8(place)

    def u16(self, member: str) -> int | None:
        """Read a 16-bit number."""
        place = self.place(member)
        return None if place is None else self._memory.try_u16(place)

    def u32(self, member: str) -> int | None:
        """Read a 32-bit number."""
        place = self.place(member)
        return None if place is None else self._memory.try_u32(place)

    def u64(self, member: str) -> int | None:
        """Read a 64-bit number."""
        place = self.place(member)
        return None if place is None else self._memory.try_u64(place)

    def pointer(self, member: str) -> int | None:
        """Read a pointer, or a number as wide as one."""
        place = self.place(member)
        return None if place is None else self._memory.try_pointer(place)

    def text(self, member: str) -> str | None:
        """Read a UNICODE_STRING's text."""
        place = self.place(member)
        try:
            return None if place is None else self._memory.unicode_string(place)
        except MemoryFault:
            return None


@cache
def _table(pointer_size: int, structure: str) -> tuple[int, dict[str, int]]:
    """Return size (0 when it varies) and offsets of a structure as shipped."""
    row = find_row("io_objects.tsv", f"{'x64' if pointer_size == 8 else 'x86'}:{structure}")
    if row is None:
        return 0, {}
    pairs = (pair.partition("=") for pair in row[2].split(" "))
    return int(row[1], 16), {name: int(value, 16) for name, _, value in pairs}


def io_name(kind: str, number: int, digits: int) -> str | None:
    """Return the name of a number of the I/O manager (knowledge/io_names.tsv), or None.

    Args:
        kind: "major", "device", "power_action", …; see the file.
        number: not negative. digits: hexadecimal digits of its key.
    """
    row = find_row("io_names.tsv", f"{kind}:{number:0{digits}x}")
    return None if row is None else row[1]


def flag_names(kind: str, value: int) -> tuple[str, ...]:
    """Return the names of the bits that are set, the lowest first; bits without a name as one hexadecimal number."""
    names: list[str] = []
    rest = value & 0xFFFF_FFFF
    for bit in range(32):
        name = io_name(kind, 1 << bit, 8) if value >> bit & 1 else None
        if name is not None:
            names.append(name)
            rest &= ~(1 << bit)
    return (*names, f"{rest:#x}") if rest else tuple(names)
