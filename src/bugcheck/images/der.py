"""DER bytes → the elements in them: for the structures of Microsoft's that ASN.1 libraries do not know.

Source: X.690, definite lengths; tags of one byte, as all of Authenticode's are.
"""

from __future__ import annotations

from collections.abc import Iterator

SEQUENCE, SET, OBJECT_ID, OCTETS = 0x30, 0x31, 0x06, 0x04


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (tag, value) of the elements that follow each other in `data`. Raises ValueError where it is no DER."""
    at = 0
    while at < len(data):
        start, end = extent(data, at)
        yield data[at], data[start:end]
        at = end


def extent(data: bytes, at: int = 0) -> tuple[int, int]:
    """Find where the value of the element at `at` begins and ends. Raises ValueError when it is cut off."""
    if at + 2 > len(data):
        raise ValueError("an element is cut off")
    start, size = at + 2, data[at + 1]
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 4 or start + count > len(data):
            raise ValueError("a length is no DER")
        size = int.from_bytes(data[start : start + count], "big")
        start += count
    if start + size > len(data):
        raise ValueError("an element is cut off")
    return start, start + size


def children(data: bytes, tag: int = 0) -> list[tuple[int, bytes]]:
    """Take one constructed element apart. Raises ValueError when `tag` is given and is not its tag."""
    start, end = extent(data)
    if tag and data[0] != tag:
        raise ValueError(f"an element has tag {data[0]:#x}, not {tag:#x}")
    return list(elements(data[start:end]))


def object_id(value: bytes) -> str:
    """Write an object identifier in dots."""
    numbers, current = list[int](), 0
    for byte in value:
        current = current << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(current)
            current = 0
    if not numbers:
        return ""
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:])))
