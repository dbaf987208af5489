"""Strings → HTML text: the only place where anything is escaped.

Source: HTML Living Standard (WHATWG).  Three rules keep hostile input harmless: text goes through `escaped`, attribute
values through `attribute`, and the only addresses written are `#anchor` of the page itself.
"""

from __future__ import annotations

from html import escape

from bugcheck.reports.escape import printable

CELL_LIMIT = 2000
"""Characters of one string that are drawn."""


def escaped(text: str) -> str:
    """Text for between tags: control and bidirectional characters made visible, markup characters replaced."""
    shown = printable(text)
    return escape(shown if len(shown) <= CELL_LIMIT else shown[:CELL_LIMIT] + "…", quote=True)


def attribute(name: str, value: str) -> str:
    """An attribute with a space before it, or nothing for an empty value."""
    return f' {name}="{escaped(value)}"' if value else ""


def tag(name: str, content: str, **attributes: str) -> str:
    """An element; `content` is HTML already, attribute values are raw. `class_` and `for_` lose their underscore."""
    words = "".join(attribute(key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items())
    return f"<{name}{words}>{content}</{name}>"
