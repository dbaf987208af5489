"""WMI classes as HTML tables (`wmic … /format:htable`) → memory modules, updates, and other instances.

Source: wmic's htable.xsl: a heading "N Instances of CLASS", a row of property names, rows of values with filler spans.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from bugcheck.evidence.evidence import NO, SURE, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source

_TITLE = re.compile(r"<H\d>\s*\d+ Instances of (\w+)", re.IGNORECASE)
_CELLS = 1_000_000
_LIMIT = 16 << 20


def probe(source: Source) -> int:
    """Tell by the heading."""
    return SURE if _TITLE.search(source.head_text[:0x1000]) else NO


class _Tables(HTMLParser):
    """Collects (class, row of cells)."""

    def __init__(self) -> None:
        super().__init__()
        self.name = ""
        self.rows: list[tuple[str, list[str]]] = []
        self._depth = {"td": 0, "span": 0, "h": 0}
        self._text: list[str] = []
        self._count = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append((self.name, []))
        elif tag in ("td", "th"):
            self._depth["td"], self._text = 1, []
        elif tag == "span" and any(key == "style" and "overflow" in (value or "") for key, value in attrs):
            self._depth["span"] = 1
        elif tag in ("h2", "h3"):
            self._depth["h"], self._text = 1, []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self.rows and self._count < _CELLS:
            self.rows[-1][1].append("".join(self._text).strip())
            self._depth["td"], self._count = 0, self._count + 1
        elif tag == "span":
            self._depth["span"] = 0
        elif tag in ("h2", "h3"):
            self._depth["h"] = 0
            self.name = "".join(self._text).rpartition(" ")[2]

    def handle_data(self, data: str) -> None:
        if (self._depth["td"] or self._depth["h"]) and not self._depth["span"]:
            self._text.append(data)


@evidence_parser("wmi_html", probe=probe, names=("raminfo.html", "*.htm", "*.html"))
def wmi_html(source: Source) -> Iterator[Record]:
    """WMI instances as an HTML table (RAMInfo.html and the like)."""
    tables = _Tables()
    tables.feed(source.text(limit=_LIMIT))
    names: dict[str, list[str]] = {}
    for number, (name, cells) in enumerate(row for row in tables.rows if row[1]):
        if name not in names:
            names[name] = cells
        elif any(cells):
            values = dict(zip(names[name], cells, strict=False))
            yield from _instance(name, {key: value for key, value in values.items() if value}, f"row {number}")


def _instance(name: str, values: dict[str, str], where: str) -> Iterator[Fact]:
    if name == "Win32_PhysicalMemory":
        words = {"vendor": "Manufacturer", "part": "PartNumber", "speed": "Speed", "bank": "BankLabel",
                 "configured_speed": "ConfiguredClockSpeed"}  # fmt: skip
        slot = values.get("DeviceLocator", "") or values.get("Tag", "")
        fields = {word: values[key] for word, key in words.items() if key in values}
        yield Fact("memory_module", slot, values.get("Capacity", ""), where, fields)
    elif name == "Win32_QuickFixEngineering":
        fields = {"installed": values.get("InstalledOn", ""), "by": values.get("InstalledBy", "")}
        yield Fact("update", values.get("HotFixID", ""), values.get("Description", ""), where, fields)
    else:
        label = values.get("Name") or values.get("Caption") or values.get("DeviceID", "")
        shown = dict(list(values.items())[:30])
        yield Fact("setting", f"{name} {label}".strip(), values.get("Description", ""), where, shown)
