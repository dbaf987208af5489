"""The words page tables are described in: rights, states, what an entry leads to, where an address lies.

Source: Intel SDM vol. 3A chapter 4; the states are Windows' own (Windows Internals, 7th ed., part 1, chapter 5).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from bugcheck.records import dataclass

WRITE, USER, EXECUTE = 1, 2, 4
"""The processor's own bits 1 (writable) and 2 (user) shifted right by one, and a third for "not no-execute"."""
ALL_RIGHTS = WRITE | USER | EXECUTE
"""Rights of a path through the tables: a bit stays set while every level grants it."""

EntryReader = Callable[[int, int], int]
"""(physical address, entry size in bytes) → the entry. Raises MemoryFault."""
TableReader = Callable[[int, int], bytes]
"""(physical address, size in bytes) → what is there of the table."""
PrototypeReader = Callable[[int], int]
"""Virtual address of a prototype PTE → the entry. Raises MemoryFault."""


class PageState(Enum):
    """How the entry of a readable page stands."""

    VALID = "valid"
    TRANSITION = "transition"
    PROTOTYPE = "prototype"


@dataclass(frozen=True, slots=True)
class Translation:
    """Where a virtual address lies.

    Attributes:
        physical: physical address of the very byte. page_size: bytes of the page it lies in.
        writable, executable, user: what the tables grant, all levels together.
        state: VALID, TRANSITION (the frame holds the page, the processor would fault), or PROTOTYPE (reached through a
            prototype PTE).
    """

    physical: int
    page_size: int
    writable: bool
    executable: bool
    user: bool
    state: PageState


Found = tuple[int, int, int, PageState]
"""Physical address of a page, its size, rights, state: a Translation before it is spelled out, for the hot path."""


def translation(found: Found, offset: int) -> Translation:
    """Spell out a page found, for the byte `offset` bytes into it."""
    base, size, rights, state = found
    return Translation(base + offset, size, bool(rights & WRITE), bool(rights & EXECUTE), bool(rights & USER), state)


Step = tuple[bool, int, int]
"""What an entry leads to: whether that is a page (else a table), its physical address, the rights granted."""
