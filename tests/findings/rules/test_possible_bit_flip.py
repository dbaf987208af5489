"""possible_bit_flip speaks of changed bits, and of nothing that software makes every day."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.findings.bit_flips import canonical_flip, entry_of, find_flip, find_region_flip, small_value_flip
from bugcheck.findings.findings import Category, Crash
from tests.crashes import empty_crash, x64_crash
from tests.findings.rules.speaking import IN_DRIVER, MACHINE, NT, corpus_statements, crash_at, opened, said

RULE = "possible_bit_flip"
POINTER = 0xFFFF_BD8E_4CF6_A540
LOAD = bytes.fromhex("488b03")  # mov rax,[rbx]


def faulted_at(address: int, *, live: int = POINTER) -> Crash:
    """A 50 that failed to read an address while a pointer lay on the stack."""
    return crash_at(LOAD, check=(0x50, address, 0, IN_DRIVER), stack={0x40: live}, rbx=address)


def test_one_high_bit_from_a_live_pointer_is_near_proof() -> None:
    # corpus: r-Techsupport 50_1 (truth.jsonl: bit 39, RAM)
    [finding] = said(faulted_at(0xFFFF_BD0E_4CF6_A558), RULE)
    assert finding.category is Category.HARDWARE
    assert finding.module is None
    assert finding.weight >= 0.75
    assert "differs in bit 39 from 0xffffbd8e4cf6a558" in finding.statement
    assert "0x18 bytes behind a pointer in use" in finding.statement


def test_two_high_bits_weigh_less() -> None:
    [finding] = said(faulted_at(POINTER ^ 1 << 39 ^ 1 << 34), RULE)
    assert finding.weight < 0.5
    assert "bits 34 and 39" in finding.statement


@pytest.mark.parametrize(
    ("address", "live"),
    [
        (POINTER ^ 1 << 39 ^ 1 << 34 ^ 1 << 35, POINTER),  # three bits: any two pools differ so
        (POINTER ^ 1 << 23, POINTER),  # objects 8 MiB apart are usual
        (POINTER + 0x3000, POINTER),  # another page
        (0xFFFF_D000_0000_0010, 0xFFFF_E000_0000_0000),  # two 32-bit numbers; corpus: 52015 has dozens of such pairs
        (0x7FFE_0320, POINTER),  # corpus: 27812
    ],
)
def test_what_chance_does_is_left_alone(address: int, live: int) -> None:
    assert said(faulted_at(address, live=live), RULE) == []


def test_a_null_pointer_with_one_bit_has_an_innocent_reading_too() -> None:
    [finding] = said(faulted_at(0x20_0000_0068), RULE)
    assert "0x2000000068 is a null pointer plus 0x68 but for bit 37" in finding.statement
    assert "two 32-bit numbers, 0x68 and 0x20" in finding.statement
    assert finding.weight < 0.5


def test_a_pointer_of_one_bit_to_which_code_added_the_offset(corpus: Path) -> None:
    # truth.jsonl: 3b_0, rdx=0x2000000068, bit 37; the code there is `test rdx,rdx; jne; add rdx,68h; cmp [rdx],0`
    [finding] = said(opened(corpus / "kernel" / "r-Techsupport__training_bsods__3b_0.dmp"), RULE)
    assert "the pointer behind 0x2000000068 was 0x2000000000, in which only bit 37 is set" in finding.statement
    assert finding.weight == 0.6


def test_a_pointer_of_one_bit_still_in_its_register() -> None:
    crash = crash_at(bytes.fromhex("488b4368"), check=(0x50, 0x20_0000_0068, 0, IN_DRIVER), rbx=0x20_0000_0000)
    [finding] = said(crash, RULE)
    assert finding.weight == 0.6


def test_the_fault_of_a_page_table_entry_is_about_the_pointer_it_maps() -> None:
    # corpus 50_0: 0xfffffa5bd73d3148 is the entry of 0xffffb7ae7a629000, which rbx holds
    assert entry_of(0xFFFF_FA5B_D73D_3148, {POINTER: "", 0xFFFF_B7AE_7A62_9450: "r12"}) == 0xFFFF_B7AE_7A62_9450
    assert entry_of(0xFFFF_FA5B_D73D_3148, {POINTER: ""}) is None
    wrong = POINTER ^ 1 << 39
    entry = 0xFFFF_FA00_0000_0000 | wrong >> 9 & 0x7F_FFFF_FFF8
    crash = crash_at(LOAD, check=(0x50, entry, 0, IN_DRIVER), stack={0x40: POINTER}, rbx=wrong)
    [finding] = said(crash, RULE)
    assert "0xffffbd0e4cf6a540 differs in bit 39" in finding.statement


def test_packed_fields_are_no_impossible_pointer_with_one_bit() -> None:
    wild = 0x0100_0000_0000_0068
    crash = crash_at(LOAD, check=(0x3B, 0xC000_0005, IN_DRIVER, 0), exception=(0xC000_0005, (0, 2**64 - 1)), rbx=wild)
    assert said(crash, RULE) == []


def test_a_value_below_4_gib_is_no_changed_null_pointer() -> None:
    # corpus: 58375, rcx=0x40000000 in RTKVHD64, which is guilty (truth.jsonl)
    assert said(faulted_at(0x4000_010B), RULE) == []


def test_an_impossible_address_is_one_bit_from_a_possible_one() -> None:
    wild = POINTER ^ 1 << 57
    crash = crash_at(LOAD, check=(0x3B, 0xC000_0005, IN_DRIVER, 0), exception=(0xC000_0005, (0, 2**64 - 1)), rbx=wild)
    [finding] = said(crash, RULE)
    assert "turning bit 57 back makes it 0xffffbd8e4cf6a540" in finding.statement


def test_ascii_text_as_a_pointer_is_no_changed_bit() -> None:
    text = int.from_bytes(b"\\Device\\", "little")
    crash = crash_at(LOAD, check=(0x3B, 0xC000_0005, IN_DRIVER, 0), exception=(0xC000_0005, (0, 2**64 - 1)), rbx=text)
    assert said(crash, RULE) == []


def test_an_instruction_pointer_beside_a_module() -> None:
    astray = IN_DRIVER ^ 1 << 40
    [finding] = said(crash_at(LOAD, check=(0x1E, 0xC000_0005, astray, 8, astray), rip=NT.base + 0x1010), RULE)
    assert finding.statement.endswith("turning bit 40 back makes it flaky+0x1020")


def test_one_bit_in_a_page_table_entry_is_told_elsewhere_and_only_once() -> None:
    assert said(x64_crash(0x1A, 0x41792, 0xFFFF_DD01_0BC5_D3F8, 1 << 37), RULE) == []
    assert said(x64_crash(0x1A, 0x41792, 0xFFFF_DD01_0BC5_D3F8, 1 << 37), "hardware_reported")


def test_two_bits_in_a_page_table_entry() -> None:
    [finding] = said(x64_crash(0x1A, 0x41792, 0xFFFF_DD01_0BC5_D3F8, 1 << 37 | 1 << 3), RULE)
    assert "two set bits, 3 and 37" in finding.statement
    assert finding.weight < 0.5


def test_a_region_of_memory_one_bit_away_counts_when_nothing_else_is_near() -> None:
    address = 0xFFFF_BDAE_7A62_9000  # bit 37 away from POINTER's 4 GiB, its own low half
    [finding] = said(faulted_at(address), RULE)
    assert "turning bit 37 back makes it 0xffffbd8e7a629000, among memory that is in use" in finding.statement
    assert finding.category is Category.HARDWARE
    assert 0.45 <= finding.weight < 0.75
    assert [citation.where for citation in finding.citations if citation.kind == "bit"] == ["37"]


def test_a_flipped_pointer_used_with_a_large_offset() -> None:
    wrong = POINTER ^ 1 << 41
    load = bytes.fromhex("488b83c8040000")  # mov rax,[rbx+4C8h]
    crash = crash_at(load, check=(0x50, wrong + 0x4C8, 0, IN_DRIVER), stack={0x40: POINTER}, rbx=wrong)
    [finding] = said(crash, RULE)
    assert f"the pointer {wrong:#x} in rbx, which was used with an offset, differs in bit 41" in finding.statement
    assert finding.weight >= 0.75
    sound = crash_at(load, check=(0x50, POINTER + 0x4C8, 0, IN_DRIVER), stack={0x40: POINTER}, rbx=POINTER)
    assert said(sound, RULE) == []


@pytest.mark.parametrize("build", [7601, 9600, 10586])
def test_regions_stand_one_bit_apart_by_themselves_before_1607(build: int) -> None:
    # corpus, 111317-27812-01 (9600): pools at ffffc000 and ffffe000, stacks at ffffd000
    machine = replace(MACHINE, build=build)
    crash = crash_at(
        LOAD,
        check=(0x50, 0xFFFF_C000_89FE_C010, 0, IN_DRIVER),
        stack={0x40: 0xFFFF_E000_8123_4560},
        machine=machine,
        rbx=0xFFFF_C000_89FE_C010,
    )
    assert said(crash, RULE) == []


@pytest.mark.parametrize(
    ("address", "pointers"),
    [
        (0xFFFF_BDAE_7A62_9000, {POINTER: "a", 0xFFFF_BDAE_1234_5670: "b"}),  # its own region is in use
        (0xFFFF_BD8F_7A62_9000, {POINTER: "a"}),  # the next 4 GiB: a region that grew
        (0xFFFF_BDAE_7A62_9000, {POINTER: "a", 0xFFFF_BDBE_1234_5670: "b"}),  # two regions, each by another bit
        (0xFFFF_BDAE_0000_0010, {POINTER: "a"}),  # two 32-bit numbers
        (0xFFFF_BDA6_7A62_9000, {POINTER: "a"}),  # two bits
    ],
)
def test_regions_prove_nothing_where_chance_or_growth_explains(address: int, pointers: dict[int, str]) -> None:
    assert find_region_flip(address, pointers) is None


def test_pointers_made_from_the_bad_one_are_no_neighbours() -> None:
    address = 0xFFFF_BDAE_7A62_9000
    flip = find_region_flip(address, {POINTER: "a", address: "rbx", address + 0x450: "r12"})
    assert flip is not None
    assert (flip.bits, flip.pointer) == ((37,), POINTER)


def test_survives_an_empty_dump() -> None:
    assert said(empty_crash(), RULE) == []


def test_of_all_real_dumps_it_speaks_of_the_three_that_have_it(corpus: Path) -> None:
    # truth.jsonl: 50_1 and 3b_0 by themselves, 50_0 hardware by the machine's others, whose bit 37 it has as well;
    # 1a and be_1 are hardware_reported's
    found = corpus_statements(corpus, RULE)
    weights = {name: finding.weight for name, [finding] in found.items()}
    assert weights == {"50_1.dmp": 0.8, "3b_0.dmp": 0.6, "50_0.dmp": 0.5}
    assert "turning bit 37 back" in found["50_0.dmp"][0].statement


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_a_flip_found_is_a_flip(address: int, pointer: int) -> None:
    flip = find_flip(address, {pointer: "here"})
    if flip is not None:
        assert abs(flip.original - pointer) < 0x400
        assert flip.original != address
    bit = canonical_flip(address)
    assert bit is None or (address ^ 1 << bit) >> 47 in (0, 0x1_FFFF)


@given(st.integers(32, 46), st.integers(0, 0xFFF))
def test_small_values_with_one_high_bit_are_all_found(bit: int, offset: int) -> None:
    assert small_value_flip(1 << bit | offset) == bit
    assert small_value_flip(1 << bit | 1 << 20 | offset) is None


@given(st.integers(32, 46), st.integers(-0x1FF, 0x1FF))
def test_every_single_high_bit_is_found(bit: int, offset: int) -> None:
    flip = find_flip((POINTER + offset) ^ 1 << bit, {POINTER: "here"})
    assert flip is not None
    assert flip.bits == (bit,)
