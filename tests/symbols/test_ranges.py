"""The innermost range at an address, against looking at all of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bugcheck.symbols.ranges import Ranges


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 15)), max_size=12))
def test_against_all_of_them(rows: list[tuple[int, int]]) -> None:
    ranges = Ranges([start for start, _ in rows], [size for _, size in rows])
    for position in range(60):
        covering = [index for index, (start, size) in enumerate(rows) if start <= position < start + size]
        found = ranges.at(position)
        if not covering:
            assert found is None
        else:
            latest = max(rows[index][0] for index in covering)
            assert found is not None
            assert found in covering
            # nested ranges: the one that begins last; where ranges merely overlap, one that is still open
            if all(nested(rows[a], rows[b]) for a in covering for b in covering):
                assert rows[found][0] == latest


def nested(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return (a[0] <= b[0] and b[0] + b[1] <= a[0] + a[1]) or (b[0] <= a[0] and a[0] + a[1] <= b[0] + b[1])


def test_a_hole_falls_back_to_the_outer_range() -> None:
    ranges = Ranges([0, 10, 30], [100, 5, 5])
    assert [ranges.at(position) for position in (0, 9, 10, 14, 15, 30, 99, 100)] == [0, 0, 1, 1, 0, 2, 0, None]
