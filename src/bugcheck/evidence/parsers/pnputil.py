"""Output of `pnputil /enum-drivers` (and `-e`) → third-party driver packages.

Source: Microsoft, "PnPUtil command syntax": blocks of "Published Name", "Original Name" (since 10), "Provider Name",
"Class Name", "Driver Version: MM/DD/YYYY version", "Signer Name".  Values are told by their form where headings are
localised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bugcheck.evidence.evidence import LIKELY, NO, SURE, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source

_PUBLISHED = re.compile(r"^[^:]{4,30}:\s*+(oem\d+\.inf)\s*+$", re.IGNORECASE)
_VERSION = re.compile(r"(\d\d/\d\d/\d{4})\s+(\d{1,9}(?:\.\d{1,9}){1,3})\s*+$")
_INF = re.compile(r":\s*+(\S{1,255}\.inf)\s*+$", re.IGNORECASE)
_ENGLISH = {
    "provider name": "vendor", "driver package provider": "vendor", "class name": "class", "class": "class",
    "signer name": "signer", "class guid": "class_guid",
}  # fmt: skip


def probe(source: Source) -> int:
    """Tell by an oemN.inf with a dated version below."""
    head = source.head_text[:0x1000]
    if not any(_PUBLISHED.match(line) for line in head.split("\n")):
        return NO
    if "Published" in head:
        return SURE
    return LIKELY if any(_VERSION.search(line) for line in head.split("\n")) else NO


@evidence_parser("pnputil", probe=probe, names=("*pnputil*", "*enum-drivers*"))
def pnputil(source: Source) -> Iterator[Record]:
    """Output of pnputil /enum-drivers: driver packages."""
    name, at, fields = "", 0, dict[str, str]()
    for number, line in source.lines():
        published = _PUBLISHED.match(line)
        if published:
            if name:
                yield _package(name, fields, at)
            name, at, fields = published[1].lower(), number, {}
        elif name:
            heading, _, value = (part.strip() for part in line.partition(":"))
            version, inf = _VERSION.search(value), _INF.search(line)
            if version:
                month, day, year = version[1].split("/")
                fields |= {"date": f"{year}-{month}-{day}", "version": version[2]}
            elif inf:
                fields["original"] = inf[1]
            elif value and heading.lower() in _ENGLISH:
                fields[_ENGLISH[heading.lower()]] = value
    if name:
        yield _package(name, fields, at)


def _package(name: str, fields: dict[str, str], line: int) -> Fact:
    return Fact("driver_package", name, fields.get("version", ""), f"line {line}", fields)
