"""Source of every expectation: Intel SDM 3A §4 and Arm ARM D8.3 for hardware entries; nt's public types
_MMPTE_TRANSITION, _MMPTE_PROTOTYPE and _MMPTE_SOFTWARE (PDB of 10.0.19041.804) for the others. The walks here are
written from those texts, for the architectures no installed reader knows."""

import pytest

from bugcheck.synth.address_space import PageState, PageTruth
from bugcheck.synth.architecture import Architecture
from bugcheck.synth.paging import (
    Rights,
    page_entry,
    paged_out_entry,
    paging_scheme,
    prototype_entry,
    transition_entry,
)
from bugcheck.synth.truth import MachineTruth
from tests.synth.built import machine

ADDRESS_BITS = 0x0000FFFFFFFFF000


def entry_at(truth: MachineTruth, table: int, index: int) -> int:
    page = truth.physical.page(table >> 12)
    return int.from_bytes(page[8 * index : 8 * index + 8], "little")


def walk_arm64(truth: MachineTruth, root: int, address: int) -> tuple[int, int] | None:
    """Physical address and descriptor, or None: 4 KiB granule, 48 bits, levels 0 to 3."""
    table = root
    for level, shift in enumerate((39, 30, 21, 12)):
        descriptor = entry_at(truth, table, address >> shift & 0x1FF)
        kind = descriptor & 3
        if kind == 3 and level < 3:
            table = descriptor & ADDRESS_BITS
        elif (kind == 1 and level in (1, 2)) or (kind == 3 and level == 3):
            mask = (1 << shift) - 1
            return (descriptor & ADDRESS_BITS & ~mask) | address & mask, descriptor
        else:
            return None
    return None


def walk_five_level(truth: MachineTruth, root: int, address: int) -> int | None:
    """Physical address under 5-level paging, or None."""
    table = root
    for shift in (48, 39, 30, 21, 12):
        entry = entry_at(truth, table, address >> shift & 0x1FF)
        if not entry & 1:
            return None
        if shift == 12 or (shift in (30, 21) and entry & 0x80):
            mask = (1 << shift) - 1
            return (entry & ADDRESS_BITS & ~mask) | address & mask
        table = entry & ADDRESS_BITS
    return None


def resident(mappings: dict[int, PageTruth]) -> list[PageTruth]:
    return [page for page in mappings.values() if page.state in (PageState.VALID, PageState.LARGE)]


@pytest.mark.parametrize("process", [None, 1], ids=["kernel", "process"])
def test_arm64_tables_translate(process: int | None) -> None:
    truth = machine("arm64")
    root = truth.directory_table_base if process is None else truth.processes[process].directory_table_base
    pages = resident(truth.mappings(process))
    assert len(pages) > 40
    for page in pages:
        found = walk_arm64(truth, root, page.virtual_address + 0x18)
        assert found is not None
        physical, descriptor = found
        assert physical == (page.physical_address or 0) + 0x18
        assert bool(descriptor & 0x80) is not page.rights.writable  # AP[2]: read-only
        assert bool(descriptor & 0x40) is page.rights.user  # AP[1]: EL0
        assert bool(descriptor >> 53 & 1) is not page.rights.executable  # PXN
        assert descriptor & 0x400  # access flag
    for page in truth.mappings(process).values():
        if page not in pages:
            assert walk_arm64(truth, root, page.virtual_address) is None


def test_five_level_tables_translate() -> None:
    truth = machine("x64_five_level")
    for page in resident(truth.mappings()):
        assert walk_five_level(truth, truth.directory_table_base, page.virtual_address) == page.physical_address
    root = truth.processes[1].directory_table_base
    for page in truth.spaces[2].mappings.values():
        assert walk_five_level(truth, root, page.virtual_address) == page.physical_address


@pytest.mark.parametrize(
    ("architecture", "rights", "entry"),
    [
        # present, accessed, dirty | writable 2 | user 4 | large 80 | no-execute 2^63
        (Architecture.X86, Rights(), 0x12345063),
        (Architecture.X86, Rights(writable=False, user=True), 0x12345065),
        (Architecture.X86_PAE, Rights(), 0x8000000012345063),
        (Architecture.X64, Rights(executable=True), 0x12345063),
        (Architecture.X64, Rights(writable=False), 0x8000000012345061),
    ],
)
def test_hardware_entries(architecture: Architecture, rights: Rights, entry: int) -> None:
    assert page_entry(paging_scheme(architecture), 0x12345, rights) == entry


def test_transition_entry_names_the_frame() -> None:
    # _MMPTE_TRANSITION: Protection 5-9, Prototype 10, Transition 11, PageFrameNumber from 12 on.
    for architecture in (Architecture.X86, Architecture.X86_PAE, Architecture.X64, Architecture.ARM64):
        entry = transition_entry(paging_scheme(architecture), 0x4321)
        assert (entry & 1, entry >> 10 & 1, entry >> 11 & 1, entry >> 12) == (0, 0, 1, 0x4321)


