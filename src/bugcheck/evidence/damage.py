"""Lines that cannot be read → a Gap each for the first of them, and one that counts the rest.

Folklore: a log that was cut in two has one bad line, a file of another kind has only bad lines; a reader should see
which of the two it was without a thousand messages.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.gaps import Gap

SHOWN = 24
"""Damaged places that get a Gap of their own."""


class Damage:
    """Counts the damaged places of one file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.count = 0

    def at(self, where: str, missing: str) -> Iterator[Gap]:
        """Yield the Gap of one place, or nothing when there were many already."""
        self.count += 1
        if self.count <= SHOWN:
            yield Gap(f"{where} of {self.path}", missing, damage=True)

    def rest(self) -> Iterator[Gap]:
        """Yield the Gap that counts the places not shown."""
        if self.count > SHOWN:
            yield Gap(f"{self.count - SHOWN} further places of {self.path}", "readable records", damage=True)
