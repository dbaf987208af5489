"""A text → the columns it takes on a terminal, and lines cut to a width: Chinese characters take two.

Source: Unicode Standard Annex 11 (East Asian Width: W and F are two columns wide) and, for where a line may be cut,
the plain case of Annex 14: at spaces, and beside ideographs.
"""

from __future__ import annotations

import re
from functools import lru_cache
from textwrap import wrap
from unicodedata import east_asian_width

_PIECES = re.compile(r"\s+|[^\s\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]+|.", re.DOTALL)
_WIDE = frozenset(("W", "F"))
CELL = 512
"""Characters up to which a text's width is remembered."""
_NEVER_FIRST = frozenset("，。；：！？、）》」』”’％…")


def columns(text: str) -> int:
    """Count the columns a text takes."""
    return len(text) if text.isascii() else _wide_columns(text) if len(text) <= CELL else _count(text)


@lru_cache(maxsize=4096)
def _wide_columns(text: str) -> int:
    """Count a cell of a table, which is asked for twice and often stands in many rows."""
    return _count(text)


def _count(text: str) -> int:
    return len(text) + sum(map(_WIDE.__contains__, map(east_asian_width, text)))


def padded(text: str, width: int) -> str:
    """Fill a text with spaces up to a width."""
    return text + " " * (width - columns(text))


def wrapped(text: str, width: int) -> list[str]:
    """Cut running text into lines, words whole; at least one line."""
    if columns(text) == len(text):
        return wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
    lines, line, taken = list[str](), "", 0
    for piece in _PIECES.findall(text):
        room = columns(piece)
        if line and taken + room > width and piece not in _NEVER_FIRST:
            lines.append(line.rstrip())
            line, taken = "", 0
        if line or not piece.isspace():
            line, taken = line + piece, taken + room
    return [*lines, line.rstrip()] if line else lines or [""]
