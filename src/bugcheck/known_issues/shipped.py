"""The data files that ship with bugcheck → KnownIssues, read when they are asked for.

Source: `knowledge/known_issues/*.toml` (written by hand, sources in each entry).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import bugcheck.knowledge as knowledge
from bugcheck.known_issues.issue import KnownIssue
from bugcheck.known_issues.toml_reader import EntryFault, read_toml

FOLDER = Path(knowledge.__file__).with_name("known_issues")
SHIPPED = "shipped"


@cache
def shipped_issues() -> tuple[KnownIssue, ...]:
    """The entries with conditions, in the order of files and entries."""
    return tuple(issue for file in toml_files() for issue in read_toml(file.read_bytes(), SHIPPED)[0])


def shipped_faults() -> list[tuple[str, EntryFault]]:
    """What is wrong with the shipped files; a test keeps this empty."""
    return [(file.name, fault) for file in toml_files() for fault in read_toml(file.read_bytes(), SHIPPED)[1]]


def toml_files() -> list[Path]:
    """The shipped files, sorted."""
    return sorted(FOLDER.glob("*.toml"))
