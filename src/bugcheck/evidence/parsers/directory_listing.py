"""Output of `dir` (and `where /t`) over dumps and error reports → when crashes left files.

Source: `dir`: " Directory of PATH" in the language of Windows, rows of date, time, size or <DIR>, owner with /q,
short name with /x, name; `where /t`: size, date, time, quoted path.

Folklore: a minidump's name is MMDDYY-TICKS-NN.dmp and its file time is that of the start after the crash; a dump of
no bytes is one that could not be written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from bugcheck.evidence.evidence import LIKELY, MAYBE, NO, Event, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.evidence.wall_clock import Dates

_FOLDER = re.compile(
    r"^ (?:Directory of|Verzeichnis von|Répertoire de|Directorio de|Directory di|Pasta de)\s+(.+?)\s*$"
)
_ROW = re.compile(
    r"^(\d{1,4}[-./]\w{1,4}[-./]\d{2,4}\s+\d{1,2}:\d\d(?: ?[AaPp]\.?[Mm]\.?)?)\s+([\d.,\u00a0\u202f']+)\s+(.*\S)\s*$"
)
_WHERE = re.compile(r'^\s*(\d+)\s{2,}(\S+)\s{2,}(\d{1,2}:\d\d:\d\d(?: [AP]M)?)\s+"?([A-Za-z]:\\[^"]+)"?\s*$')
_DUMP = re.compile(r"(\S{1,255}\.(?:dmp|mdmp))$", re.IGNORECASE)
_LINES = 500_000
_REPORTS = (
    ("appcrash", "program_crash"), ("apphang", "program_crash"), ("kernel", "crash_report"),
    ("bluescreen", "crash_report"), ("livekernel", "crash_report"),
)  # fmt: skip
"""How a report's folder begins, which is its event type; the others are no crashes."""


def probe(source: Source) -> int:
    """Tell by a folder's heading with dated rows, or by `where`'s rows."""
    lines = source.head_text[:0x4000].split("\n")
    rows = sum(bool(_ROW.match(line)) for line in lines)
    if any(_FOLDER.match(line) for line in lines) and (rows or "<DIR>" in source.head_text[:0x4000]):
        return LIKELY
    return LIKELY if sum(bool(_WHERE.match(line)) for line in lines[:20]) >= 2 else NO if rows < 5 else MAYBE


@evidence_parser("directory_listing", probe=probe, names=("*dumplist*", "*dir*.txt", "wer*.txt", "*minidump*.txt"))
def directory_listing(source: Source) -> Iterator[Record]:
    """A directory listing of crash dumps or error reports (dir, where /t)."""
    found = list(_rows(source))
    dates = Dates(stamp for _, stamp, _, _, _ in found)
    for number, stamp, size, folder, name in found:
        yield from _file(stamp, size, folder, name, dates, f"line {number}")
    yield from dates.gaps(source.path)


def _rows(source: Source) -> Iterator[tuple[int, str, int, str, str]]:
    folder = ""
    for number, line in islice(source.lines(), _LINES):
        if heading := _FOLDER.match(line):
            folder = heading[1]
        elif row := _ROW.match(line):
            size = re.sub(r"\D", "", row[2])
            yield number, row[1], int(size[:18] or 0), folder, row[3]
        elif row := _WHERE.match(line):
            path, _, name = row[4].rpartition("\\")
            yield number, f"{row[2]} {row[3]}", int(row[1][:18]), path, name


def _file(stamp: str, size: int, folder: str, name: str, dates: Dates, where: str) -> Iterator[Record]:
    dump = _DUMP.search(name)
    report = name.lower().endswith(".wer")
    if not dump and not report:
        if folder:
            yield Fact("listed_file", name.split("  ")[-1], str(size), where, {"path": folder, "date": stamp})
        return
    time = dates.read(stamp)
    if time is None:
        return
    file = dump[1] if dump else name
    path = f"{folder}\\{file}".lstrip("\\")
    fields = {"dump" if dump else "report": path, "size": str(size)}
    if dump and size == 0:
        yield Event(time, "dump_failed", f"a dump without content was left: {path}", where, "dir", None, fields)
    elif dump:
        yield Event(time, "crash_report", f"a dump was written: {path}", where, "dir", None, fields)
    else:
        event, *rest = folder.rpartition("\\")[2].split("_")
        fields |= {"type": event, "program": rest[0] if rest else ""}
        text = f"an error report was made: {event} {fields['program']}".strip()
        kind = next((kind for start, kind in _REPORTS if event.lower().startswith(start)), "")
        yield Event(time, kind, text, where, "dir", None, {k: v for k, v in fields.items() if v})
