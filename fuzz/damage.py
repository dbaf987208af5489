"""A seed and its places → one way to damage it, chosen by a number.

Every mutant is a pure function of (format, seed number, position), so a finding can be made again from its name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from fuzz.places import Places, Rows
from fuzz.seeds import Seed

PAGE = 0x1000
SYSTEMATIC_SHARE = 0.6
_HOT_SHARE = 0.75
_VALUES = ("0", "1", "max", "random")


class Step(NamedTuple):
    """One mutant to make: which seed, how ("cut", "set", "damage", "text"; "whole" is the seed itself), and where.

    Attributes:
        at: file offset ("cut" and "set"). width: of the field. value: one of 0, 1, max, random.
    """

    seed: int
    how: str
    at: int = 0
    width: int = 0
    value: str = ""

    def describe(self, seeds: Sequence[Seed]) -> str:
        """Put it into words, for the report."""
        words = {"cut": f"cut at {self.at:#x}", "set": f"{self.width} bytes at {self.at:#x} = {self.value}"}
        return f"{seeds[self.seed].name}: {words.get(self.how, self.how)}"


def plan(seeds: Sequence[Seed], places: Sequence[Places], count: int) -> list[Step]:
    """Plan `count` mutants: cuts at every 4 KiB, each field with four values, and for the rest random damage.

    Where the systematic ones would take more than their share, an even selection of them is made.
    """
    steps = [Step(index, "cut", at) for index, seed in enumerate(seeds) for at in range(0, len(seed.data), PAGE)]
    steps += [
        Step(index, "set", at, width, value)
        for index, found in enumerate(places)
        for at, width in found.fields
        for value in _VALUES
    ]
    most = int(count * SYSTEMATIC_SHARE)
    if len(steps) > most:
        steps = [steps[int(number * len(steps) / most)] for number in range(most)]
    return steps + [Step(number % len(seeds), "damage") for number in range(count - len(steps))]


def make(step: Step, seed: Seed, places: Places, random: Random) -> bytes:
    """Make the mutant."""
    if step.how == "cut":
        return seed.data[: step.at]
    data = bytearray(seed.data)
    if step.how == "set":
        _put(data, step.at, step.width, _value(step.value, step.width, random))
        return bytes(data)
    kinds = [kind for kind, possible in _KINDS if possible(places)]
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        random.choice(kinds)(data, places, random)
    return bytes(data)


def _value(name: str, width: int, random: Random) -> int:
    return {"0": 0, "1": 1, "max": (1 << 8 * width) - 1}.get(name, random.getrandbits(8 * width))


def _put(data: bytearray, at: int, width: int, value: int) -> None:
    raw = (value & ((1 << 8 * width) - 1)).to_bytes(width, "little")
    if at >= 0 and at + width <= len(data):
        data[at : at + width] = raw


def _somewhere(data: bytearray, places: Places, random: Random) -> int:
    if places.hot and random.random() < _HOT_SHARE:
        start, size = random.choice(places.hot)
        return start + random.randrange(size)
    return random.randrange(max(1, len(data)))


# --- kinds of random damage: each changes `data` in place ---


def _flip(data: bytearray, places: Places, random: Random) -> None:
    """Random bytes, words, double and quad words."""
    for _ in range(random.choice((1, 2, 4, 8, 32))):
        width = random.choice((1, 2, 4, 8))
        value = random.choice(
            (0, 1, 0x7FFF_FFFF, 0xFFFF_FFFF, 1 << 63, (1 << 64) - 1, random.getrandbits(64), len(data))
        )
        _put(data, _somewhere(data, places, random), width, value)


def _bits(data: bytearray, places: Places, random: Random) -> None:
    """Single bits, as bad memory flips them."""
    for _ in range(random.choice((1, 2, 8, 64))):
        at = _somewhere(data, places, random)
        if at < len(data):
            data[at] ^= 1 << random.randrange(8)


def _fill(data: bytearray, places: Places, random: Random) -> None:
    """A region of one byte: zeros as disks leave, letters that never end."""
    at, size = _somewhere(data, places, random), random.choice((16, 256, 0x1000, 0x10000))
    end = min(len(data), at + size)
    data[at:end] = random.choice((b"\0", b"\xff", b"A", b"\n", b"\x1b", b"\xd8")) * (end - at)


def _copy(data: bytearray, places: Places, random: Random) -> None:
    """One region over another, as misplaced sectors are."""
    source, target, size = random.randrange(len(data)), _somewhere(data, places, random), random.choice((16, 512, 4096))
    piece = data[source : source + size][: len(data) - target]
    data[target : target + len(piece)] = piece


def _count(data: bytearray, places: Places, random: Random) -> None:
    """Fields with 2**32 - 1 and its neighbours, several at once."""
    for at, width in random.sample(places.fields, min(len(places.fields), random.choice((1, 2, 5)))):
        _put(data, at, width, random.choice((0, 1, 0xFFFF_FFFF, 0x7FFF_FFFF, len(data), len(data) - 1, 1 << 63)))


def _point(data: bytearray, places: Places, random: Random) -> None:
    """Pointers that lead to something else the dump holds, or to where it ends."""
    for _ in range(random.choice((1, 2, 8))):
        target = random.choice(places.addresses) + random.choice((0, 0, 8, -8, 0xFFF, random.randrange(0x1000)))
        at = _somewhere(data, places, random) & ~(places.entry_size - 1)
        if places.fields and random.random() < 0.4:
            at = random.choice(places.fields)[0]
        _put(data, at, random.choice((4, 8, 8)), target)


def _string(data: bytearray, places: Places, random: Random) -> None:
    """A string without an end: its length is huge, or no NUL follows for long."""
    at = random.choice(places.strings)
    _put(data, at, 4, random.choice((0xFFFF_FFFF, 0xFFFF_FFFE, 0x1_0000, 0x7FFF_FFFF, len(data))))
    if random.random() < 0.5:
        end = min(len(data), at + 4 + random.choice((0x100, 0x10000)))
        data[at + 4 : end] = b"B\0"[: 2 - random.randrange(2)] * (end - at - 4)
        del data[len(data) :]


def _all_strings(data: bytearray, places: Places, random: Random) -> None:
    """All strings at once claim all of the file."""
    length = random.choice((len(data), 0xFFFF_FFFF, 0x1_0000))
    for at in places.strings:
        _put(data, at, 4, length)


def _overlap(data: bytearray, places: Places, random: Random) -> None:
    """Ranges that cover each other: rows copied over rows, sizes raised to the maximum."""
    table: Rows = random.choice([rows for rows in places.rows if rows.count])
    for _ in range(random.choice((1, 4, table.count))):
        source, target = (table.offset + table.size * random.randrange(table.count) for _ in range(2))
        data[target : target + table.size] = data[source : source + table.size]
        if random.random() < 0.3:
            half = table.size // 2
            _put(data, target + half, half, random.choice((0xFFFF_FFFF, 1 << 40, 1 << 62, 0)))


def _loop_list(data: bytearray, places: Places, random: Random) -> None:
    """A Flink that leads to itself, to the entry before, or nowhere."""
    for _ in range(random.choice((1, 1, 8))):
        link = random.choice(places.links)
        target = random.choice((link.own, link.previous, 0, random.choice(places.links).own, random.getrandbits(64)))
        _put(data, link.offset, link.width, target)


def _loop_tables(data: bytearray, places: Places, random: Random) -> None:
    """Entries of a page table that lead to the table itself, to another one, or beyond memory; one or all of them."""
    offset, own = random.choice(places.page_tables)
    frame = random.choice(
        (own, own, random.choice(places.page_tables)[1], random.getrandbits(36), random.getrandbits(20))
    )
    size = places.entry_size
    for index in [random.randrange(0x1000 // size)] if random.random() < 0.3 else range(0x1000 // size):
        flags = int.from_bytes(data[offset + index * size : offset + index * size + 2], "little") & 0xFFF
        _put(data, offset + index * size, size, frame << 12 | flags | random.choice((0, 1, 0x63)))


_KINDS: tuple[tuple[Callable[[bytearray, Places, Random], None], Callable[[Places], bool]], ...] = (
    (_flip, lambda _: True),
    (_flip, lambda _: True),
    (_bits, lambda _: True),
    (_fill, lambda _: True),
    (_copy, lambda _: True),
    (_count, lambda places: bool(places.fields)),
    (_point, lambda places: bool(places.addresses)),
    (_string, lambda places: bool(places.strings)),
    (_all_strings, lambda places: bool(places.strings)),
    (_overlap, lambda places: any(rows.count for rows in places.rows)),
    (_loop_list, lambda places: bool(places.links)),
    (_loop_tables, lambda places: bool(places.page_tables)),
)
"""Kinds of damage, each with the test whether a seed has what it needs."""
