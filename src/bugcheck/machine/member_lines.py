"""A typed object → one line a member, as the debugger's `dt` prints them.

Source: "dt (Display Type)", Microsoft debugger documentation: type words (`Uint4B`, `Ptr64 _IRP`, `Pos 3, 1 Bit`) and
value forms (`0n` decimal, `0x` hexadecimal, `0y` binary, `(null)`).
"""

from __future__ import annotations

from bugcheck.addresses import format_address
from bugcheck.errors import BugcheckError, MemoryFault
from bugcheck.machine.typed_object import EnumValue, Pointer, TypedArray, TypedObject, Value
from bugcheck.records import dataclass
from bugcheck.symbols.types import Member, TypeRef

DEPTH_LIMIT = 8
LINE_LIMIT = 20_000
UNREADABLE = "????"
_TEXT_LIMIT = 512
_STRINGS = ("_UNICODE_STRING", "_STRING", "UNICODE_STRING", "STRING")
_REF_DEPTH = 16


@dataclass(frozen=True, slots=True)
class MemberLine:
    """One member.

    Attributes:
        offset: in bytes from the beginning of the object that was asked for. depth: 0 for its own members.
        name, type, value: as the debugger writes them; the value of bytes that are not to be had is `????`.
    """

    offset: int
    depth: int
    name: str
    type: str
    value: str

    def __str__(self) -> str:
        return f"{'   ' * (self.depth + 1)}+0x{self.offset:03x} {self.name:<16} : {self.value}"


def member_lines(target: TypedObject, depth: int = 0) -> list[MemberLine]:
    """Describe the members of an object; structures in it too, down to `depth` levels (at most DEPTH_LIMIT)."""
    lines: list[MemberLine] = []
    _describe(target, target.address, 0, max(0, min(depth, DEPTH_LIMIT)), lines)
    return lines


def _describe(target: TypedObject, base: int, level: int, depth: int, lines: list[MemberLine]) -> None:
    for member in target.members():
        if len(lines) >= LINE_LIMIT:
            return
        value: Value | None = None
        try:
            value = target[member.name]
            text = _value(member, value)
        except MemoryFault:
            text = UNREADABLE
        except BugcheckError:
            text = member.type.name or member.type.kind
        offset = target.address + member.offset - base
        lines.append(MemberLine(offset, level, member.name, type_words(member, target.memory.pointer_size), text))
        if isinstance(value, TypedObject) and level < depth:
            _describe(value, base, level + 1, depth, lines)


def type_words(member: Member, pointer_size: int = 8) -> str:
    """Write a member's type as `dt` does: `Uint4B`, `Ptr64 _IRP`, `[28] Ptr64 Void`, `Pos 3, 1 Bit`."""
    if member.bit_count is not None:
        bits = member.bit_count
        return f"Pos {member.bit_position or 0}, {bits} Bit{'' if bits == 1 else 's'}"
    return _ref_words(member.type, pointer_size, _REF_DEPTH)


def _ref_words(ref: TypeRef, pointer_size: int, depth: int) -> str:
    if ref.kind in ("array", "pointer") and ref.target is not None and depth:
        inner = _ref_words(ref.target, pointer_size, depth - 1)
        return f"[{ref.count}] {inner}" if ref.kind == "array" else f"Ptr{8 * (ref.size or pointer_size)} {inner}"
    if ref.kind == "integer" and ref.size > 1:
        return f"{'Int' if ref.signed else 'Uint'}{ref.size}B"
    if ref.kind in ("integer", "char", "bool"):
        return {1: "Char" if ref.signed else "UChar", 2: "Wchar"}.get(ref.size, f"{ref.kind.title()}{ref.size}B")
    if ref.kind == "float":
        return {4: "Float", 8: "Double"}.get(ref.size, f"Float{ref.size}B")
    name = ref.name.partition("@")[0] if "unnamed" in ref.name else ref.name  # behind it PdbTypes puts a type index
    return {"void": "Void", "function": "Function"}.get(ref.kind, name or "<unnamed>")


def _value(member: Member, value: Value) -> str:
    if isinstance(value, TypedObject):
        return _structure(value)
    if isinstance(value, TypedArray):
        return _array(value)
    if isinstance(value, Pointer):
        return _pointer(value)
    if isinstance(value, EnumValue):
        return f"{int(value)} ( {value.name or 'no matching name'} )"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, bytes):
        return value[:16].hex(" ") + ("…" if len(value) > 16 else "")
    return _number(member, value)


def _number(member: Member, value: int) -> str:
    if member.bit_count is not None:
        bits = max(0, min(member.bit_count, 64))
        digits = format(value & (1 << bits) - 1, f"0{max(1, bits)}b")
        return f"0y{digits}" + (f" ({value:#x})" if bits > 1 else "")
    if member.type.size == 1:
        char = chr(value & 0xFF) if 0x20 <= value & 0xFF < 0x7F else ""
        return f"{value if member.type.signed else _hex(value)} '{char}'"
    return f"0n{value}" if member.type.signed else _hex(value)


def _hex(value: int) -> str:
    return f"{value:#x}" if value else "0"


def _pointer(value: Pointer) -> str:
    if not value:
        return "(null)"
    name = value.target.name if value.target.kind in ("struct", "union") else value.target.kind.title()
    return f"0x{format_address(value, 8 * value.memory.pointer_size)} {name}".rstrip()


def _array(value: TypedArray) -> str:
    if value.element.kind == "char" and value.element.size in (1, 2):
        text = value.text()
        return f'[{value.declared}]  "{text[:_TEXT_LIMIT]}"'
    if not len(value):
        return f"[{value.declared}]"
    first = value[0]
    element = Member("", 0, value.element)
    return f"[{value.declared}] {_value(element, first) if not isinstance(first, TypedArray) else ''}".rstrip()


def _structure(value: TypedObject) -> str:
    name = value.layout.name
    if name in _STRINGS:
        return f'{name} "{value.text()[:_TEXT_LIMIT]}"'
    if name == "_LIST_ENTRY" and {"Flink", "Blink"} <= value.layout.members.keys():
        forward, backward = value["Flink"], value["Blink"]
        if isinstance(forward, Pointer) and isinstance(backward, Pointer):
            bits = 8 * value.memory.pointer_size
            return f"{name} [ 0x{format_address(forward, bits)} - 0x{format_address(backward, bits)} ]"
    return name
