"""ARM64 translation on tables made by hand.

Bits: Arm ARM (DDI 0487) D8.3: 0b11 table or page, 0b01 block, AP[1] 6 (user), AP[2] 7 (read-only), PXN 53, UXN 54;
tables: PXNTable 59, UXNTable 60, APTable 61-62.  Software states and bit 55 (Writable): MMPTE_* in ntdiff/headers,
Win10_1903 ARM64: Protection 1-5, PageFileLow 6-9, PageFileHigh 32-63.
"""

from __future__ import annotations

import pytest

from bugcheck.dump.dump import Architecture
from bugcheck.errors import NonCanonical, NotPresent, PagedOut
from bugcheck.memory.page_tables.translation import PageState, Translation
from tests.memory.builders import PAGE, Machine, map_arm64

PAGE_BITS, BLOCK = 0b11, 0b01
EL0, READ_ONLY, PXN, UXN = 1 << 6, 1 << 7, 1 << 53, 1 << 54
KERNEL = 0xFFFF_F801_BCF3_9000
USER = 0x0000_7FF6_1234_5000


def one(address: int, entry: int, level: int = 1) -> Translation:
    machine = Machine(Architecture.ARM64)
    base = machine.new_frame()
    map_arm64(machine, base, address, entry, level)
    return machine.space(base).translate(address)


@pytest.mark.parametrize(
    ("address", "entry", "writable", "executable", "user"),
    [
        (KERNEL, PAGE_BITS | UXN, True, True, False),
        (KERNEL, PAGE_BITS | PXN, True, False, False),
        (KERNEL, PAGE_BITS | READ_ONLY, False, True, False),
        (KERNEL, PAGE_BITS | READ_ONLY | 1 << 55, True, True, False),  # writable, not yet dirty
        (USER, PAGE_BITS | EL0 | PXN, True, True, True),
        (USER, PAGE_BITS | EL0 | READ_ONLY | PXN | UXN, False, False, True),
    ],
)
def test_a_page_and_its_rights(address: int, entry: int, writable: bool, executable: bool, user: bool) -> None:
    found = one(address, entry | 0x9_4600_0000)
    assert found == Translation(0x9_4600_0000, PAGE, writable, executable, user, PageState.VALID)


@pytest.mark.parametrize(("level", "size"), [(2, 2 << 20), (3, 1 << 30)])
def test_blocks(level: int, size: int) -> None:
    found = one(KERNEL + 0x123, BLOCK | 5 * size, level)
    assert (found.physical, found.page_size) == (5 * size + (KERNEL + 0x123) % size, size)


@pytest.mark.parametrize(("level", "entry"), [(1, BLOCK), (4, BLOCK)])
def test_reserved_descriptors(level: int, entry: int) -> None:
    with pytest.raises(NotPresent, match="reserved bits") as caught:
        one(KERNEL, entry | 0x5000, level)
    assert caught.value.level == level


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_not_present_at_each_level(level: int) -> None:
    with pytest.raises(NotPresent) as caught:
        one(KERNEL, 0, level)
    assert caught.value.level == level


def test_rights_of_tables_count() -> None:
    machine = Machine(Architecture.ARM64)
    base = machine.new_frame()
    map_arm64(machine, base, USER, PAGE_BITS | EL0 | 0x5000)
    top = base + (USER >> 39) * 8
    machine.put(top, machine.get(top, 8) | 1 << 60 | 1 << 61 | 1 << 62, 8)
    found = machine.space(base).translate(USER)
    assert (found.writable, found.executable, found.user) == (False, False, False)


def test_one_table_serves_both_halves_as_on_windows() -> None:
    machine = Machine(Architecture.ARM64)
    base = machine.new_frame()
    map_arm64(machine, base, USER, PAGE_BITS | 0x5000)
    map_arm64(machine, base, KERNEL, PAGE_BITS | 0x6000)
    space = machine.space(base | 0x0042_0000_0000_0000)  # an ASID in the upper bits
    assert (space.translate(USER).physical, space.translate(KERNEL).physical) == (0x5000, 0x6000)
    assert [address for address, _ in space.pages()] == [USER, KERNEL]
    with pytest.raises(NonCanonical):
        space.translate(0x0000_F801_BCF3_9000)


def test_a_table_for_each_half() -> None:
    machine = Machine(Architecture.ARM64)
    kernel, user = machine.new_frame(), machine.new_frame()
    low = 0x0000_F801_BCF3_9000  # same indices as KERNEL, in the other half
    map_arm64(machine, user, low, PAGE_BITS | 0x5000)
    map_arm64(machine, kernel, KERNEL, PAGE_BITS | 0x6000)
    space = machine.space(kernel, user_table=user)
    assert (space.translate(low).physical, space.translate(KERNEL).physical) == (0x5000, 0x6000)
    assert [address for address, _ in space.pages()] == [low, KERNEL]
    with pytest.raises(NonCanonical):
        space.translate(0x0001_0000_0000_0000)


def test_software_states() -> None:
    found = one(KERNEL, 1 << 11 | 4 << 1 | 0x5000)  # protection 4: read+write
    assert found == Translation(0x5000, PAGE, True, False, False, PageState.TRANSITION)
    with pytest.raises(PagedOut) as caught:
        one(KERNEL, 0x77 << 32 | 2 << 6 | 4 << 1)
    assert (caught.value.page_file, caught.value.offset) == (2, 0x77)
    with pytest.raises(NotPresent, match="demand zero"):
        one(KERNEL, 4 << 1)


def test_a_prototype() -> None:
    machine = Machine(Architecture.ARM64)
    base, pool = machine.new_frame(), machine.new_frame()
    map_arm64(machine, base, KERNEL, PAGE_BITS | pool)
    machine.put(pool + 0x40, PAGE_BITS | 0x7000, 8)
    map_arm64(machine, base, USER, 1 << 10 | ((KERNEL + 0x40) << 16 & (1 << 64) - 1))
    found = machine.space(base).translate(USER)
    assert (found.physical, found.state) == (0x7000, PageState.PROTOTYPE)
