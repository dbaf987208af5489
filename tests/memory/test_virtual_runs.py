"""Runs in any order, overlapping, truncated, by the hundred thousand, against a plain dictionary of bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import VirtualRun
from bugcheck.errors import NonCanonical, NotInDump, PartialRead
from bugcheck.memory.virtual_runs import VirtualRuns

FILE = bytes(range(256))


def runs(*places: tuple[int, int, int]) -> list[VirtualRun]:
    return [VirtualRun(start, size, offset, "test") for start, size, offset in places]


def space(*places: tuple[int, int, int], pointer_size: int = 8) -> VirtualRuns:
    return VirtualRuns(runs(*places), BinaryView(FILE, "runs.dmp"), pointer_size)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20), st.integers(0, 260)), max_size=12),
    st.integers(0, 90),
    st.integers(0, 40),
)
def test_the_first_run_that_has_a_byte_wins(places: list[tuple[int, int, int]], address: int, size: int) -> None:
    truth: dict[int, int] = {}
    for start, length, offset in places:
        for i in range(length):
            if offset + i < len(FILE):
                truth.setdefault(start + i, FILE[offset + i])
    expected = bytearray()
    while len(expected) < size and address + len(expected) in truth:
        expected.append(truth[address + len(expected)])
    memory = space(*places)
    assert memory.read_up_to(address, size) == bytes(expected)
    assert {a + i for a, n in memory.ranges() for i in range(n)} == set(truth)
    if address not in truth:
        assert not any(address + i in truth for i in range(min(memory.hole(address), 100)))


def test_adjoining_runs_read_as_one_and_join_when_the_file_does() -> None:
    memory = space((0x2000, 16, 32), (0x1FF0, 16, 100), (0x2010, 16, 48))
    assert memory.read(0x1FF8, 20) == FILE[108:116] + FILE[32:44]
    assert list(memory.ranges()) == [(0x1FF0, 16), (0x2000, 32)]


def test_a_run_behind_the_end_of_the_file_is_readable_in_part() -> None:
    memory = space((0x1000, 32, 246), (0x5000, 8, 1 << 70))
    assert memory.read_up_to(0x1000, 32) == FILE[246:]
    with pytest.raises(NotInDump, match="the file ends"):
        memory.read(0x100A, 1)
    with pytest.raises(NotInDump, match="the file ends"):
        memory.read(0x5000, 1)
    with pytest.raises(NotInDump) as caught:
        memory.read(0x1020, 1)
    assert "file ends" not in str(caught.value)


def test_a_lost_byte_is_taken_from_the_next_run() -> None:
    memory = space((0x1000, 20, 250), (0x1000, 20, 0))
    assert memory.read(0x1000, 20) == FILE[250:256] + FILE[6:20]


@pytest.mark.parametrize("width", [4, 8])
def test_the_end_of_the_space(width: int) -> None:
    top = 1 << 8 * width
    memory = space((top - 8, 100, 0), pointer_size=width)
    assert memory.read(top - 8, 8) == FILE[:8]
    with pytest.raises(PartialRead) as caught:
        memory.read(top - 4, 8)
    assert isinstance(caught.value.cause, NonCanonical)
    with pytest.raises(NonCanonical):
        memory.read(-1, 1)


def test_sign_extended_addresses_of_a_32_bit_writer() -> None:
    memory = space((0xFFFF_FFFF_82A0_0000, 8, 16), pointer_size=4)
    assert memory.read(0x82A0_0000, 8) == FILE[16:24]


def test_a_hundred_thousand_overlapping_runs() -> None:
    count = 100_000
    memory = VirtualRuns(
        (VirtualRun(0x10000 + (i * 7919 % count) * 8, 24, i % 200, "test") for i in range(count)),
        BinaryView(FILE, "many.dmp"),
        8,
    )
    # The run of i = 1 starts at 7919 * 8; nothing registered before it touches those bytes.
    assert memory.read(0x10000 + 7919 * 8, 24) == FILE[1:25]
    assert sum(size for _, size in memory.ranges()) == count * 8 + 16


def test_nothing_at_all() -> None:
    memory = space()
    assert memory.read_up_to(0, 10) == b""
    assert list(memory.ranges()) == []
    assert memory.hole(0) == 1 << 64
