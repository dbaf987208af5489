"""Pool headers: bit by bit against public PDBs' types, a real IRP's header, built pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.archives.files import map_file
from bugcheck.dump.open import read_dump
from bugcheck.machine.machine import Machine
from bugcheck.machine.pool_header import (
    NARROW,
    WIDE,
    following_block,
    has_segment_heap,
    pool_header_of,
    pool_layout,
    preceding_block,
    read_pool_header,
    read_pool_page,
)
from bugcheck.machine.typed_object import object_at
from bugcheck.symbols.isf import open_isf
from bugcheck.symbols.types import EnumLayout, Member, TypeLayout, TypeRef, TypeTable
from tests.machine.flat_memory import FlatMemory

PAGE = 0xFFFF_A000_0000_1000
PAGE_X86 = 0x8123_4000
TAG = int.from_bytes(b"Irp ", "little")


@pytest.mark.corpus
def test_the_header_of_a_real_irp(corpus: Path) -> None:
    machine = Machine(read_dump(map_file(str(corpus / "kernel/r-Techsupport__training_bsods__9f.dmp"))))
    header = pool_header_of(0xFFFFD68FE383B8A0, machine.memory)
    assert header is not None
    # "Irp " is the I/O manager's tag for IRPs (pooltag.txt), which are of nonpaged pool; the IRP says 0x4c0 bytes.
    assert (header.tag_text, header.is_paged(19041)) == ("Irp ", False)
    assert header.size >= 0x4C0 + header.header_size
    assert has_segment_heap(19041)


@pytest.mark.corpus
@pytest.mark.slow
def test_fields_are_where_the_public_pdbs_have_them(corpus: Path) -> None:
    memory = FlatMemory({PAGE: bytes.fromhex("3412cdab4972702000000000000000000000")})
    header = read_pool_header(PAGE, memory)
    assert header is not None
    tables = sorted((corpus / "symbols/isf").glob("*.xz"))
    assert len(tables) == 11
    for table in tables:
        types = open_isf(str(table)).types
        assert types is not None
        typed = object_at("nt!_POOL_HEADER", PAGE, memory, types)
        assert typed.layout.size == header.header_size
        assert typed.BlockSize == header.size // 16
        assert typed.PreviousSize == header.previous_size // 16
        assert typed.PoolIndex == header.pool_index
        assert typed.PoolType == header.pool_type
        assert typed.PoolTag == header.tag


def test_an_x86_header_has_nine_bit_sizes() -> None:
    # dt nt!_POOL_HEADER of x86 Windows since XP, and Volatility 3's poolheader-x86.json:
    # PreviousSize Pos 0, 9 Bits; PoolIndex Pos 9, 7; BlockSize Pos 0, 9; PoolType Pos 9, 7.
    memory = FlatMemory({PAGE_X86: bytes(8)}, pointer_size=4)
    memory.put(PAGE_X86, "HHI", 0x155 | 3 << 9, 0x1AB | 5 << 9, TAG)
    header = read_pool_header(PAGE_X86, memory)
    assert header is not None
    assert (header.previous_size, header.pool_index, header.size, header.pool_type) == (0x155 * 8, 3, 0x1AB * 8, 5)
    assert (header.header_size, header.tag_text, header.body) == (8, "Irp ", PAGE_X86 + 8)


def pool_page(sizes: list[int], pointer_size: int = 8) -> FlatMemory:
    """A page whose blocks have the given sizes in bytes, chained."""
    page, unit, low = (PAGE, 16, 8) if pointer_size == 8 else (PAGE_X86, 8, 9)
    memory = FlatMemory({page: bytes(0x1000)}, pointer_size)
    place, previous = page, 0
    for size in sizes:
        memory.put(place, "HHI", previous // unit, size // unit | 2 << low, TAG)
        place, previous = place + size, size
    return memory


@pytest.mark.parametrize("pointer_size", [4, 8])
def test_a_page_is_a_chain_of_blocks(pointer_size: int) -> None:
    sizes = [0x20, 0x100, 0xA00, 0x4E0]
    memory = pool_page(sizes, pointer_size)
    page = PAGE if pointer_size == 8 else PAGE_X86
    found = read_pool_page(page + 0x321, memory)
    assert [block.size for block in found.blocks] == sizes
    assert (found.address, found.broken_at) == (page, None)
    second = found.blocks[1]
    assert following_block(second, memory) == found.blocks[2]
    assert preceding_block(second, memory) == found.blocks[0]
    assert following_block(found.blocks[-1], memory) is None
    assert preceding_block(found.blocks[0], memory) is None


@pytest.mark.parametrize(
    ("place", "word", "reason"),
    [
        (0x20, 0x0210_0003, "PreviousSize says 0x30 bytes, the block before has 0x20"),
        (0x20, 0x0200_0002, "BlockSize is 0"),
        (0x20, 0x02FF_0002, "reaches beyond the page"),
    ],
)
def test_a_broken_chain_says_where_and_why(place: int, word: int, reason: str) -> None:
    memory = pool_page([0x20, 0x100, 0xEE0])
    memory.put(PAGE + place, "I", word)
    found = read_pool_page(PAGE, memory)
    assert [block.size for block in found.blocks] == [0x20]
    assert found.broken_at == PAGE + place
    assert reason in found.reason


def test_a_page_that_is_not_in_the_dump_has_no_blocks() -> None:
    found = read_pool_page(0x5000, pool_page([0x1000 - 16]))
    assert (found.blocks, found.broken_at, found.reason) == ((), 0x5000, "the header is not in the dump")


def test_neighbours_that_do_not_agree_are_not_told() -> None:
    memory = pool_page([0x20, 0x100, 0xEE0])
    memory.put(PAGE + 0x20, "H", 0)  # as the segment heap leaves it
    first, second = read_pool_header(PAGE, memory), read_pool_header(PAGE + 0x20, memory)
    assert first is not None
    assert second is not None
    assert following_block(first, memory) is None
    assert preceding_block(second, memory) is None


@pytest.mark.parametrize(
    # Volatility 3, extensions/pool.py: POOL_HEADER and POOL_HEADER_VISTA.
    ("pool_type", "build", "paged"),
    [(0, 2600, None), (0, 7601, None), (5, 2600, False), (6, 3790, True), (2, 7601, False), (3, 7601, True)],
)
def test_paged_or_not_by_the_type_and_the_build(pool_type: int, build: int, paged: bool | None) -> None:
    memory = pool_page([0x20])
    memory.put(PAGE + 3, "B", pool_type)
    header = read_pool_header(PAGE, memory)
    assert header is not None
    assert header.is_paged(build) is paged
    assert header.is_free == (paged is None)


def test_quota_and_strange_tags() -> None:
    memory = pool_page([0x20])
    memory.put(PAGE + 3, "BI", 10, 0x0107_7249)
    header = read_pool_header(PAGE, memory)
    assert header is not None
    assert header.charges_quota
    assert header.tag_text == "Ir.."
    assert not header.is_plausible
    assert pool_header_of(PAGE + 16, memory) is None


def test_what_begins_a_page_has_no_header() -> None:
    assert pool_header_of(PAGE, pool_page([0x20])) is None
    assert pool_header_of(PAGE + 16, pool_page([0x20])) is not None


@given(st.binary(min_size=8, max_size=0x1000), st.sampled_from([4, 8]), st.integers(0, (1 << 64) - 1))
def test_hostile_bytes_end(data: bytes, pointer_size: int, address: int) -> None:
    memory = FlatMemory({PAGE_X86: data}, pointer_size)
    for place in (PAGE_X86, PAGE_X86 + 0x20, address):
        page = read_pool_page(place, memory)
        assert len(page.blocks) <= 0x1000 // 8
        for block in page.blocks:
            assert block.tag_text
            following_block(block, memory)
            preceding_block(block, memory)
        pool_header_of(place, memory)


@pytest.mark.corpus
def test_the_layout_comes_from_the_kernels_types(corpus: Path) -> None:
    types = open_isf(str(corpus / "symbols/isf/ntkrnlmp.pdb-5278AFF86C341677D7D7835C85B7B844-1.json.xz")).types
    assert pool_layout(types, 8) == WIDE
    # dt nt!_POOL_HEADER of Windows 7 x64 keeps all four in one 32-bit word, of Windows 10 in two 16-bit ones
    old = open_isf(str(corpus / "symbols/isf/ntkrnlmp.pdb-339E74133576439CBCDF7E0229DA3773-1.json.xz")).types
    assert pool_layout(old, 8) == WIDE
    assert pool_layout(None, 8) == WIDE
    assert pool_layout(None, 4) == NARROW


class MovedHeader(TypeTable):
    """A kernel whose POOL_HEADER has its numbers elsewhere."""

    def layout(self, name: str) -> TypeLayout | None:
        if name.removeprefix("_") != "POOL_HEADER":
            return None
        number = TypeRef("integer", "unsigned short", 2)
        members = {
            "PoolTag": Member("PoolTag", 0, TypeRef("integer", "unsigned long", 4)),
            "PreviousSize": Member("PreviousSize", 4, number, 0, 12),
            "PoolIndex": Member("PoolIndex", 4, number, 12, 4),
            "BlockSize": Member("BlockSize", 6, number, 0, 12),
            "PoolType": Member("PoolType", 6, number, 12, 4),
        }
        return TypeLayout("_POOL_HEADER", "struct", 16, members)

    def enumeration(self, name: str) -> EnumLayout | None:
        return None


def test_a_header_that_moved_is_read_through_its_types() -> None:
    memory = FlatMemory({PAGE: bytes(16)})
    memory.put(PAGE, "IHH", TAG, 0x123 | 5 << 12, 0x456 | 2 << 12)
    header = read_pool_header(PAGE, memory, pool_layout(MovedHeader(), 8))
    assert header is not None
    assert (header.tag_text, header.previous_size, header.size) == ("Irp ", 0x1230, 0x4560)
    assert (header.pool_index, header.pool_type) == (5, 2)
