"""A data file's name and a key → the one line that answers, without parsing the rest.

Source of truth: the *.tsv files beside this module; README.md there says where each comes from.  Every file is UTF-8
with one record a line, tab-separated columns, LF endings and the key in the first column; lines starting with # are
comments and come first.  Keys are unique, so a byte search for "newline, key, tab" is the whole look-up; big tables
sorted by the bytes of their keys are bisected instead, which makes a miss as cheap as a hit.
"""

from __future__ import annotations

import os
from functools import cache

_FOLDER = os.path.dirname(__file__)  # noqa: PTH120 (pathlib costs 5 ms)


@cache
def table(name: str) -> bytes:
    """Return the bytes of the data file `name` of this folder, read once, starting with a newline."""
    with open(os.path.join(_FOLDER, name), "rb") as file:  # noqa: PTH118, PTH123 (pathlib costs 5 ms)
        return b"\n" + file.read()


def find_row(name: str, key: str) -> list[str] | None:
    """Return the columns of the line of `name` whose first column is `key`, or None."""
    if "\n" in key or "\t" in key:
        return None
    data = table(name)
    start = data.find(b"\n" + key.encode() + b"\t")
    return None if start < 0 else row_at(data, start + 1)


def first_not_below(data: bytes, key: bytes) -> int:
    """Return where the first line of a sorted table begins that is not below `key`, or the length of `data`."""
    low, high = 1, len(data)
    while low < high:
        start = data.rfind(b"\n", 0, (low + high) // 2) + 1
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        if data[start:end] < key:
            low = end + 1
        else:
            high = start
    return min(low, len(data))


def has_key(name: str, key: str) -> bool:
    """Tell whether a line of the sorted table `name` has `key` in its first column; keys may repeat."""
    data, wanted = table(name), key.encode(errors="replace") + b"\t"
    return data.startswith(wanted, first_not_below(data, wanted))


def row_at(data: bytes, start: int) -> list[str]:
    """Return the columns of the line of `data` that begins at byte `start`."""
    end = data.find(b"\n", start)
    return data[start : len(data) if end < 0 else end].decode().split("\t")
