"""x64 translation on tables made by hand.

Bits: Intel SDM vol. 3A, 4.5: P 0, R/W 1, U/S 2, PS 7, XD 63.  Entries that are not valid: MMPTE_* of the public symbols
(corpus/symbols/isf): Prototype 10, Transition 11, Protection 5-9, PageFileLow 12-15, PageFileHigh 32-63, ProtoAddress
16-63, SwizzleBit 4.
"""

from __future__ import annotations

import pytest

from bugcheck.dump.dump import Architecture
from bugcheck.errors import NonCanonical, NotInDump, NotPresent, PagedOut
from bugcheck.memory.page_tables.translation import PageState, Translation
from bugcheck.memory.translated import TranslatedSpace
from tests.memory.builders import PAGE, Machine, map_x64

P, W, U, PS, NX = 1, 2, 4, 1 << 7, 1 << 63
PROTOTYPE, TRANSITION = 1 << 10, 1 << 11
KERNEL = 0xFFFF_F800_02A0_1000
USER = 0x0000_7FF6_1234_5000


@pytest.fixture
def machine() -> Machine:
    return Machine(Architecture.X64)


def one(machine: Machine, address: int, entry: int, level: int = 1, **more: int) -> Translation:
    base = machine.new_frame()
    map_x64(machine, base, address, entry, level)
    return machine.space(base, **more).translate(address)


@pytest.mark.parametrize(
    ("entry", "writable", "executable", "user"),
    [
        (P, False, True, False),
        (P | W, True, True, False),
        (P | W | NX, True, False, False),
        (P | U | NX, False, False, True),
        (P | 1 << 11, True, True, False),  # Windows' own Write bit: writable, not yet dirty
    ],
)
def test_a_small_page_and_its_rights(
    machine: Machine, entry: int, writable: bool, executable: bool, user: bool
) -> None:
    found = one(machine, KERNEL + 0, entry | 0x12345 * PAGE)
    assert found == Translation(0x12345000, PAGE, writable, executable, user, PageState.VALID)


@pytest.mark.parametrize(("level", "size"), [(2, 2 << 20), (3, 1 << 30)])
def test_large_pages(machine: Machine, level: int, size: int) -> None:
    base = machine.new_frame()
    map_x64(machine, base, KERNEL, P | W | PS | 1 << 12 | 5 * size, level)  # bit 12 is PAT here, no address bit
    space = machine.space(base)
    for address in (KERNEL, KERNEL | (size - 1), KERNEL & -size):
        found = space.translate(address)
        assert (found.physical, found.page_size) == (5 * size + address % size, size)


def test_rights_of_all_levels_count(machine: Machine) -> None:
    base = machine.new_frame()
    map_x64(machine, base, USER, P | W | U | 9 * PAGE)
    top = base + (USER >> 39) * 8
    machine.put(top, machine.get(top, 8) & ~(W | U) | NX, 8)
    found = machine.space(base).translate(USER)
    assert (found.writable, found.user, found.executable) == (False, False, False)


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_not_present_at_each_level(machine: Machine, level: int) -> None:
    with pytest.raises(NotPresent) as caught:
        one(machine, KERNEL, 0, level)
    assert (caught.value.level, caught.value.address) == (level, KERNEL)


@pytest.mark.parametrize("level", [2, 3, 4])
def test_a_table_missing_from_the_dump(machine: Machine, level: int) -> None:
    with pytest.raises(NotInDump, match=f"page table of level {level - 1}") as caught:
        one(machine, KERNEL, P | 0x7_0000 * PAGE, level)
    assert caught.value.address == KERNEL


def test_reserved_bits_of_the_top_level(machine: Machine) -> None:
    with pytest.raises(NotPresent, match="reserved bits"):
        one(machine, KERNEL, P | PS, 4)


@pytest.mark.parametrize("address", [1 << 47, 0x8000_0000_0000_0000, 0xFFFF_7FFF_FFFF_FFFF, 1 << 64, -1])
def test_non_canonical_addresses(machine: Machine, address: int) -> None:
    with pytest.raises(NonCanonical):
        machine.space(machine.new_frame()).translate(address)


def test_flags_of_cr3_are_ignored(machine: Machine) -> None:
    base = machine.new_frame()
    map_x64(machine, base, KERNEL, P | 9 * PAGE)
    assert machine.space(base | 0x8000_0000_0000_0FFF).translate(KERNEL).physical == 9 * PAGE


# --- entries that are not valid ---


def test_a_transition_page_is_read_from_its_frame(machine: Machine) -> None:
    found = one(machine, KERNEL, TRANSITION | 4 << 5 | 0x41 * PAGE)  # protection 4: read+write, no execute
    assert found == Translation(0x41000, PAGE, True, False, False, PageState.TRANSITION)
    found = one(machine, KERNEL, TRANSITION | 3 << 5 | 0x41 * PAGE)  # 3: execute+read
    assert (found.writable, found.executable) == (False, True)


def test_a_transition_page_on_a_kernel_with_the_l1tf_mitigation(machine: Machine) -> None:
    # volatility3 pull request 475: bit 45 is set in the entry and is no part of the frame
    swizzled = TRANSITION | 1 << 45 | 0x1E749 * PAGE
    assert one(machine, KERNEL, swizzled).physical == 0x1E749000
    assert one(machine, KERNEL, swizzled, invalid_pte_mask=1 << 45).physical == 0x1E749000
    plain = swizzled | 1 << 4  # SwizzleBit: stored as is
    assert one(machine, KERNEL, plain, invalid_pte_mask=1 << 45).physical == 1 << 45 | 0x1E749000


