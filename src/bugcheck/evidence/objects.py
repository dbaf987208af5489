"""Output of PowerShell and wmic → objects: property → value.

Source: about_Format (Microsoft): Format-List writes "Name : value" with the colons in one column, objects divided by
empty lines; Format-Table writes headings over hyphens; Export-Csv quotes every cell and may begin with `#TYPE`;
`wmic … /format:list` writes "Name=value".

Folklore: in a table the hyphens are as long as the heading, not as the column: numbers lie to the left of theirs, text
runs past them, and only the blanks that all rows share tell where a column ends.  What did not fit is cut, with "...".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice, pairwise

from bugcheck.evidence.cells import cells_of

_LIST = re.compile(
    r"^([A-Za-z_][\w()%./ -]{0,60}?)\s*: (.*)$|^([A-Za-z_][\w ()%./-]{0,60}?)\s*:$|^([A-Za-z]\w{1,60})=(.*)$"
)
_RULE = re.compile(r"^\s*-+(?: +-+)+\s*$")
_LINES = 1_000_000
_SAMPLE = 500
"""Rows of a table that tell where its columns end."""
COLUMNS = 200
LONGEST = 4000
"""Characters of a value that are kept."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One object of the output: `line` is where it begins."""

    line: int
    properties: dict[str, str] = field(default_factory=dict[str, str])


def objects(lines: Iterable[tuple[int, str]]) -> Iterator[Listed]:
    """Yield the objects of an output, lists and tables in any order."""
    held: list[tuple[int, str]] = []
    for number, line in islice(lines, _LINES):
        line = line.rstrip("\r\n")
        if line.strip() and len(held) < _LINES:
            held.append((number, line))
        elif held and not _goes_on(held):
            yield from _paragraph(held)
            held = []
    yield from _paragraph(held)


def _goes_on(held: list[tuple[int, str]]) -> bool:
    """Tell whether a blank line belongs to the paragraph: below a table's rule nothing has come yet."""
    return _RULE.match(held[-1][1]) is not None


def _paragraph(held: list[tuple[int, str]]) -> Iterator[Listed]:
    rule = next((at for at, (_, line) in enumerate(held[:4]) if at and _RULE.match(line)), 0)
    if rule:
        yield from _table(held[rule - 1][1], held[rule][1], held[rule + 1 :])
    elif (start := _csv_start(held)) is not None:
        yield from _csv(held[start:])
    elif held:
        yield from _list(held)


def _table(names: str, rule: str, rows: list[tuple[int, str]]) -> Iterator[Listed]:
    spans = [found.span() for found in re.finditer(r"-+", rule)][:COLUMNS]
    cuts = [0, *_cuts(spans, [line for _, line in rows[:_SAMPLE]]), None]
    headings = [names[start:end].strip() for start, end in pairwise(cuts)]
    for number, line in rows:
        cells = [line[start:end].strip() for start, end in pairwise(cuts)]
        yield Listed(number, {name: cell[:LONGEST] for name, cell in zip(headings, cells, strict=True) if name})


def _cuts(spans: list[tuple[int, int]], rows: list[str]) -> list[int]:
    """Return where columns end: between two rules, where all rows have a blank."""
    cuts: list[int] = []
    for (_, end), (start, _) in pairwise(spans):
        blank = (at for at in range(start - 1, end - 1, -1) if all(line[at : at + 1] in (" ", "") for line in rows))
        cuts.append(next(blank, start))
    return cuts


def _csv_start(held: list[tuple[int, str]]) -> int | None:
    start = 1 if held and held[0][1].startswith("#TYPE ") else 0
    line = held[start][1] if len(held) > start else ""
    return start if line.startswith('"') and '","' in line else None


def _csv(held: list[tuple[int, str]]) -> Iterator[Listed]:
    names = cells_of(held[0][1])[:COLUMNS]
    for number, line in held[1:]:
        cells = cells_of(line)
        if len(cells) == len(names):
            yield Listed(number, {name: cell[:LONGEST] for name, cell in zip(names, cells, strict=True)})


def _list(held: list[tuple[int, str]]) -> Iterator[Listed]:
    found: dict[str, str] = {}
    start, last = held[0][0], ""
    for number, line in held:
        match = _LIST.match(line)
        name = (match[1] or match[3] or match[4] or "").strip() if match else ""
        if name:
            if name in found:  # wmic may divide its objects by nothing
                yield Listed(start, found)
                found, start = {}, number
            found[name], last = ((match[2] or match[5] or "") if match else "").strip()[:LONGEST], name
        elif last and line[0] == " " and len(found[last]) < LONGEST:
            found[last] = f"{found[last]}{line.strip()}"
    if found:
        yield Listed(start, found)
