"""Output of `wmic qfe` and Get-HotFix → installed updates.

Source: `wmic qfe list` (columns as wide as their headings: Caption, CSName, Description, HotFixID, InstalledBy,
InstalledOn), `/format:csv`, and PowerShell's Get-HotFix (Source, Description, HotFixID, InstalledBy, InstalledOn
over hyphens).

Folklore: InstalledOn is in the user's or the American order; on some machines it is a FILETIME in hexadecimal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bugcheck.evidence.cells import cells_of
from bugcheck.evidence.evidence import NO, SURE, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.timestamps import from_filetime

_KB = re.compile(r"\b(?:KB|Q|M)\d{5,8}(?:-v\d)?\b", re.IGNORECASE)


def probe(source: Source) -> int:
    """Tell by the headings."""
    lines = [line for line in source.head_text[:0x1000].split("\n") if line.strip()][:4]
    return SURE if any("HotFixID" in line and "InstalledOn" in line for line in lines) else NO


@evidence_parser("hotfix_list", probe=probe, names=("*qfe*", "*hotfix*"))
def hotfix_list(source: Source) -> Iterator[Record]:
    """A list of updates (wmic qfe, Get-HotFix)."""
    spans: list[tuple[int, int]] = []
    names: list[str] = []
    commas = False
    for number, line in source.lines():
        if "HotFixID" in line and "InstalledOn" in line:
            commas = line.count(",") >= 3
            names = [cell.strip() for cell in cells_of(line)] if commas else line.split()
            spans = [found.span() for found in re.finditer(r"\S+\s*", line)]
        elif names and (kb := _KB.search(line)):
            cells = cells_of(line) if commas else [line[start:end].strip() for start, end in spans]
            row = dict(zip(names, cells, strict=False))
            if not commas and names and names[-1] == "InstalledOn":
                row["InstalledOn"] = line[spans[-1][0] :].strip()
            words = {"installed": _date(row.get("InstalledOn", "")), "by": row.get("InstalledBy", "")}
            fields = {key: value for key, value in words.items() if value}
            yield Fact("update", kb[0].upper(), row.get("Description", ""), f"line {number}", fields)


def _date(text: str) -> str:
    if re.fullmatch(r"[0-9a-f]{16}", text, re.IGNORECASE):
        time = from_filetime(int(text, 16))
        return time.strftime("%Y-%m-%d") if time else ""
    return text
