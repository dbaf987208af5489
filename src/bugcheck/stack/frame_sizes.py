"""All stacks of a program → how far above a return address its caller's lies, as the threads agree.

Source: "x64 stack usage" (Microsoft C++ documentation): outside prologue and epilogue a function's frame has one size.

Folklore: a program's threads wait in the same few functions.  What lies at one distance from a return address on every
stack is the caller; leftovers of earlier calls lie elsewhere on each.  Functions that allocate on their stack as they
run (alloca) are the exception, so disagreement is odds and no proof.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from bugcheck.machine.modules import ModuleList
from bugcheck.memory.address_space import AddressSpace

STACK_LIMIT = 512
"""Stacks that are looked at."""
BYTES = 0x4000
"""Bytes of each, from its stack pointer on."""
OCCURRENCES = 16
"""Places of one return address that are compared."""
WIDTH = 8

_Words = dict[int, int]
"""Address of a word → a word that may be a return address."""


class FrameSizes:
    """Return addresses of all stacks; read when first asked."""

    def __init__(self, memory: AddressSpace, modules: ModuleList, stacks: Sequence[tuple[int, int]]) -> None:
        """Take each stack's stack pointer and end."""
        self._memory = memory
        self._modules = modules
        self._stacks = stacks[:STACK_LIMIT]
        self._places: dict[int, dict[int, _Words]] | None = None
        self._counts: dict[tuple[int, int], int] = {}

    def agreement(self, address: int, slot: int, distance: int) -> tuple[int, int]:
        """Look at the other places of the return address that lies at `slot`: how many there are, how many agree.

        They agree that have a word which may be a return address `distance` bytes above. Returns (agreeing, all).
        """
        if self._places is None:
            self._places = self._read()
        places = self._places.get(address)
        if not places:
            return 0, 0
        own = places.get(slot)
        if own is not None and len(places) == 1:
            return 0, 0
        count = self._counts.get((address, distance))
        if count is None:
            count = sum([place + distance in words for place, words in places.items()])
            self._counts[address, distance] = count
        if own is None:
            return count, len(places)
        return count - (slot + distance in own), len(places) - 1

    def _read(self) -> dict[int, dict[int, _Words]]:
        places: dict[int, dict[int, _Words]] = {}
        for start, end in self._stacks:
            words = self._words(start + (WIDTH - start) % 16, end)
            for slot, word in words.items():
                known = places.setdefault(word, {})
                if len(known) < OCCURRENCES:
                    known[slot] = words
        return places

    def _words(self, start: int, end: int) -> _Words:
        """Read every other word of a stack and keep those that point into modules."""
        data = self._memory.read_up_to(start, max(0, min(end - start, BYTES)))
        every = array("Q", data[: len(data) // WIDTH * WIDTH])
        low = min((module.base for module in self._modules), default=0)
        high = max((module.base + module.size for module in self._modules), default=0)
        near = ((index, word) for index, word in enumerate(every[::2]) if low < word <= high)
        return {start + 16 * index: word for index, word in near if self._modules.at(word - 1) is not None}
