"""Output of Windows' command-line tools → rows: heading → value.

Source: the tools themselves: systeminfo, driverquery, tasklist, schtasks, getmac and openfiles share one printer
with three forms (`/fo table`, `/fo list`, `/fo csv`).  A table's columns are as wide as the line of equals signs
below the headings.

Folklore: the text is in the console's code page (850 in Germany, 866 in Russia …), not the one Windows programs use,
and East Asian letters take two columns.  A tool asked to cut columns cuts in the middle of a word without a mark.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import islice

from bugcheck.evidence.cells import cells_of
from bugcheck.evidence.source import Source
from bugcheck.knowledge.tables import table

OEM = ("cp437", "cp850", "cp852", "cp866", "cp1250", "cp1251", "cp932", "cp936", "cp949", "cp950", "cp737", "cp857")
"""Code pages of consoles, tried where the bytes themselves do not tell."""
_RULE = re.compile(r"[= ]+")
_SAMPLE = 0x3000
COLUMNS_LIMIT = 200
LINES_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """A row of output: heading, in the tool's language, → value.

    Attributes:
        line: where it begins. places: where each heading of a list stands.
    """

    line: int
    cells: dict[str, str]
    places: dict[str, int] = field(default_factory=dict[str, int])


def plain(heading: str) -> str:
    """Reduce a heading to what can be compared: lower case, no spaces, colons, dots or quotes."""
    return re.sub(r"[\s:：.\"'’`´\u00a0\u202f_]", "", heading).casefold()


@cache
def _languages(tool: str) -> dict[str, dict[str, str]]:
    """Return a tool's headings, reduced, by language → our word for each."""
    found: dict[str, dict[str, str]] = {}
    for line in table("console_headings.tsv").decode().splitlines():
        columns = line.split("\t")
        if len(columns) >= 4 and columns[0] == tool:
            found.setdefault(columns[2], {})[plain(columns[3])] = columns[1]
    return found


@cache
def headings(tool: str) -> dict[str, str]:
    """Return a tool's headings of all languages; where two say different things, the earlier in the table."""
    merged: dict[str, str] = {}
    for words in _languages(tool).values():
        merged = {**words, **merged}
    return merged


@lru_cache(64)
def _language_of(tool: str, names: tuple[str, ...]) -> dict[str, str]:
    """Return the headings of the language that knows most of these names."""
    reduced = [plain(name) for name in names]
    return max(_languages(tool).values(), key=lambda words: sum(name in words for name in reduced))


def encoding_for(source: Source, tool: str) -> str:
    """Return the encoding under which most of the tool's headings are recognised."""
    head = source.head[:_SAMPLE]
    if not source.encoding or source.encoding.startswith("utf") or head.isascii():
        return source.encoding
    known = headings(tool)
    names = (source.encoding, *OEM)
    return max(names, key=lambda name: (_known(head.decode(name, "replace"), known), -names.index(name)))


def _known(text: str, known: dict[str, str]) -> int:
    parts = re.split(r"[\r\n\t\",]| {2,}|:", text)
    return len({word for part in parts if (word := plain(part)) in known})


def recognised(source: Source, tool: str) -> set[str]:
    """Return which of a tool's words the head of a file has as headings, in any language and form."""
    if not source.encoding:
        return set()
    known = headings(tool)
    words = _words_of(source.head[:_SAMPLE], encoding_for(source, tool) or "utf-8")
    return {known[word] for word in words & known.keys()}


@lru_cache(4)
def _words_of(head: bytes, encoding: str) -> frozenset[str]:
    """Return, reduced, all that stands where headings may stand; several tools ask of the same file."""
    text = head.decode(encoding, "replace")
    found: set[str] = set()
    lines = [line.rstrip() for line in text.lstrip("\ufeff").replace("\r", "\n").split("\n") if line.strip()][:80]
    for at, line in enumerate(lines):
        pieces = [line.partition(":")[0], line.rpartition(": ")[0]]
        if _is_rule(line) and at:
            pieces = slices(lines[at - 1], [part.span() for part in re.finditer(r"=+", line)][:COLUMNS_LIMIT])
        elif line.startswith('"'):
            pieces = re.split(r'"[,;\t]"', line.strip('"'))
        found.update(plain(piece) for piece in pieces)
    return frozenset(found)


def rows(lines: Iterable[tuple[int, str]]) -> Iterator[Row]:
    """Yield the rows of a tool's output in whichever of the three forms it has."""
    kept = [(number, line.rstrip()) for number, line in islice(lines, LINES_LIMIT)]
    first = next((line for _, line in kept if line), "")
    rule = next((at for at, (_, line) in enumerate(kept) if _is_rule(line)), None)
    if rule is not None:
        start = next((at + 1 for at in range(rule - 1, max(-1, rule - 5), -1) if not kept[at][1]), max(0, rule - 1))
        yield from _list_rows(kept[:start])  # what another tool, or another form, wrote before
        yield from _table_rows(kept[start:])
    elif first.startswith('"'):
        yield from _csv_rows(kept)
    else:
        yield from _list_rows(kept)


