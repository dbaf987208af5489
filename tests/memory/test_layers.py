"""Layers: the first space that has a byte supplies it, byte by byte, across pages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import Architecture, VirtualRun
from bugcheck.errors import MemoryFault, NotInDump, UsageError
from bugcheck.memory.layers import LayeredSpace
from bugcheck.memory.virtual_runs import VirtualRuns
from tests.memory.builders import PAGE, Machine, map_x64
from tests.memory.test_translated import build

Places = list[tuple[int, int]]
places = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 12)), max_size=4)


def layer(where: Places, fill: int) -> VirtualRuns:
    runs = [VirtualRun(start, size, 0, "test") for start, size in where]
    return VirtualRuns(runs, BinaryView(bytes([fill]) * 64, "layer.dmp"), 8)


@given(places, places, places, st.integers(0, 70), st.integers(0, 70))
def test_layers_agree_with_a_byte_array(one: Places, two: Places, three: Places, address: int, size: int) -> None:
    truth: dict[int, int] = {}
    for fill, where in enumerate((one, two, three)):
        for start, length in where:
            for place in range(start, start + length):
                truth.setdefault(place, fill)
    expected = bytearray()
    while len(expected) < size and address + len(expected) in truth:
        expected.append(truth[address + len(expected)])
    space = LayeredSpace([layer(one, 0), layer(two, 1), layer(three, 2)])
    assert space.read_up_to(address, size) == bytes(expected)
    assert space.try_read(address, size) == (bytes(expected) if len(expected) == size else None)


def test_a_run_fills_the_hole_between_two_pages() -> None:
    machine, base, region = build("x64", [0, None, 1, None, None, None, None, None])
    filler = VirtualRuns(
        [VirtualRun(region + PAGE // 2, 2 * PAGE, 0, "image")], BinaryView(b"\xcc" * 2 * PAGE, "x.sys"), 8
    )
    space = LayeredSpace([machine.space(base), filler])
    expected = machine.frames[0x1000] + b"\xcc" * PAGE + machine.frames[0x1001]
    assert space.read(region, 3 * PAGE) == expected
    with pytest.raises(MemoryFault) as caught:
        space.read(region + 3 * PAGE, 1)
    assert "page table" in str(caught.value)  # the top layer's reason
    assert space.pointer_size == 8


def test_layers_must_fit_together() -> None:
    with pytest.raises(UsageError):
        LayeredSpace([])
    machine = Machine(Architecture.X64)
    base = machine.new_frame()
    map_x64(machine, base, 0x1000, 1)
    narrow = VirtualRuns([], BinaryView(b"", "x"), 4)
    with pytest.raises(UsageError):
        LayeredSpace([machine.space(base), narrow])
    with pytest.raises(NotInDump):
        LayeredSpace([narrow]).read(0, 1)
