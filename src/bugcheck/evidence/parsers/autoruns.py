"""Sysinternals Autoruns' export (CSV, tabs, plain) → what starts by itself, with signer and hash.

Source: `autorunsc -c` / `-ct` and Autoruns' "Save as text": Time, Entry Location, Entry, Enabled, Category, Profile,
Description, Signer, Company, Image Path, Version, Launch String, hashes.  Without -c: the place at the line's start,
each entry three columns in, its values five, of which the signer is "(Verified) …" or "(Not verified) …".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bugcheck.evidence.cells import cells_of
from bugcheck.evidence.evidence import NO, SURE, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source

_WORDS = {
    "entry location": "location", "entry": "name", "enabled": "enabled", "category": "category", "signer": "signed",
    "company": "vendor", "publisher": "vendor", "image path": "path", "version": "version", "launch string": "command",
    "sha-1": "sha1", "sha-256": "sha256", "md5": "md5", "description": "description", "time": "date",
}  # fmt: skip


_SIGNER = re.compile(r"^     \((Verified|Not verified)\)(?: (.*))?$")
_FILE = re.compile(r"^(?:[a-z]:|\\\\[^\\]+)\\.*\.\w{2,4}$|^File not found: ", re.IGNORECASE)
_VALUES = 20
"""Lines of one entry."""


def _headings(line: str) -> tuple[list[str], str]:
    separator = "\t" if line.count("\t") > line.count(",") else ","
    return [_WORDS.get(cell.strip().lower(), "") for cell in cells_of(line, separator)], separator


def probe(source: Source) -> int:
    """Tell by the headings."""
    lines = [line for line in source.head_text[:0x1000].split("\n") if line.strip()][:8]
    if any(_SIGNER.match(line) for line in source.head_text[:0x1000].split("\n")):
        return SURE
    return SURE if any({"location", "name", "path"} <= set(_headings(line)[0]) for line in lines) else NO


@evidence_parser("autoruns", probe=probe, names=("autoruns*",))
def autoruns(source: Source) -> Iterator[Record]:
    """Sysinternals Autoruns' list of autostarts (CSV, tabs, plain)."""
    if any(_SIGNER.match(line) for line in source.head_text.split("\n")):
        yield from _plain(source)
        return
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
        yield _entry(cells["name"], fields, number)


def _entry(name: str, fields: dict[str, str], number: int) -> Fact:
    path = fields.get("path", "")
    if fields.get("category", "").lower() == "drivers" or path.lower().endswith(".sys"):
        file = path.rpartition("\\")[2] or name
        return Fact("driver", file, fields.get("version", ""), f"line {number}", {**fields, "service": name})
    return Fact("autorun", name, fields.get("command") or path, f"line {number}", fields)


def _plain(source: Source) -> Iterator[Fact]:
    """Read the form without columns: an entry's values are told apart by how they look."""
    place, name, start, values = "", "", 0, list[str]()
    for number, line in source.lines():
        depth = len(line) - len(line.lstrip(" "))
        text = line.strip()
        if not text or depth >= 5:
            if text and name and len(values) < _VALUES:
                values.append(line)
            continue
        if name:
            yield _entry(name, _values(place, values), start)
        name, start, values = (text, number, []) if depth == 3 else ("", 0, [])
        place = text if depth == 0 else place
    if name:
        yield _entry(name, _values(place, values), start)


def _values(place: str, lines: list[str]) -> dict[str, str]:
    signer = next((found for line in lines if (found := _SIGNER.match(line))), None)
    texts = [line.strip() for line in lines]
    at = lines.index(signer[0]) if signer else 0
    fields = {
        "location": place,
        "command": texts[0] if at > 0 else "",
        "description": texts[1] if at > 1 else "",
        "signed": f"({signer[1]}) {signer[2] or ''}".strip() if signer else "",
        "path": next((text for text in texts[at:] if _FILE.match(text)), ""),
        "version": next((text for text in texts[at:] if re.fullmatch(r"\d+(?:\.\d+){1,3}", text)), ""),
    }
    return {key: value for key, value in fields.items() if value}
