"""Many names → one regular expression that finds them all in one pass.

Source: a trie of the names; Python's `re` tries an alternative a name, which a thousand names make a thousand times
slower, and a trie an alternative a letter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, cast

_END = ""


def alternatives(names: Iterable[str]) -> str:
    """An expression, without groups, that matches any of the names, the longest first; "(?!)" for none."""
    root: dict[str, Any] = {}
    for name in names:
        node = root
        for char in name:
            node = node.setdefault(char, {})
        node[_END] = None
    return _expression(root) if root else "(?!)"


def _expression(node: dict[str, Any]) -> str:
    """A node's: what follows, optional where a name ends here."""
    options: list[str] = []
    for char in sorted(key for key in node if key != _END):
        text, inner = re.escape(char), cast("dict[str, Any]", node[char])
        while len(inner) == 1 and _END not in inner:  # a single way on is no fork: names of any length nest a little
            (char,) = inner
            text, inner = text + re.escape(char), inner[char]
        options.append(text + (_expression(inner) if set(inner) != {_END} else ""))
    found = options[0] if len(options) == 1 else f"(?:{'|'.join(options)})"
    return f"(?:{found})?" if _END in node else found
