"""32-bit x86 translation, without and with PAE, on tables made by hand.

Bits: Intel SDM vol. 3A, 4.3 (tables 4-3 to 4-6) and 4.4 (tables 4-8 to 4-11).  Entries that are not valid: MMPTE_* of
volatility's win2003_sp2, vista_sp1 and win7_sp1 x86 vtypes.
"""

from __future__ import annotations

import pytest

from bugcheck.dump.dump import Architecture
from bugcheck.errors import NonCanonical, NotPresent, PagedOut
from bugcheck.memory.page_tables.translation import PageState, Translation
from bugcheck.memory.page_tables.x86 import prototype_since_vista
from tests.memory.builders import PAGE, Machine, map_pae, map_x86

P, W, U, PS, NX = 1, 2, 4, 1 << 7, 1 << 63
PROTOTYPE, TRANSITION = 1 << 10, 1 << 11
ADDRESS = 0x82A0_1234


def x86(entry: int, level: int = 1, **more: int) -> Translation:
    machine = Machine(Architecture.X86)
    base = machine.new_frame()
    map_x86(machine, base, ADDRESS, entry, level)
    return machine.space(base, **more).translate(ADDRESS)


def pae(entry: int, level: int = 1, base_offset: int = 0, **more: int) -> Translation:
    machine = Machine(Architecture.X86_PAE)
    base = machine.new_frame() + base_offset
    map_pae(machine, base, ADDRESS, entry, level)
    return machine.space(base, **more).translate(ADDRESS)


# --- without PAE ---


def test_x86_small_pages() -> None:
    assert x86(P | 0x12345 * PAGE) == Translation(0x12345234, PAGE, False, True, False, PageState.VALID)
    assert x86(P | W | U | 0x12345 * PAGE) == Translation(0x12345234, PAGE, True, True, True, PageState.VALID)


def test_x86_large_pages_reach_40_bits() -> None:
    # SDM table 4-4: bits 31:22 of the address in 31:22, bits 39:32 in 20:13 (PSE-36)
    entry = P | W | PS | 0x1_9140_0000 & 0xFFC0_0000 | 0xA5 << 13
    assert x86(entry, 2) == Translation(0xA5_9140_0000 + 0x20_1234, 4 << 20, True, True, False, PageState.VALID)


@pytest.mark.parametrize("level", [1, 2])
def test_x86_not_present(level: int) -> None:
    with pytest.raises(NotPresent) as caught:
        x86(0, level)
    assert caught.value.level == level


def test_x86_transition() -> None:
    found = x86(TRANSITION | 4 << 5 | 0x4C * PAGE)
    assert found == Translation(
        0x4C234, PAGE, True, False, True, PageState.TRANSITION
    )  # the directory grants user access


def test_x86_page_file() -> None:
    with pytest.raises(PagedOut) as caught:
        x86(0x4321 << 12 | 4 << 5 | 3 << 1)
    assert (caught.value.page_file, caught.value.offset) == (3, 0x4321)


def test_x86_prototypes_are_followed_since_vista() -> None:
    machine = Machine(Architecture.X86)
    base, pool = machine.new_frame(), machine.new_frame()
    proto = 0x9ABC_D3F8
    map_x86(machine, base, proto, P | pool)
    machine.put(pool + proto % PAGE, P | W | 0x77 * PAGE, 4)
    # ProtoAddressLow (bits 1-8) holds address bits 2-9, ProtoAddressHigh (11-31) bits 10-30; bit 31 is always set
    entry = PROTOTYPE | (proto >> 2 & 0xFF) << 1 | (proto >> 10 & 0x1F_FFFF) << 11
    assert prototype_since_vista(entry) == proto
    map_x86(machine, base, ADDRESS, entry)
    assert machine.space(base, build=7601).translate(ADDRESS) == Translation(
        0x77234, PAGE, True, True, True, PageState.PROTOTYPE
    )
    with pytest.raises(NotPresent, match="prototype"):
        machine.space(base, build=3790).translate(ADDRESS)


# --- with PAE ---


def test_pae_small_pages() -> None:
    assert pae(P | NX | 0xF_1234_5000) == Translation(0xF_1234_5234, PAGE, False, False, False, PageState.VALID)
    assert pae(P | W | U | 0x5000, base_offset=0x60) == Translation(0x5234, PAGE, True, True, True, PageState.VALID)


def test_pae_large_pages() -> None:
    found = pae(P | W | PS | NX | 0x1_2340_0000, 2)
    assert found == Translation(0x1_2340_1234, 2 << 20, True, False, False, PageState.VALID)


@pytest.mark.parametrize("level", [1, 2])
def test_pae_not_present(level: int) -> None:
    with pytest.raises(NotPresent) as caught:
        pae(0, level)
    assert caught.value.level == level


def test_pae_without_a_directory() -> None:
    machine = Machine(Architecture.X86_PAE)
    base = machine.new_frame()
    machine.put(base + 2 * 8, TRANSITION | 0x1000, 8)  # a top entry has no software states
    with pytest.raises(NotPresent) as caught:
        machine.space(base).translate(ADDRESS)
    assert caught.value.level == 3


def test_pae_transition_and_page_file() -> None:
    assert pae(TRANSITION | 7 << 5 | 0x1_0000_5000) == Translation(
        0x1_0000_5234, PAGE, True, True, True, PageState.TRANSITION
    )
    with pytest.raises(PagedOut) as caught:
        pae(0x1234 << 32 | 1 << 1 | 4 << 5, build=7601)
    assert (caught.value.page_file, caught.value.offset) == (1, 0x1234)


def test_pae_prototype() -> None:
    machine = Machine(Architecture.X86_PAE)
    base, pool = machine.new_frame(), machine.new_frame()
    map_pae(machine, base, 0xE123_4008, P | pool)
    machine.put(pool + 8, TRANSITION | 4 << 5 | 0x9 * PAGE, 8)
    map_pae(machine, base, ADDRESS, 0xE123_4008 << 32 | PROTOTYPE)  # ProtoAddress is the upper half
    found = machine.space(base).translate(ADDRESS)
    assert (found.physical, found.state) == (0x9234, PageState.PROTOTYPE)


@pytest.mark.parametrize("architecture", [Architecture.X86, Architecture.X86_PAE])
@pytest.mark.parametrize("address", [1 << 32, 0xFFFF_FFFF_82A0_1234, -1])
def test_addresses_beyond_4_gib(architecture: Architecture, address: int) -> None:
    machine = Machine(architecture)
    with pytest.raises(NonCanonical):
        machine.space(machine.new_frame()).translate(address)
