"""An event log exported as a table (CSV, tabs) → Events.

Source: Event Viewer's "Save as CSV" and "text (tab delimited)" since Vista, in many languages; its "Save Log File As"
of 2000 to 2003, which has no headings; PowerShell's Export-Csv of Get-WinEvent or Get-EventLog; Microsoft's LogParser;
EvtxECmd.  RFC 4180 for the quotes.

Folklore: Event Viewer gives the description no heading, it is simply the last column.  The tab-separated text of 2003
puts the whole description on the same line; a description with a line end is quoted in CSV.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import islice

from bugcheck.evidence.event_export import log_of_file, order_of, record_of
from bugcheck.evidence.event_log import EventLog
from bugcheck.evidence.evidence import LIKELY, NO, SURE, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.evidence.wall_clock import orders_of, unproven_order
from bugcheck.gaps import Gap
from bugcheck.knowledge.events import heading

_OLD_COLUMNS = ("date", "clock", "provider", "level", "task", "code", "user", "host", "message")
_NEEDED = frozenset(("provider", "code"))
_HEAD_ROWS = 400
_FIRST_LINES = 3


class _Layout:
    """How a table is laid out: the separator, what each column holds, and how many lines stand above the entries."""

    def __init__(self, separator: str, columns: tuple[str, ...], skip: int) -> None:
        self.separator = separator
        self.columns = columns
        self.skip = skip

    def fields(self, row: list[str]) -> dict[str, str]:
        """Name a row's cells; what stands beyond the last heading is the description."""
        named = {name: cell for name, cell in zip(self.columns, row, strict=False) if name}
        if len(row) > len(self.columns) and "message" not in named:
            named["message"] = self.separator.join(row[len(self.columns) :])
        return named


def probe(source: Source) -> int:
    """Tell by the headings, or by the nine columns of old exports."""
    layout = _layout_of(source.head_text)
    if layout is None:
        return NO
    return SURE if layout.columns is not _OLD_COLUMNS else LIKELY


@evidence_parser("event_csv", probe=probe, names=("*event*.csv", "*evt*.csv", "*log*.csv"))
def event_csv(source: Source) -> Iterator[Record]:
    """Event logs exported as a table: Event Viewer, PowerShell, LogParser, EvtxECmd."""
    layout = _layout_of(source.head_text)
    if layout is None:
        yield Gap(f"events of {source.path}", "headings of an event log's export")
        return
    order, proven = order_of(layout.fields(row) for _, row in islice(_head_rows(source, layout), _HEAD_ROWS))
    log = EventLog(source.path, log=log_of_file(source.base_name))
    utc = "payload" in layout.columns
    for number, row in _rows(source.lines(), layout, log):
        if not row or row == [""]:
            continue
        record = record_of(layout.fields(row), order, f"line {number}", utc=utc)
        if record is None:
            log.damaged("a row with a time and an event id", f"line {number}")
        else:
            yield log.event(record)
    yield from log.closing()
    if not proven:
        yield unproven_order(source.path, order)


def _layout_of(text: str) -> _Layout | None:
    """Find the headings among the first lines, else see whether the first line is an entry of an old export."""
    lines = text.split("\n", _FIRST_LINES + 1)[:_FIRST_LINES]
    for skip, line in enumerate(lines):
        if line.startswith("#") or not line.strip():
            continue
        for separator in ("\t", ",", ";"):
            cells = next(csv.reader([line[:4000]], delimiter=separator))
            columns = tuple(heading(cell) or "" for cell in cells)
            if set(columns) >= _NEEDED and {"stamp", "date"} & set(columns):
                return _Layout(separator, _without_repeats(columns), skip + 1)
            if len(cells) >= len(_OLD_COLUMNS) and _is_old_row(cells):
                return _Layout(separator, _OLD_COLUMNS, 0)
    return None


def _without_repeats(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Keep the first column of each meaning: EvtxECmd has both RecordNumber and EventRecordId."""
    return tuple("" if name in columns[:index] else name for index, name in enumerate(columns))


def _is_old_row(cells: list[str]) -> bool:
    return bool(orders_of(cells[0])) and ":" in cells[1] + cells[0] and cells[5].strip().isdecimal()


def _head_rows(source: Source, layout: _Layout) -> Iterator[tuple[int, list[str]]]:
    """Read the rows of the head alone, for a look at the dates."""
    lines = enumerate(source.head_text.split("\n"), 1)
    return _rows(lines, layout, EventLog(source.path))


def _rows(lines: Iterable[tuple[int, str]], layout: _Layout, log: EventLog) -> Iterator[tuple[int, list[str]]]:
    """Read rows with the number of the line each ends on; a row the csv module refuses is counted."""
    place = [0]

    def numbered() -> Iterator[str]:
        for number, line in lines:
            place[0] = number
            if number > layout.skip:
                yield line.replace("\0", "") + "\n"

    reader = csv.reader(numbered(), delimiter=layout.separator)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            log.damaged(f"a row that is no CSV ({error})", f"line {place[0]}")
            continue
        yield place[0], row