def _is_rule(line: str) -> bool:
    return line.startswith("==") and _RULE.fullmatch(line) is not None


def _table_rows(lines: list[tuple[int, str]]) -> Iterator[Row]:
    spans: list[tuple[int, int]] = []
    names: list[str] = []
    above: list[tuple[int, str]] = []
    for number, line in lines:
        if _is_rule(line) and above:
            spans = [found.span() for found in re.finditer(r"=+", line)][:COLUMNS_LIMIT]
            names, above = _headings_above(above, spans), []
        elif not line:
            spans, above = (spans if above == [] else []), []
        elif spans:
            yield Row(number, dict(zip(names, slices(line, spans), strict=True)))
        else:
            above = [*above[-2:], (number, line)]


def _csv_rows(lines: list[tuple[int, str]]) -> Iterator[Row]:
    names: list[str] = []
    for number, line in lines:
        if not line.startswith('"'):
            continue
        cells = cells_of(line, _delimiter(line))[:COLUMNS_LIMIT]
        if not names or len(cells) != len(names):
            names = cells
        elif cells != names:  # schtasks repeats its headings for every folder
            yield Row(number, {name: cell for name, cell in zip(names, cells, strict=True) if name})


def _list_rows(lines: list[tuple[int, str]]) -> Iterator[Row]:
    cells: dict[str, str] = {}
    places: dict[str, int] = {}
    start, last = 0, ""
    for number, line in lines:
        name, colon, value = _heading(line, cells)
        if cells and (not line or (colon and line[0] not in " \t" and name.strip() in cells)):
            yield Row(start, cells, places)
            cells, places, last = {}, {}, ""
        if colon and line[0] not in " \t":
            start, last = (start if cells else number), name.strip()
            cells[last], places[last] = value.strip(), number
        elif line and last and line[0] in " \t":
            cells[last] = f"{cells[last]}\n{line.strip()}".strip("\n")
    if cells:
        yield Row(start, cells, places)


def _heading(line: str, cells: dict[str, str]) -> tuple[str, str, str]:
    """Split a line at its colon; at the second one where the first gives a heading that was there before."""
    name, colon, value = line.partition(":")
    more, second, rest = value.partition(":")
    if name.strip() in cells and second and more.strip() and not re.search(r"\d", more):
        return f"{name}:{more}", second, rest
    return name, colon, value


def _headings_above(before: list[tuple[int, str]], spans: list[tuple[int, int]]) -> list[str]:
    """Return the headings over a rule; long ones stand in several lines."""
    number, line = before[-1]
    parts = slices(line, spans)
    for above, text in reversed(before[:-1]):
        if above != number - 1 or len(text) < spans[-1][0] // 2:
            break
        parts = [f"{upper} {lower}".strip() for upper, lower in zip(slices(text, spans), parts, strict=True)]
        number = above
    seen: dict[str, int] = {}
    named: list[str] = []
    for part in parts:
        seen[part] = seen.get(part, 0) + 1
        named.append(part if seen[part] == 1 else f"{part} {seen[part]}")
    return named


def slices(line: str, spans: list[tuple[int, int]]) -> list[str]:
    """Cut a line into its columns, counting East Asian letters as two; the last column goes to the end."""
    wide = not line.isascii() and any(unicodedata.east_asian_width(char) in "WF" for char in line)
    if not wide:
        return [line[start : end if at < len(spans) - 1 else None].strip() for at, (start, end) in enumerate(spans)]
    cells, column, at = [""] * len(spans), 0, 0
    for char in line:
        while at < len(spans) - 1 and column >= spans[at + 1][0]:
            at += 1
        cells[at] += char
        column += 2 if unicodedata.east_asian_width(char) in "WF" else 1
    return [cell.strip() for cell in cells]


def _delimiter(text: str) -> str:
    return ";" if text.count('";"') > text.count('","') else "\t" if '"\t"' in text else ","


def worded(row: Row, tool: str) -> dict[str, str]:
    """Return a row with our words for its headings; unknown headings are left out."""
    known = _language_of(tool, tuple(row.cells))
    every = headings(tool)
    return {
        word: value for name, value in row.cells.items() if (word := known.get(plain(name)) or every.get(plain(name)))
    }


def lines_of(row: Row, tool: str) -> dict[str, int]:
    """Return the line on which each of our words stands."""
    return {word: row.places.get(name, row.line) for name in row.cells for word in worded(Row(0, {name: ""}), tool)}


def absent(value: str) -> bool:
    """Tell a tool's words for "nothing": empty, N/A in any language we know."""
    return plain(value) in _ABSENT


_ABSENT = {plain(word) for word in table("absent_words.txt").decode().splitlines() if not word.startswith("#")}
