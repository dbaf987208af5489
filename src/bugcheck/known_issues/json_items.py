"""A JSON file of any size → the objects of its list, one at a time.

Source: RFC 8259.

Folklore: a year of NVD is one file of a hundred megabytes with one list in it.  Brackets are counted outside of
strings, and only an object that may be of use is decoded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from bugcheck.binary import BinaryView

WHOLE, LONGEST_ITEM, DEEPEST = 4 << 20, 32 << 20, 200
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)
_START = re.compile(rb'"(?:CVE_Items|vulnerabilities)"\s*:\s*\[')


class JsonError(ValueError):
    """What is not JSON, or too deep or too long."""


def json_objects(view: BinaryView, needle: bytes = b"") -> Iterator[dict[str, Any]]:
    """Yield the objects of a file: of its list, or the one it is. Raises JsonError.

    Args:
        view: the file.
        needle: lower-case bytes; objects without them are passed over undecoded.
    """
    data = view.data
    head = bytes(data[:0x1000]).removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"{") and view.size <= WHOLE:
        yield from _whole(bytes(data[:]), needle)
    elif head.startswith(b"["):
        yield from _items(data, bytes(data[:0x1000]).index(b"[") + 1, needle)
    elif match := _START.search(data):
        yield from _items(data, match.end(), needle)
    elif head.startswith(b"{"):
        raise JsonError(f"one object of more than {WHOLE:,} bytes (the limit)")
    else:
        raise JsonError("neither an object nor a list")


def _whole(text: bytes, needle: bytes) -> Iterator[dict[str, Any]]:
    if needle and needle not in text.lower():
        return
    if match := _START.search(text):
        yield from _items(text, match.end(), needle)
    else:
        yield from _decoded(text)


def _items(data: Any, start: int, needle: bytes) -> Iterator[dict[str, Any]]:
    depth, begin = 0, 0
    for token in _TOKEN.finditer(data, start):
        mark = token[0]
        if mark in (b"{", b"["):
            if depth == 0:
                begin = token.start()
            depth += 1
            if depth > DEEPEST:
                raise JsonError(f"nested more than {DEEPEST} deep (the limit)")
        elif mark in (b"}", b"]"):
            if depth == 0:
                return
            depth -= 1
            if depth == 0:
                if token.end() - begin > LONGEST_ITEM:
                    raise JsonError(f"an object of more than {LONGEST_ITEM:,} bytes (the limit)")
                item = bytes(data[begin : token.end()])
                if not needle or needle in item.lower():
                    yield from _decoded(item)
    raise JsonError("the list is not closed")


def _decoded(text: bytes) -> Iterator[dict[str, Any]]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise JsonError(str(error) or "nested too deep") from error
    if isinstance(value, dict):
        yield value  # pyright: ignore[reportUnknownVariableType]
