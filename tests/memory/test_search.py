"""Searches against the obvious search of the whole memory in one piece."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bugcheck.binary import BinaryView
from bugcheck.dump.dump import VirtualRun
from bugcheck.errors import UsageError
from bugcheck.gaps import Gap
from bugcheck.memory import search
from bugcheck.memory.search import search_bytes, search_pointers_into
from bugcheck.memory.virtual_runs import VirtualRuns
from tests.memory.builders import PAGE
from tests.memory.test_translated import build


def space(data: bytes, *places: tuple[int, int], pointer_size: int = 8) -> VirtualRuns:
    """Runs at the places, filled one after another from `data`."""
    runs: list[VirtualRun] = []
    offset = 0
    for start, size in places:
        runs.append(VirtualRun(start, size, offset, "test"))
        offset += size
    return VirtualRuns(runs, BinaryView(data, "search.dmp"), pointer_size)


@pytest.fixture(params=[3, 16, 1 << 20])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(search, "CHUNK", request.param)
    return request.param


@settings(max_examples=60)
@given(
    st.binary(min_size=0, max_size=80).map(lambda b: bytes(x & 1 for x in b)),
    st.binary(min_size=1, max_size=5).map(lambda b: bytes(x & 1 for x in b)),
    st.integers(1, 4),
    st.integers(0, 40),
)
@pytest.mark.parametrize("size", [3, 16, 1 << 20])
def test_every_occurrence_is_found_once(size: int, data: bytes, pattern: bytes, alignment: int, cut: int) -> None:
    cut = min(cut, len(data))
    # two runs that adjoin in memory, a third after a hole
    memory = space(data + data, (0x1000, cut), (0x1000 + cut, len(data) - cut), (0x2000, len(data)))
    expected = [
        base + i
        for base in (0x1000, 0x2000)
        for i in range(len(data))
        if data[i:].startswith(pattern) and (base + i) % alignment == 0
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "CHUNK", size)
        assert list(search_bytes(memory, memory.ranges(), pattern, alignment=alignment)) == expected


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from([0, 0x8200_0000, 0x82A0_1234, 0x82A0_1300, 0x1_82A0_1234, 1 << 63]), max_size=12),
    st.sampled_from([(0x82A0_1200, 0x82A0_1300), (0, 1 << 64), (0x82A0_1234, 0x82A0_1235), (0x8000_0000, 0x9000_0000)]),
    st.integers(0, 7),
)
@pytest.mark.parametrize("size", [3, 16, 1 << 20])
def test_every_aligned_pointer_is_found_once(size: int, values: list[int], wanted: tuple[int, int], lead: int) -> None:
    data = bytes(lead) + b"".join(value.to_bytes(8, "little") for value in values)
    memory = space(data, (0x1000 - lead, len(data)))
    expected = [(0x1000 + 8 * i, value) for i, value in enumerate(values) if wanted[0] <= value < wanted[1]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "CHUNK", size)
        found = [hit for hit in search_pointers_into(memory, memory.ranges(), *wanted) if hit[0] >= 0x1000]
    assert found == expected


def test_pointers_of_a_32_bit_space(chunk: int) -> None:
    words = [0x82A0_1000, 5, 0x82A0_2000, 0x82A0_1FFF]
    memory = space(b"".join(w.to_bytes(4, "little") for w in words), (0x8000, 16), pointer_size=4)
    assert list(search_pointers_into(memory, memory.ranges(), 0x82A0_1000, 0x82A0_2000)) == [
        (0x8000, 0x82A0_1000),
        (0x800C, 0x82A0_1FFF),
    ]


def test_a_match_across_pages_that_lie_apart_in_physical_memory(chunk: int) -> None:
    machine, base, region = build("x64", [4, 1, None, 2, 3, None, None, None])
    machine.frames[0x1004][-2:] = b"Rt"
    machine.frames[0x1001][:2] = b"l!"
    machine.frames[0x1001][-2:] = b"Rt"  # no page follows in virtual memory, though one does in physical memory
    machine.frames[0x1002][:2] = b"l!"
    memory = machine.space(base)
    assert list(search_bytes(memory, memory.ranges(), b"Rtl!")) == [region + PAGE - 2]
    physical = memory.physical
    assert list(search_bytes(physical, physical.ranges(), b"Rtl!")) == [0x1002 * PAGE - 2]


def test_limits_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = space(bytes(100), (0, 100))
    gaps: list[Gap] = []
    assert list(search_bytes(memory, memory.ranges(), b"\0", limit=7, gaps=gaps)) == list(range(7))
    assert list(search_bytes(memory, memory.ranges(), b"\0", limit=100, gaps=gaps)) == list(range(100))
    assert [gap.missing for gap in gaps] == ["all beyond the first 7"]
    assert len(list(search_pointers_into(memory, memory.ranges(), 0, 1, limit=3))) == 3
    monkeypatch.setattr(search, "HOLE_LIMIT", 2)
    holes = [(1000 + i, 1) for i in range(10)]
    assert list(search_bytes(memory, holes, b"\0", gaps=gaps)) == []
    assert "after 2 holes" in gaps[-1].missing


def test_senseless_requests_are_refused() -> None:
    memory = space(b"", pointer_size=4)
    for pattern in (b"", bytes(1 << 17)):
        with pytest.raises(UsageError):
            search_bytes(memory, [], pattern)
    for start, end in ((5, 5), (6, 5), (-1, 5), (0, 1 << 33)):
        with pytest.raises(UsageError):
            search_pointers_into(memory, [], start, end)
