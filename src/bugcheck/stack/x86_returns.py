"""Stack words → return addresses: what speaks for a word being one, and the search for the nearest one.

Source: the habits of a debugger engine, found by changing single words of a dump (`windbg.md` §3.7 of this project's
notes): a word counts when a call instruction ends right before the address it holds.

Folklore: without code bytes nothing proves a return address; a word that lies in a module then merely may be one.
"""

from __future__ import annotations

from enum import IntEnum

from bugcheck.dump.dump import Architecture
from bugcheck.records import dataclass, field
from bugcheck.stack.call_sites import is_call_before
from bugcheck.stack.frame import StackSource
from bugcheck.stack.module_image import ModuleImages
from bugcheck.symbols.symbols import Symbols

LOWEST_CODE = 0x1_0000
"""Windows maps nothing below; smaller words are no code addresses."""
SEARCH_WORDS = 64
"""Words looked through for the return address of a function whose record tells where it should be."""
SCAN_WORDS = 256
"""Words looked through for the return address of a function nothing is known of.

The engine found one 54 words up (story dump without the driver's image) and left one 349 words up (corpus
`windows_mini.dmp`, fourth thread).
"""
JUDGED_LIMIT = 0x1_0000
"""Words whose standing is remembered."""
GUESS_WORDS = 16
"""Words looked through for an unproven return address."""


class Standing(IntEnum):
    """What speaks for a word being a return address, least first."""

    NONE = 0
    """It is no address of code, or code is there and no call ends before it."""
    FOREIGN = 1
    """It lies outside all modules."""
    POSSIBLE = 2
    """It lies in a module whose bytes there are missing."""
    IN_FUNCTION = 3
    """The same, and symbols have a function or frame record there, so it is code and no data."""
    CALLED = 4
    """A call instruction ends right before it."""


def _has_function(symbols: Symbols, rva: int) -> bool:
    if symbols.frame_rule(rva) is not None:
        return True
    symbol = symbols.nearest(rva) if symbols.has_functions else None
    return symbol is not None and symbol.kind == "function" and rva < symbol.rva + symbol.size


@dataclass(frozen=True, slots=True)
class StackWords:
    """The stack a walk is on, 32-bit words by address. `judged` keeps what was found of words for the whole walk."""

    source: StackSource
    images: ModuleImages
    architecture: Architecture
    judged: dict[int, Standing] = field(default_factory=dict[int, Standing])

    def word(self, address: int) -> int | None:
        """Read a word; None when it is missing or beyond 4 GiB."""
        return self.source.memory.try_u32(address) if 0 <= address <= 0xFFFF_FFFC else None

    def arguments(self, frame_address: int) -> tuple[int, ...]:
        """Read the three words behind a frame's return address, up to the first that is missing."""
        data = self.source.memory.read_up_to(frame_address + 8, 12) if 0 <= frame_address < 0xFFFF_FFF0 else b""
        return tuple(int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data) & ~3, 4))

    def standing(self, word: int | None) -> Standing:
        """Judge a word by the code before it."""
        if word is None or word < LOWEST_CODE:
            return Standing.NONE
        known = self.judged.get(word)
        if known is None:
            known = self._judge(word)
            if len(self.judged) < JUDGED_LIMIT:
                self.judged[word] = known
        return known

    def _judge(self, word: int) -> Standing:
        image = self.images.at(word - 1, self.source)
        if image is None:
            return Standing.FOREIGN
        called = is_call_before(image, word - image.module.base, self.architecture)
        if called is not None:
            return Standing.CALLED if called else Standing.NONE
        symbols = self.source.symbols.symbols_of(image.module)
        in_function = symbols is not None and _has_function(symbols, word - 1 - image.module.base)
        return Standing.IN_FUNCTION if in_function else Standing.POSSIBLE

    def search(self, expected: tuple[int, ...]) -> int | None:
        """Find the slot of a return address that should be at one of `expected` (best first), or a little above."""
        best = max(expected, key=lambda slot: self.standing(self.word(slot)))
        if self.standing(self.word(best)) >= Standing.POSSIBLE:
            return best
        if not self.source.scan:
            return None
        lowest = min(expected)
        return (
            self.scan(lowest, SEARCH_WORDS, Standing.CALLED)
            or self.scan(lowest, GUESS_WORDS, Standing.IN_FUNCTION)
            or self.scan(lowest, GUESS_WORDS, Standing.POSSIBLE)
        )

    def scan(self, start: int, words: int, wanted: Standing) -> int | None:
        """Find the first slot from `start` whose word has the wanted standing."""
        data = self.source.memory.read_up_to(start, 4 * words) if 0 <= start <= 0xFFFF_FFFF else b""
        for at in range(0, len(data) & ~3, 4):
            if self.standing(int.from_bytes(data[at : at + 4], "little")) == wanted:
                return start + at
        return None

    def scan_links(self, start: int, words: int) -> int | None:
        """Find the first slot whose word may be a return address and follows a saved ebp that leads to another one."""
        data = self.source.memory.read_up_to(start, 4 * words) if 0 <= start <= 0xFFFF_FFFF else b""
        for at in range(4, len(data) & ~3, 4):
            link = int.from_bytes(data[at - 4 : at], "little")
            if not start + at < link < start + at + 0x1_0000 or link & 3:
                continue
            if self.standing(int.from_bytes(data[at : at + 4], "little")) < Standing.POSSIBLE:
                continue
            if self.standing(self.word(link + 4)) >= Standing.POSSIBLE:
                return start + at
        return None
