"""Sysinternals Autoruns' export (CSV, tab-separated) → what starts by itself, with signer and hash.

Source: `autorunsc -c` / `-ct` and Autoruns' "Save as text": Time, Entry Location, Entry, Enabled, Category, Profile,
Description, Signer, Company, Image Path, Version, Launch String, hashes.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.evidence.cells import cells_of
from bugcheck.evidence.evidence import NO, SURE, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source

_WORDS = {
    "entry location": "location", "entry": "name", "enabled": "enabled", "category": "category", "signer": "signed",
    "company": "vendor", "publisher": "vendor", "image path": "path", "version": "version", "launch string": "command",
    "sha-1": "sha1", "sha-256": "sha256", "md5": "md5", "description": "description", "time": "date",
}  # fmt: skip


def _headings(line: str) -> tuple[list[str], str]:
    separator = "\t" if line.count("\t") > line.count(",") else ","
    return [_WORDS.get(cell.strip().lower(), "") for cell in cells_of(line, separator)], separator


def probe(source: Source) -> int:
    """Tell by the headings."""
    lines = [line for line in source.head_text[:0x1000].split("\n") if line.strip()][:8]
    return SURE if any({"location", "name", "path"} <= set(_headings(line)[0]) for line in lines) else NO


@evidence_parser("autoruns", probe=probe, names=("autoruns*",))
def autoruns(source: Source) -> Iterator[Record]:
    """Sysinternals Autoruns' table of autostarts (CSV or tabs)."""
    names, separator = list[str](), ","
    for number, line in source.lines():
        if not names:
            found, separator = _headings(line)
            names = found if {"location", "name", "path"} <= set(found) else []
            continue
        cells = dict(zip(names, cells_of(line, separator), strict=False))
        fields = {word: cell.strip() for word, cell in cells.items() if word and cell.strip() and word != "name"}
        if not cells.get("name") or len(fields) < 2:
            continue
        path = fields.get("path", "")
        if fields.get("category", "").lower() == "drivers" or path.lower().endswith(".sys"):
            fields["service"] = cells["name"]
            yield Fact(
                "driver", path.rpartition("\\")[2] or cells["name"], fields.get("version", ""), f"line {number}", fields
            )
        else:
            yield Fact("autorun", cells["name"], fields.get("command") or path, f"line {number}", fields)
