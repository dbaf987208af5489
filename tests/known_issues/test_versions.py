"""Versions and ranges of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.known_issues.versions import compare_versions, in_range, is_range


@pytest.mark.parametrize(
    ("first", "second", "order"),
    [
        ("9.0", "10.0", -1),
        ("7.11", "7.11.0.0", 0),
        ("6, 1, 7600, 16385", "6.1.7600.16385 (win7_rtm.090713-1255)", 0),
        ("6.1.7600.16385 built by: WinDDK", "6.1.7600.16385", 0),
        ("3.6.cpn", "3.6.cqn", -1),
        ("3.6.cqn", "3.6.cqy", -1),
        ("3.6", "3.6.cpn", -1),
        ("3.6.cpn", "3.6.1", -1),
        ("", "1", None),
        ("?", "1", None),
    ],
)
def test_order(first: str, second: str, order: int | None) -> None:
    assert compare_versions(first, second) == order


@pytest.mark.parametrize(
    ("version", "wanted", "inside"),
    [
        ("62.26.0.64", ">=62.26, <62.27", True),
        ("62.24.2.64", ">=62.26, <62.27", False),
        ("3.6.cpn", "3.6", True),
        ("3.6.cpn", "<=3.6.cqn", True),
        ("10.0.0.1", "9 | 10.0", True),
        ("1.2", "1.2.0", True),
        ("1.2", "1.2.1", False),
        ("2", "!=1", True),
        ("no digits? none", ">1", False),
        ("", ">1", None),
    ],
)
def test_ranges(version: str, wanted: str, inside: bool | None) -> None:
    assert in_range(version, wanted) is inside


@pytest.mark.parametrize(
    ("text", "answer"), [(">=1, <2", True), ("3.6", True), ("", False), (">=", False), ("9" * 999, False)]
)
def test_what_is_a_range(text: str, answer: bool) -> None:
    assert is_range(text) is answer


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_answered(version: str, wanted: str) -> None:
    assert in_range(version, wanted) in (True, False, None)
    order = compare_versions(version, wanted)
    assert order is None or compare_versions(wanted, version) == -order
