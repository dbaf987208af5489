"""An msinfo32 text export → the same facts as from an .nfo.

Source: `msinfo32 /report FILE`: "System Information report written at:", sections in brackets, an empty line, a line
of column names and rows, divided by tabs.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.evidence.evidence import LIKELY, NO, SURE, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.evidence.system_report import records_of_items, records_of_row, records_of_summary, word_of
from bugcheck.evidence.wall_clock import Dates

_ITEMS = {"item", "element", "élément", "elemento", "项目", "項目", "항목"}


def probe(source: Source) -> int:
    """Tell by its first line or by a section of items."""
    head = source.head_text[:0x2000].lstrip()
    if head.startswith("System Information report written at:"):
        return SURE
    lines = [line for line in head.split("\n") if line.strip()][:8]
    sections = [line[1:-1] for line in lines if line.startswith("[") and line.endswith("]")]
    tabbed = any(line.split("\t")[0].strip().lower() in _ITEMS for line in lines if "\t" in line)
    return LIKELY if sections and tabbed and any(word_of(name) for name in sections) else NO


@evidence_parser("msinfo_text", probe=probe, names=("*msinfo*.txt", "*systeminformation*.txt"))
def msinfo_text(source: Source) -> Iterator[Record]:
    """An msinfo32 report exported as text."""
    dates = Dates()
    section, columns, items = "", list[str](), dict[str, str]()
    at = 0
    for number, line in source.lines():
        cells = [cell.strip() for cell in line.split("\t")]
        if line.startswith("[") and line.rstrip().endswith("]"):
            yield from _told(section, items, at, dates)
            section, columns, items, at = line.strip()[1:-1], [], {}, number
        elif not line.strip():
            continue
        elif not columns and len(cells) > 1:
            columns = cells
        elif columns and columns[0].lower() in _ITEMS and len(cells) > 1:
            if cells[0] in items:
                yield from _told(section, items, at, dates)
                items, at = {}, number
            items[cells[0]] = cells[1]
        elif columns:
            dates.see(cells)
            words = {word: cell for name, cell in zip(columns, cells, strict=False) if (word := word_of(name))}
            yield from records_of_row(word_of(section), words, dates, f"line {number}")
    yield from _told(section, items, at, dates)
    yield from dates.gaps(source.path)


def _told(section: str, items: dict[str, str], line: int, dates: Dates) -> Iterator[Record]:
    if items and word_of(section) == "summary":
        yield from records_of_summary(items, dates, f"line {line}")
    elif items:
        yield from records_of_items(word_of(section), items, f"line {line}")
