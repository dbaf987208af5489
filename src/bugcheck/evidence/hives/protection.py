"""SOFTWARE's keys of security products → versions, definitions, servers.

Source: `knowledge/security_keys.tsv`, one line per fact: product, vendor, key, value, what it means, how it is
written.

Folklore: Symantec names its definitions' folder after their date and revision (20060921.016); its corporate edition
keeps dates as three bytes: years since 1970, month from 0, day.  A product's key may outlive the product.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bugcheck.evidence.evidence import Fact
from bugcheck.evidence.hives.keys import Key, Value, iso
from bugcheck.knowledge.tables import table
from bugcheck.timestamps import from_unix

_NODES = ("", "WOW6432Node\\")
_FOLDER_DATE = re.compile(r"(20\d\d)(\d\d)(\d\d)\.(\d{3})")
_WILDCARD_LIMIT = 200


def security_products(root: Key) -> Iterator[Fact]:
    """Yield one fact per security product found."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    places: dict[tuple[str, str], str] = {}
    for product, vendor, path, value_name, what, form in _rows():
        for node in _NODES:
            for key in _matching(root, node + path):
                value = key.values().get(value_name.lower())
                text = _written(value, form) if value else ""
                if text:
                    fields = found.setdefault((product, node), {"vendor": vendor})
                    fields.setdefault(what, text)
                    places.setdefault((product, node), f"key {key.path}")
    for (product, node), fields in found.items():
        version = fields.pop("version", "")
        name = fields.pop("name", "") or product
        if version or len(fields) > 1:
            yield Fact("security_product", name, version, places[product, node], fields)


def _rows() -> Iterator[list[str]]:
    for line in table("security_keys.tsv").decode().splitlines():
        columns = line.split("\t")
        if len(columns) == 6 and not line.startswith(("#", "product\t")):
            yield columns


def _matching(root: Key, path: str) -> list[Key]:
    """Return the keys of a path whose names may be `*` or end in one."""
    keys = [root]
    for name in path.split("\\"):
        if name.endswith("*"):
            start = name[:-1].lower()
            keys = [child for key in keys for child in key.children() if child.name.lower().startswith(start)]
        else:
            keys = [child for key in keys if (child := key.child(name))]
        keys = keys[:_WILDCARD_LIMIT]
    return keys


def _written(value: Value, form: str) -> str:
    if form == "filetime":
        return iso(value.time)
    if form == "unix":
        return iso(from_unix(value.number or 0))
    if form == "folder":
        day = _FOLDER_DATE.search(value.text)
        return f"{day[1]}-{day[2]}-{day[3]} rev. {day[4]}" if day else ""
    if form == "bytes" and len(value.data) >= 3:
        year, month, day = value.data[:3]
        return f"{1970 + year}-{month + 1:02d}-{day:02d}" if month < 12 and 1 <= day <= 31 else ""
    if form == "packed" and value.number:
        # low word major*100 + minor*10, high word the build
        number = value.number
        return f"{(number & 0xFFFF) // 100}.{(number & 0xFFFF) // 10 % 10}.{number >> 16}"
    return value.text if form == "text" else ""
