"""Three verbs and typed reads against a plain byte array with holes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.errors import MemoryFault, NonCanonical, NotInDump, PartialRead, UsageError
from bugcheck.memory.address_space import READ_LIMIT, AddressSpace, outside


class Bytes(AddressSpace):
    """Bytes at `start`, some of them holes; pieces end at multiples of 16, as pages do."""

    def __init__(self, data: bytes, start: int = 0x1000, holes: frozenset[int] = frozenset(), bits: int = 64) -> None:
        self.data, self.start, self.holes = data, start, holes
        self.address_bits, self.pointer_size = bits, bits // 8

    def has(self, address: int) -> bool:
        return 0 <= address - self.start < len(self.data) and address - self.start not in self.holes

    def piece(self, address: int, size: int) -> bytes:
        if address >> self.address_bits:
            raise outside(address, self.address_bits)
        if not self.has(address):
            raise NotInDump(address)
        end = address
        while self.has(end) and end < min(address + size, (address // 16 + 1) * 16):
            end += 1
        return self.data[address - self.start : end - self.start]

    def hole(self, address: int) -> int:
        return 1


spaces = st.builds(
    lambda data, holes: Bytes(data, holes=frozenset(holes)),
    st.binary(min_size=1, max_size=100),
    st.sets(st.integers(0, 100), max_size=4),
)


@given(spaces, st.integers(0xFE0, 0x1080), st.integers(0, 120))
def test_verbs_agree_with_a_byte_array(space: Bytes, address: int, size: int) -> None:
    available = 0
    while available < size and space.has(address + available):
        available += 1
    expected = space.data[address - space.start : address - space.start + available] if available else b""
    assert space.read_up_to(address, size) == expected
    assert space.try_read(address, size) == (expected if available == size else None)
    if available == size:
        assert space.read(address, size) == expected
        return
    with pytest.raises(MemoryFault) as caught:
        space.read(address, size)
    assert caught.value.address == address + available
    assert isinstance(caught.value, PartialRead) == (available > 0)
    if isinstance(caught.value, PartialRead):
        assert (caught.value.start, caught.value.available) == (address, available)
        assert isinstance(caught.value.cause, NotInDump)


@given(st.binary(min_size=8, max_size=8))
def test_numbers_are_little_endian(data: bytes) -> None:
    space = Bytes(data, start=0x100C)  # the 64-bit read straddles two pieces
    assert space.u8(0x100C) == space.try_u8(0x100C) == data[0]
    assert space.u16(0x100F) == space.try_u16(0x100F) == int.from_bytes(data[3:5], "little")
    assert space.u32(0x100E) == space.try_u32(0x100E) == int.from_bytes(data[2:6], "little")
    assert space.u64(0x100C) == space.try_u64(0x100C) == space.pointer(0x100C) == int.from_bytes(data, "little")
    narrow = Bytes(data, start=0x100C, bits=32)
    assert narrow.pointer(0x100C) == narrow.try_pointer(0x100C) == int.from_bytes(data[:4], "little")


def test_numbers_over_a_hole() -> None:
    space = Bytes(bytes(8), holes=frozenset({4}))
    assert space.try_u8(0x1004) is space.try_u16(0x1003) is space.try_u32(0x1001) is space.try_u64(0x1000) is None
    assert space.try_pointer(0x1000) is None
    assert space.is_readable(0x1003)
    assert not space.is_readable(0x1004)
    with pytest.raises(PartialRead):
        space.pointer(0x1000)


@pytest.mark.parametrize("bits", [32, 64])
def test_the_end_of_the_space_faults_and_does_not_wrap(bits: int) -> None:
    top = 1 << bits
    space = Bytes(b"\xaa" * 16, start=top - 16, bits=bits)
    assert space.read(top - 8, 8) == b"\xaa" * 8
    assert space.read_up_to(top - 8, 16) == b"\xaa" * 8
    with pytest.raises(PartialRead) as caught:
        space.read(top - 8, 16)
    assert caught.value.address == top
    assert isinstance(caught.value.cause, NonCanonical)
    assert space.try_u32(top - 2) is None
    assert not space.is_readable(-1)


def test_hostile_sizes_do_not_allocate() -> None:
    space = Bytes(b"x")
    for size in (-1, READ_LIMIT + 1, 1 << 63):
        for verb in (space.read, space.read_up_to, space.try_read):
            with pytest.raises(UsageError):
                verb(0x1000, size)
    assert space.read(0, 0) == space.read_up_to(0, 0) == space.try_read(0, 0) == b""


def test_c_strings() -> None:
    space = Bytes(b"RapDrv.sys\0tail" + b"x" * 600 + b"\0")
    assert space.c_string(0x1000, 64) == "RapDrv.sys"
    assert space.c_string(0x1000, 3) == "Rap"
    assert space.c_string(0x100B, 1000) == "tail" + "x" * 600
    with pytest.raises(NotInDump):
        space.c_string(0x1000 + len(space.data), 10)
    with pytest.raises(PartialRead):
        Bytes(b"no end").c_string(0x1000, 10)
    assert Bytes(b"no end").c_string(0x1000, 6) == "no end"


@pytest.mark.parametrize("bits", [32, 64])
def test_unicode_strings(bits: int) -> None:
    # UNICODE_STRING: USHORT Length, USHORT MaximumLength, PWSTR Buffer (aligned to the pointer), ntdef.h
    width = bits // 8
    text = "\\Driver\\RapDrv"
    head = (len(text) * 2).to_bytes(2, "little") + (64).to_bytes(2, "little") + bytes(width - 4)
    space = Bytes(head + (0x1000 + 2 * width).to_bytes(width, "little") + text.encode("utf-16-le"), bits=bits)
    assert space.unicode_string(0x1000) == text
    assert space.utf16(0x1000 + 2 * width, 14) == "\\Driver"
    assert Bytes(bytes(2 * width), bits=bits).unicode_string(0x1000) == ""
    dangling = Bytes(b"\xff\xff\xff\xff" + bytes(12), bits=bits)
    with pytest.raises(MemoryFault):
        dangling.unicode_string(0x1000)
