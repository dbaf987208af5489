"""Physical memory over a page map: holes, page seams, truncated files, against a plain dictionary of bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Architecture, Dump
from bugcheck.errors import NonCanonical, NotInDump, PartialRead, UsageError
from bugcheck.memory.physical import PhysicalMemory
from tests.memory.builders import PAGE, Machine


def filled(frames: set[int]) -> Machine:
    machine = Machine(Architecture.X64)
    for frame in frames:
        machine.write(frame * PAGE, bytes((frame * 7 + i * 13) & 0xFF for i in range(PAGE)))
    return machine


@given(st.sets(st.integers(1, 8), min_size=1), st.integers(0, 9 * PAGE), st.integers(0, 3 * PAGE))
def test_reads_agree_with_the_frames(frames: set[int], address: int, size: int) -> None:
    machine = filled(frames)
    memory = PhysicalMemory(machine.dump())
    expected = bytearray()
    while len(expected) < size and (address + len(expected)) // PAGE in frames:
        place = address + len(expected)
        rest = machine.frames[place // PAGE][place % PAGE :]
        expected += rest[: size - len(expected)]
    assert memory.read_up_to(address, size) == bytes(expected)
    assert memory.try_read(address, size) == (bytes(expected) if len(expected) == size else None)


def test_left_out_pages_say_so() -> None:
    memory = PhysicalMemory(filled({1, 2}).dump())
    with pytest.raises(NotInDump, match="page frame 0x3"):
        memory.read(3 * PAGE, 8)
    with pytest.raises(PartialRead) as caught:
        memory.read(3 * PAGE - 4, 8)
    assert caught.value.available == 4
    assert memory.page_count == 2
    assert list(memory.ranges()) == [(PAGE, PAGE), (2 * PAGE, PAGE)]


def test_a_truncated_file_is_readable_up_to_its_end() -> None:
    memory = PhysicalMemory(filled({1, 2}).dump(cut=PAGE - 10))
    assert len(memory.read_up_to(2 * PAGE, 100)) == 10
    with pytest.raises(NotInDump, match="the file ends"):
        memory.read(2 * PAGE + 10, 1)
    with pytest.raises(NotInDump, match="the file ends"):
        memory.table_entry(2 * PAGE + 8, 8)
    assert list(memory.ranges()) == [(PAGE, PAGE), (2 * PAGE, 10)]


def test_addresses_beyond_the_bus_fault() -> None:
    memory = PhysicalMemory(filled({1}).dump())
    for address in (-1, 1 << 52, 1 << 64):
        with pytest.raises(NonCanonical):
            memory.read(address, 1)
        with pytest.raises(NonCanonical):
            memory.table_entry(address, 8)


def test_a_dump_without_pages_is_refused() -> None:
    with pytest.raises(UsageError):
        PhysicalMemory(Dump("user_minidump", Architecture.X64, BinaryView(b"", "x")))
