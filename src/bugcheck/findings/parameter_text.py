"""A parameter that points at a text → the text.

Source: bug check reference: some parameters point at a UNICODE_STRING, others at plain characters, and the reference
does not always say which.  Folklore: a dump may hold the structure and not its text; then there is none.
"""

from __future__ import annotations

from bugcheck.errors import MemoryFault
from bugcheck.memory.address_space import AddressSpace

LIMIT = 520
"""Bytes of a text that are read: a path of MAX_PATH characters."""

_SHORTEST = 3


def text_at(address: int, memory: AddressSpace) -> str:
    """Read the UNICODE_STRING, wide or narrow text at an address; "" when there is none that is printable."""
    if not address:
        return ""
    for read in (_unicode_string, _wide, _narrow):
        try:
            text = read(address, memory)
        except MemoryFault:
            continue
        if len(text) >= _SHORTEST and text.isprintable() and text.isascii():
            return text
    return ""


def _unicode_string(address: int, memory: AddressSpace) -> str:
    length, most = memory.u16(address), memory.u16(address + 2)
    if not length or length > most or length > LIMIT or length % 2:
        return ""
    return memory.utf16(memory.pointer(address + memory.pointer_size), length)


def _wide(address: int, memory: AddressSpace) -> str:
    raw = memory.read_up_to(address, LIMIT)
    if len(raw) < 2 * _SHORTEST or raw[1:6:2] != b"\0\0\0":
        return ""
    return memory.utf16(address, len(raw) & ~1)


def _narrow(address: int, memory: AddressSpace) -> str:
    return memory.c_string(address, min(LIMIT, len(memory.read_up_to(address, LIMIT)) or 1))
