"""A type and a path such as `Tcb.ApcState.Process` → offset and type of that member.

Dots go into structures that lie in the structure; nothing here follows a pointer or reads memory.
"""

from __future__ import annotations

from bugcheck.errors import BugcheckError
from bugcheck.symbols.types import Member, TypeLayout, TypeRef, TypeTable

PATH_LIMIT = 64
"""Members in one path."""

UNNAMED = frozenset(["", "__unnamed", "<unnamed-tag>", "<anonymous-tag>"])
"""What PDBs call every unnamed structure (last part of a scoped name); it would find any of them, so it finds none."""


class MissingType(BugcheckError):
    """The symbols have no structure of a name.

    Attributes:
        type: the name that was asked for.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"no type {name!r} in the symbols")
        self.type = name


class MissingMember(BugcheckError, AttributeError):
    """A structure of this build has no member of a name.

    Attributes:
        type: name of the structure. member: name, or path, that was asked for.
    """

    def __init__(self, type_name: str, member: str) -> None:
        super().__init__(f"{type_name} of this build has no member {member!r}")
        self.type = type_name
        self.member = member


def split_type_name(name: str) -> tuple[str, str]:
    """Split `nt!_EPROCESS` into module ("" when there is none) and type."""
    module, _, bare = name.rpartition("!")
    return module.strip(), bare.strip()


def find_layout(types: TypeTable, name: str, size: int = 0) -> TypeLayout:
    """Find a structure by name, with or without module and leading underscore.

    Args:
        types: where to look. name: as people write it.
        size: in bytes, when another type's member states it; 0 otherwise.

    Raises:
        MissingType: there is none, or the name stands for many unnamed types.
    """
    bare = split_type_name(name)[1]
    if bare.rpartition("::")[2] not in UNNAMED:
        for spelling in (bare, "_" + bare, bare.removeprefix("_")):
            found = types.layout(spelling)
            if found is not None and (not size or found.size == size):
                return found
    raise MissingType(name)


def member_of(layout: TypeLayout, name: str) -> Member:
    """Find a member by its own name. Raises MissingMember."""
    found = layout.member(name)
    if found is None:
        raise MissingMember(layout.name, name)
    return found


def locate(types: TypeTable, layout: TypeLayout, path: str) -> tuple[int, Member]:
    """Find the offset in bytes from the structure's beginning, and the member, of a path.

    An element of an array is written `MajorFunction[14]`; its Member has the element's type.

    Raises:
        MissingMember: a part of the path is not there.
    """
    parts = path.split(".", PATH_LIMIT)
    offset, inner = 0, layout
    for place, part in enumerate(parts):
        name, indices = _indices(part)
        member = inner.member(name)
        if member is None or indices is None:
            raise MissingMember(layout.name, path)
        element, within = _element(member, indices, layout, path)
        offset += member.offset + within
        if place == len(parts) - 1:
            return offset, element
        inner = _inner(types, element, layout, path)
    raise MissingMember(layout.name, path)


def _inner(types: TypeTable, member: Member, layout: TypeLayout, path: str) -> TypeLayout:
    if member.type.kind not in ("struct", "union"):
        raise MissingMember(layout.name, path)
    try:
        return find_layout(types, member.type.name, member.type.size)
    except MissingType:
        raise MissingMember(layout.name, path) from None


def _indices(part: str) -> tuple[str, list[int] | None]:
    """Split `Name[3][1]`; None instead of indices that are none."""
    name, *rest = part.split("[")
    digits = [text.removesuffix("]") for text in rest]
    whole = all(text.endswith("]") for text in rest)
    if not whole or not all(text.isascii() and text.isdigit() and len(text) < 10 for text in digits):
        return name, None
    return name, [int(text) for text in digits]


def _element(member: Member, indices: list[int], layout: TypeLayout, path: str) -> tuple[Member, int]:
    ref: TypeRef = member.type
    within = 0
    for index in indices:
        if ref.kind != "array" or ref.target is None or index >= ref.count:
            raise MissingMember(layout.name, path)
        ref = ref.target
        within += index * ref.size
    if not indices:
        return member, 0
    return Member(member.name, member.offset + within, ref), within
