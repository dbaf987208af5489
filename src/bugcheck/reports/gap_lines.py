"""Gaps → few lines: what one command would answer stands together, above that command once."""

from __future__ import annotations

from collections.abc import Sequence

from bugcheck.gaps import Gap

NAMES_IN = "names in "
"""How gaps about symbols begin."""


def by_remedy(gaps: Sequence[Gap]) -> list[list[Gap]]:
    """Put gaps that one command closes together, in the order of their first."""
    groups: dict[object, list[Gap]] = {}
    for index, gap in enumerate(gaps):
        groups.setdefault(gap.remedy or index, []).append(gap)
    return list(groups.values())


def joined(group: Sequence[Gap]) -> tuple[str, str] | None:
    """What is missing, and what for, for a group that is only about symbols; None for any other group."""
    files = [gap.what.removeprefix(NAMES_IN) for gap in group if gap.what.startswith(NAMES_IN)]
    if len(files) < len(group):
        return None
    listed = f"{', '.join(files[:-1])} and {files[-1]}" if files[1:] else files[0]
    return f"{NAMES_IN}{listed}", "their symbols"
