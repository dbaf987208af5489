"""One line of a separated table → its cells.

Source: RFC 4180 for the quoting.  Folklore: a line that csv refuses (a carriage return in the middle) is split
plainly: a log must not end at its first odd line.
"""

from __future__ import annotations

import csv


def cells_of(line: str, separator: str = ",") -> list[str]:
    """Split one line; quotes count, and the cells are as they stand."""
    try:
        for row in csv.reader([line], delimiter=separator):
            return row
    except csv.Error:
        return line.split(separator)
    return []