def test_a_page_table_in_transition_is_walked_through(machine: Machine) -> None:
    base = machine.new_frame()
    map_x64(machine, base, USER, P | 9 * PAGE)
    directory = base
    for shift in (39, 30):
        directory = machine.get(directory + (USER >> shift & 511) * 8, 8) & ~0xFFF
    place = directory + (USER >> 21 & 511) * 8
    # protection 4 sets bit 7, which must not be taken for a large page (volatility3 pull request 518)
    machine.put(place, machine.get(place, 8) & ~0xFFF | TRANSITION | 4 << 5, 8)
    assert machine.space(base).translate(USER).physical == 9 * PAGE


@pytest.mark.parametrize(("build", "low_bit"), [(7601, 1), (9600, 1), (17134, 12), (26100, 12)])
def test_a_page_in_the_page_file(machine: Machine, build: int, low_bit: int) -> None:
    with pytest.raises(PagedOut) as caught:
        one(machine, KERNEL, 0x1234 << 32 | 2 << low_bit | 4 << 5, build=build)
    assert (caught.value.page_file, caught.value.offset, caught.value.address) == (2, 0x1234, KERNEL)


def test_page_file_offset_with_a_known_swizzle_mask(machine: Machine) -> None:
    with pytest.raises(PagedOut) as caught:
        one(machine, KERNEL, (0x2000 | 0x77) << 32 | 2 << 12, build=19041, invalid_pte_mask=1 << 45)
    assert caught.value.offset == 0x77


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (0, "no entry"),
        (4 << 5, "demand zero"),
        (PROTOTYPE | 0xFFFF_FFFF << 32, "prototype$"),  # the VAD describes it: no address to follow
        (PROTOTYPE | 0xFFFF_A800_0000_0000 << 16, "prototype at 0xffffa80000000000, which is unreadable"),
    ],
)
def test_why_a_page_is_not_there(machine: Machine, entry: int, reason: str) -> None:
    with pytest.raises(NotPresent, match=reason) as caught:
        one(machine, KERNEL, entry & (1 << 64) - 1)
    assert caught.value.level == 1


PROTO_PAGE = 0xFFFF_A80F_1234_5000


def behind_prototype(machine: Machine, target: int, proto_page: int | None = None) -> TranslatedSpace:
    """USER's entry names the prototype PTE at PROTO_PAGE + 0x18, whose page is mapped by `proto_page`."""
    base, pool = machine.new_frame(), machine.new_frame()
    map_x64(machine, base, PROTO_PAGE, P | W | pool if proto_page is None else proto_page)
    machine.put(pool + 0x18, target, 8)
    map_x64(machine, base, USER, PROTOTYPE | ((PROTO_PAGE + 0x18) << 16 & (1 << 64) - 1))
    return machine.space(base)


def test_a_page_behind_a_prototype(machine: Machine) -> None:
    found = behind_prototype(machine, P | NX | 0x55 * PAGE).translate(USER + 5)
    assert found == Translation(0x55005, PAGE, False, False, True, PageState.PROTOTYPE)
    found = behind_prototype(machine, TRANSITION | 6 << 5 | 0x56 * PAGE).translate(USER)
    assert found == Translation(0x56000, PAGE, True, True, True, PageState.PROTOTYPE)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (0, "demand zero"),
        (PROTOTYPE | 0xFFFF_A800_0000_0000 << 16 & (1 << 64) - 1, "mapped file"),
        (0xFFFF_A80F_1234_5810, "mapped file"),  # Windows 11 22H2: a plain address whose bits 10-11 read "transition"
    ],
)
def test_a_prototype_that_leads_to_no_frame(machine: Machine, target: int, reason: str) -> None:
    with pytest.raises(NotPresent, match=reason):
        behind_prototype(machine, target).translate(USER)


def test_a_prototype_in_the_page_file(machine: Machine) -> None:
    with pytest.raises(PagedOut):
        behind_prototype(machine, 0x99 << 32 | 4 << 5).translate(USER)


def test_a_prototype_across_two_pages_is_none(machine: Machine) -> None:
    """The frames of two pages need not adjoin, and Windows aligns its entries."""
    base, pool = machine.new_frame(), machine.new_frame()
    machine.write(pool + 0xFFC, (P | 9 * PAGE).to_bytes(8, "little"))
    map_x64(machine, base, PROTO_PAGE, P | pool)
    map_x64(machine, base, USER, PROTOTYPE | ((PROTO_PAGE + 0xFFC) << 16 & (1 << 64) - 1))
    with pytest.raises(NotPresent, match="unreadable"):
        machine.space(base).translate(USER)


def test_a_prototype_that_lies_behind_itself_ends(machine: Machine) -> None:
    itself = PROTOTYPE | (PROTO_PAGE << 16 & (1 << 64) - 1)
    with pytest.raises(NotPresent, match="unreadable"):
        behind_prototype(machine, 0, proto_page=itself).translate(USER)


# --- five levels ---


@pytest.mark.parametrize("level", [1, 2, 3])
def test_five_levels(machine: Machine, level: int) -> None:
    address = 0xFF12_3456_789A_B000
    size = PAGE << 9 * (level - 1)
    base = machine.new_frame()
    map_x64(machine, base, address, P | W | (PS if level > 1 else 0) | 3 * size, level, levels=5)
    space = machine.space(base, 5)
    assert space.translate(address).physical == 3 * size + address % size
    with pytest.raises(NonCanonical):
        space.translate(1 << 56)
    with pytest.raises(NonCanonical):
        machine.space(base, 4).translate(address)
    with pytest.raises(NotPresent) as caught:
        space.translate(address ^ 1 << 50)
    assert caught.value.level == 5
