"""Reads through remembered pages against the plain bytes, holes included."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.errors import MemoryFault
from bugcheck.images import page_window
from bugcheck.images.page_window import PageWindow
from tests.images.builders import Memory

DATA = bytes(1 + index * 7 % 251 for index in range(0x2800))
BASE = 0xFFFFF80612340800


@given(
    st.lists(st.tuples(st.integers(0, 0x2800), st.integers(1, 0x900)), max_size=3),
    st.lists(st.tuples(st.integers(-0x10, 0x2810), st.integers(1, 0x1800)), min_size=1, max_size=5),
)
def test_any_read_equals_the_memory(holes: list[tuple[int, int]], reads: list[tuple[int, int]]) -> None:
    memory = Memory(DATA, BASE, holes)
    window = PageWindow(memory)
    for offset, size in reads:
        expected = memory.read_up_to(BASE + offset, size)
        assert window.up_to(BASE + offset, size) == expected
        if len(expected) == size:
            assert window.read(BASE + offset, size) == expected
            continue
        with pytest.raises(MemoryFault) as caught:
            window.read(BASE + offset, size)
        assert caught.value.address == BASE + offset + len(expected)


def test_string_across_pages_is_whole() -> None:
    memory = Memory(bytes(0xFF0) + b"a" * 0x1020 + b"\0tail", 0)
    assert PageWindow(memory).string(0xFF0, 0x2000) == "a" * 0x1020
    assert PageWindow(memory).string(0xFF0, 0x1010) == "a" * 0x1010


def test_string_that_runs_into_a_hole_is_an_error() -> None:
    with pytest.raises(MemoryFault) as caught:
        PageWindow(Memory(b"abc", 0x1000)).string(0x1000, 10)
    assert caught.value.address == 0x1003


def test_a_page_is_asked_for_once() -> None:
    memory = Memory(DATA, 0)
    window = PageWindow(memory)
    for offset in range(0, 0x2000, 16):
        window.read(offset, 16)
    assert memory.calls == 2


def test_remembered_pages_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_window, "PAGES_KEPT", 2)
    memory = Memory(DATA, 0)
    window = PageWindow(memory)
    for page in (0, 1, 2, 0, 1, 2):
        assert window.read(page * 0x1000, 4) == DATA[page * 0x1000 : page * 0x1000 + 4]
    assert len(window._pages) <= 2
