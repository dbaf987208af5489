"""What every decoder of a stream takes and gives."""

from __future__ import annotations

from typing import NamedTuple

from bugcheck.binary import BinaryView
from bugcheck.timestamps import format_utc, from_filetime

MAX_ENTRIES = 4096
"""Most entries any list in a stream is followed for."""


class Decoded(NamedTuple):
    """A decoded stream.

    Attributes:
        fields: JSON-able values by field name; times are ISO 8601 text in UTC or None, addresses numbers.
        summary: one line for people.
    """

    fields: dict[str, object]
    summary: str


def time_at(view: BinaryView, offset: int) -> str | None:
    """Read a FILETIME as ISO 8601 text; None for zero and what is no time of a Windows machine."""
    return format_utc(from_filetime(view.u64(offset)))


def count(number: int, thing: str) -> str:
    """Write a number with its noun: `1 driver`, `2 drivers`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
