"""Virtual memory over random page tables against a plain dictionary; enumeration, damaged tables, limits."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bugcheck.dump.dump import Architecture
from bugcheck.errors import MemoryFault, NonCanonical, NotInDump, NotPresent, PartialRead, UsageError
from bugcheck.memory import translated
from bugcheck.memory.page_tables.enumeration import Budget
from bugcheck.memory.page_tables.translation import PageState
from bugcheck.memory.translated import MappedRange, TranslatedSpace, detect_levels
from tests.memory.builders import PAGE, Machine, map_arm64, map_pae, map_x64, map_x86

Mapper = Callable[..., None]
# name: architecture, map function, valid bits, a region that crosses a table's end, bits of the address
KINDS: dict[str, tuple[Architecture, Mapper, int, int, int]] = {
    "x86": (Architecture.X86, map_x86, 0b11, 0x803F_D000, 32),
    "pae": (Architecture.X86_PAE, map_pae, 0b11, 0x801F_D000, 32),
    "x64": (Architecture.X64, map_x64, 0b11, 0xFFFF_F800_001F_D000, 64),
    "arm64": (Architecture.ARM64, map_arm64, 0b11, 0xFFFF_F800_001F_D000, 64),
}
PAGES = 8


def build(kind: str, frames: list[int | None], region: int | None = None) -> tuple[Machine, int, int]:
    """Map PAGES pages from the region on to the numbered frames; every frame has bytes of its own."""
    architecture, mapper, valid, usual, _ = KINDS[kind]
    region = usual if region is None else region
    machine = Machine(architecture)
    base = machine.new_frame()
    for index, number in enumerate(frames):
        if number is not None:
            frame = 0x1000 + number
            machine.frames[frame] = bytearray((number * 31 + i * 7) & 0xFF for i in range(PAGE))
            mapper(machine, base, region + index * PAGE, frame * PAGE | valid)
    return machine, base, region


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(
    frames=st.lists(st.none() | st.integers(0, 5), min_size=PAGES, max_size=PAGES),
    missing=st.sets(st.integers(0, 5), max_size=2),
    start=st.integers(-20, PAGES * PAGE + 20),
    size=st.integers(0, 3 * PAGE),
)
def test_reads_agree_with_the_pages(
    kind: str, frames: list[int | None], missing: set[int], start: int, size: int
) -> None:
    machine, base, region = build(kind, frames)
    space = machine.space(base, omit=tuple(0x1000 + number for number in missing))
    expected = bytearray()
    for place in range(start, start + size):
        number = frames[place // PAGE] if 0 <= place // PAGE < PAGES else None
        if number is None or number in missing:
            break
        expected.append(machine.frames[0x1000 + number][place % PAGE])
    for _ in range(2):  # the second time from the cache
        assert space.read_up_to(region + start, size) == bytes(expected)
    if len(expected) < size:
        with pytest.raises(MemoryFault) as caught:
            space.read(region + start, size)
        assert caught.value.address == region + start + len(expected)
        assert isinstance(caught.value, PartialRead) == bool(expected)


@pytest.mark.parametrize("kind", KINDS)
def test_the_end_of_the_address_space(kind: str) -> None:
    bits = KINDS[kind][4]
    machine, base, region = build(kind, [0, 1, 2, 3, 4, 5, 0, 1], (1 << bits) - PAGES * PAGE)
    space = machine.space(base)
    assert space.address_bits == bits
    assert space.read((1 << bits) - 3, 3) == machine.frames[0x1001][-3:]
    with pytest.raises(PartialRead) as caught:
        space.read((1 << bits) - 4, 8)
    assert caught.value.available == 4
    assert isinstance(caught.value.cause, NonCanonical)
    assert space.read(region, PAGE) == machine.frames[0x1000]


def test_the_hole_between_the_halves_of_x64() -> None:
    machine = Machine(Architecture.X64)
    base, frame = machine.new_frame(), machine.new_frame()
    map_x64(machine, base, 0x7FFF_FFFF_F000, frame | 1)
    with pytest.raises(PartialRead) as caught:
        machine.space(base).read(0x7FFF_FFFF_FFF8, 16)
    assert isinstance(caught.value.cause, NonCanonical)


def test_a_large_page_is_read_frame_by_frame() -> None:
    machine = Machine(Architecture.X64)
    base = machine.new_frame()
    map_x64(machine, base, 0x40_0000, 0x60_0000 | 0b10000011, 2)
    machine.write(0x60_5FF8, b"page end" + b"next one")
    space = machine.space(base)
    assert space.read(0x40_5FF8, 16) == b"page end" + b"next one"
    with pytest.raises(NotInDump, match="page frame 0x607"):
        space.read(0x40_7000, 1)


def test_a_transition_page_is_readable() -> None:
    machine = Machine(Architecture.X86)
    base, frame = machine.new_frame(), machine.new_frame()
    machine.write(frame, b"TRANSITION-PAGE!")
    map_x86(machine, base, 0x8589_0000, frame | 1 << 11)
    assert machine.space(base).read(0x8589_0000, 16) == b"TRANSITION-PAGE!"


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translated, "CACHED_PAGES", 3)
    machine, base, region = build("x64", [0, 1, 2, 3, 4, 5, 0, 1])
    space = machine.space(base)
    for _ in range(2):
        for index, number in enumerate([0, 1, 2, 3, 4, 5, 0, 1]):
            assert space.read(region + index * PAGE, 8) == machine.frames[0x1000 + number][:8]
            assert len(space._offsets) <= 3


# --- enumeration ---


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(frames=st.lists(st.none() | st.integers(0, 5), min_size=PAGES, max_size=PAGES), data=st.data())
def test_pages_are_those_that_translate(kind: str, frames: list[int | None], data: st.DataObject) -> None:
    machine, base, region = build(kind, frames)
    space = machine.space(base)
    first, last = sorted((data.draw(st.integers(0, PAGES)), data.draw(st.integers(0, PAGES))))
    found = list(space.pages(region + first * PAGE, region + last * PAGE))
    assert [address for address, _ in found] == [region + i * PAGE for i in range(first, last) if frames[i] is not None]
    for address, page in found:
        assert page == space.translate(address)
    every = [address for address, _ in space.pages()]
    assert every == [region + i * PAGE for i, number in enumerate(frames) if number is not None]
    covered = [a for start, size in space.ranges() for a in range(start, start + size, PAGE)]
    assert covered == every
    assert space.gaps == []


def test_neighbours_with_the_same_rights_form_a_range() -> None:
    machine = Machine(Architecture.X64)
    base = machine.new_frame()
    for index, flags in enumerate([0b11, 0b11, 0b01, 1 << 63 | 1, 0, 1 << 11 | 4 << 5]):
        map_x64(machine, base, 0xFFFF_F800_0000_0000 + index * PAGE, 0x9000 | flags if flags else 0)
    map_x64(machine, base, 0xFFFF_F800_0020_0000, 0x20_0000 | 0b10000111, 2)
    top = 0xFFFF_F800_0000_0000
    assert list(machine.space(base).mapped_ranges()) == [
        MappedRange(top, 2 * PAGE, True, True, False),
        MappedRange(top + 2 * PAGE, PAGE, False, True, False),
        MappedRange(top + 3 * PAGE, PAGE, False, False, False),
        MappedRange(top + 5 * PAGE, PAGE, True, False, False),
        MappedRange(top + 0x20_0000, 2 << 20, True, True, True),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_that_maps_itself_is_readable_and_not_enumerated(kind: str) -> None:
    _, _, valid, region, bits = KINDS[kind]
    machine, base, _ = build(kind, [1])
    table, size, index = base, 8, 0x1ED
    indexed_at = [39, 30, 21, 12]
    if kind == "pae":  # the directory that serves the region's gigabyte leads back to itself
        table, indexed_at = machine.get(base + (region >> 30) * 8, 8) & ~0xFFF, [21, 12]
    elif kind == "x86":
        size, index, indexed_at = 4, 0x300, [22, 12]
    machine.put(table + index * size, table | valid, size)
    space = machine.space(base)
    assert [address for address, _ in space.pages()] == [region]
    itself = sum(index << shift for shift in indexed_at)
    itself |= region & 0xC000_0000 if kind == "pae" else 0xFFFF_0000_0000_0000 if bits == 64 else 0
    assert space.u32(itself + index * size) == table | valid
    assert space.translate(itself).physical == table


def test_tables_that_share_one_another_stop_at_the_limit() -> None:
    """512 ** 4 pages out of four frames: every entry of every table leads to the same next one."""
    machine = Machine(Architecture.X64)
    tables = [machine.new_frame() for _ in range(4)]
    for table, below in itertools.pairwise([*tables, 0x5000]):
        machine.write(table, (below | 0b111).to_bytes(8, "little") * 512)
    space = machine.space(tables[0])
    budget = Budget(tables=20, pages=1 << 20)
    assert len(list(space.pages(budget=budget))) == 17 * 512  # three tables on the way down, 17 of the lowest level
    assert budget.spent
    assert len(list(space.pages(budget=Budget(pages=1000)))) == 1000
    assert [gap.missing for gap in space.gaps] == [
        "all beyond the first 1048576 pages or 20 page tables",
        "all beyond the first 1000 pages or 65536 page tables",
    ]


def test_shared_tables_without_pages_stop_too() -> None:
    machine = Machine(Architecture.X64)
    tables = [machine.new_frame() for _ in range(4)]
    for table, below in itertools.pairwise(tables):
        machine.write(table, (below | 0b111).to_bytes(8, "little") * 512)
    space = machine.space(tables[0])
    assert list(space.pages()) == []
    assert space.gaps[0].missing == "all beyond the first 16777216 pages or 1064 page tables"  # 1024 + 8 * 5 file pages


def test_a_missing_table_hides_only_its_own_pages() -> None:
    machine, base, region = build("x64", [0, 1, 2, 3, 4, 5, 0, 1])  # the region crosses into a second lowest table
    lost = machine.get(base + (region >> 39 & 511) * 8, 8)
    for shift in (30, 21):
        lost = machine.get((lost & ~0xFFF) + (region >> shift & 511) * 8, 8)
    space = machine.space(base, omit=(lost >> 12,))
    assert [address for address, _ in space.pages()] == [region + i * PAGE for i in range(3, 8)]
    with pytest.raises(NotInDump, match="page table of level 1"):
        space.translate(region)


def test_transition_pages_are_enumerated_as_such() -> None:
    machine = Machine(Architecture.X86_PAE)
    base = machine.new_frame()
    map_pae(machine, base, 0x8382_0000, 0x1000 | 1 << 11)
    ((address, page),) = machine.space(base).pages()
    assert (address, page.state) == (0x8382_0000, PageState.TRANSITION)


# --- choosing the format ---


def test_the_number_of_levels_is_found_by_what_must_be_mapped() -> None:
    machine = Machine(Architecture.X64)
    four, five = machine.new_frame(), machine.new_frame()
    head = 0xFFFF_F800_02A0_33A0
    map_x64(machine, four, head, machine.new_frame() | 1)
    map_x64(machine, five, head, machine.new_frame() | 1, levels=5)
    physical = machine.space(four).physical
    assert detect_levels(physical, four, [0, head]) == 4
    assert detect_levels(physical, five, [0, head]) == 5
    assert detect_levels(physical, five, [0]) == 4
    assert detect_levels(physical, 0xDEAD000, [head]) == 4


def test_what_has_no_page_tables_here_is_refused() -> None:
    machine = Machine(Architecture.X64)
    physical = machine.space(0).physical
    with pytest.raises(UsageError, match="ARM"):
        TranslatedSpace(physical, Architecture.ARM32, 0)
    with pytest.raises(UsageError, match="levels"):
        TranslatedSpace(physical, Architecture.X64, 0, 3)


def test_random_bytes_as_tables_only_ever_fault() -> None:
    for kind, (architecture, *_) in KINDS.items():
        machine = Machine(architecture, first_free_frame=0)
        seed = 12345
        for frame in range(16):
            words = bytearray()
            for _ in range(PAGE // 8):
                seed = seed * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
                words += (seed & 0xFFFF_0000_0000_FFFF if seed >> 60 else seed).to_bytes(8, "little")
            machine.frames[frame] = words
        space = machine.space(0x3000)
        outcomes = set[str]()
        for step in range(3000):
            address = (step * 0x9E37_79B9_7F4A_7C15 & (1 << 64) - 1) >> (17 if step % 2 else 0)
            address = address & 0xFFFF_FFFF if KINDS[kind][4] == 32 else address
            try:
                space.translate(address)
                outcomes.add("found")
            except (NotPresent, NonCanonical, NotInDump, MemoryFault) as fault:
                outcomes.add(type(fault).__name__)
        assert len(outcomes) > 1
        assert sum(1 for _ in space.pages(budget=Budget(tables=500, pages=5000))) <= 5000