def test_prototype_entries_name_the_address() -> None:
    # 64-bit: ProtoAddress is bits 16-63, sign-extended; PAE: bits 32-63.
    wide = prototype_entry(paging_scheme(Architecture.X64), 0xFFFFB28100000040)
    assert (wide >> 10 & 3, wide >> 16 | 0xFFFF << 48) == (1, 0xFFFFB28100000040)
    pae = prototype_entry(paging_scheme(Architecture.X86_PAE), 0xA0003048)
    assert (pae >> 10 & 3, pae >> 32) == (1, 0xA0003048)


def test_x86_prototype_entry_is_an_offset_from_paged_pool() -> None:
    # ReactOS MiProtoPteToPte: low 8 bits doubled, bits 11-31 times 512, from MmPagedPoolStart (0xE1000000).
    for address in (0xE1003040, 0xE1000000, 0xE1FFFFFC):
        entry = prototype_entry(paging_scheme(Architecture.X86), address)
        assert (entry & 1, entry >> 10 & 1) == (0, 1)
        assert 0xE1000000 + ((entry & 0xFE) << 1) + ((entry >> 11) << 9) == address


def test_paged_out_entries() -> None:
    # _MMPTE_SOFTWARE: 19041 x64 has PageFileLow at 12-15 and PageFileHigh at 32-63; x86 has them at 1-4 and 12-31.
    wide = paged_out_entry(paging_scheme(Architecture.X64), 1, 0x1234)
    assert (wide & 1, wide >> 10 & 3, wide >> 12 & 0xF, wide >> 32) == (0, 0, 1, 0x1234)
    narrow = paged_out_entry(paging_scheme(Architecture.X86), 1, 0x1234)
    assert (narrow & 1, narrow >> 10 & 3, narrow >> 1 & 0xF, narrow >> 12) == (0, 0, 1, 0x1234)


@pytest.mark.parametrize("name", ["x86", "x86_pae", "x64", "arm64"])
def test_every_page_state_occurs(name: str) -> None:
    assert {page.state for page in machine(name).mappings().values()} == set(PageState)


@pytest.mark.parametrize("name", ["x86", "x86_pae", "x64"])
def test_self_map_shows_the_tables(name: str) -> None:
    # nt sees the entry of address va at 0xC0000000 + (va >> 12) * size, or at 0xFFFFF68000000000 on x64.
    truth = machine(name)
    address = truth.description.processors[0].registers["rsp" if name == "x64" else "esp"] & ~0xFFF
    frame = truth.mappings()[address].physical_address
    size = 4 if name == "x86" else 8
    root, mapped = truth.directory_table_base, 0
    if name == "x86":
        pde = int.from_bytes(truth.physical.page(root >> 12)[0x300 * 4 :][:4], "little")
        assert pde & ~0xFFF == root
        directory = int.from_bytes(truth.physical.page(root >> 12)[(address >> 22) * 4 :][:4], "little")
        mapped = int.from_bytes(truth.physical.page(directory >> 12)[(address >> 12 & 0x3FF) * size :][:4], "little")
    elif name == "x64":
        assert entry_at(truth, root, 0x1ED) & ADDRESS_BITS == root
        table = root
        for shift in (39, 30, 21, 12):
            mapped = entry_at(truth, table, address >> shift & 0x1FF)
            table = mapped & ADDRESS_BITS
    else:
        last = entry_at(truth, root, 3) & ADDRESS_BITS
        directories = [entry_at(truth, root, index) & ADDRESS_BITS for index in range(4)]
        assert [entry_at(truth, last, index) & ADDRESS_BITS for index in range(4)] == directories
        directory = entry_at(truth, directories[address >> 30], address >> 21 & 0x1FF) & ADDRESS_BITS
        mapped = entry_at(truth, directory, address >> 12 & 0x1FF)
    assert mapped & ADDRESS_BITS == frame


@pytest.mark.parametrize("name", ["x86_pae", "x64", "arm64"])
def test_prototype_pages_are_found_through_their_entries(name: str) -> None:
    truth = machine(name)
    assert len(truth.description.prototype_pages) == 2
    for page in truth.description.prototype_pages:
        leaf = int.from_bytes(leaf_entry(truth, page.virtual_address), "little")
        assert (leaf & 1, leaf >> 10 & 1) == (0, 1)
        address = leaf >> 32 if name == "x86_pae" else leaf >> 16 | 0xFFFF << 48
        assert address == page.prototype_address
        entry = int.from_bytes(truth.read(address, 8) or b"", "little")
        hardware = 3 if name == "arm64" else 1
        if page.prototype_in_transition:
            assert (entry & 1, entry >> 11 & 1) == (0, 1)
        else:
            assert entry & hardware == hardware
        frame = (entry & ADDRESS_BITS) >> 12
        assert truth.physical.page(frame) == page.contents


def leaf_entry(truth: MachineTruth, address: int) -> bytes:
    """The last-level entry of a kernel address, whatever its state."""
    pae = truth.description.architecture is Architecture.X86_PAE
    table = truth.directory_table_base
    for shift in (30, 21) if pae else (39, 30, 21):
        index = address >> shift & (3 if pae and shift == 30 else 0x1FF)
        table = entry_at(truth, table, index) & ADDRESS_BITS
    offset = 8 * (address >> 12 & 0x1FF)
    return truth.physical.page(table >> 12)[offset : offset + 8]
