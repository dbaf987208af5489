"""Text of an XML document → its tree, or why there is none.

Source: Python's `xml.etree`.  Folklore: a document that declares entities can grow without end ("billion laughs"); no
file that Windows writes for us does, so one that has a DOCTYPE is not read at all.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_FORBIDDEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def parse_xml(text: str) -> ElementTree.Element | str:
    """Parse a decoded document; return the reason, as a Gap's `missing`, when it cannot be."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return "a document without declarations of its own (DOCTYPE): such are not read"
    body = _FORBIDDEN.sub("\ufffd", _DECLARATION.sub("", text, count=1)).encode("utf-8", "replace")
    try:
        return ElementTree.fromstring(body)
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        return f"well-formed XML ({error})"
