"""Event logs → events per second and parser, beside the library that decodes them, used alone.

Run by run.py as `evidence_rate.py FOLDER`, answers in JSON: name → {events, rate, library}.  Real logs of the corpus in
FOLDER (`shared/corpus`), and for the exports their events written out in each form many times over; the library's own
work is the floor under ours.
"""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, __file__.rpartition("/benchmarks/")[0])

import csv

import evtx
import pyevt  # pyright: ignore[reportMissingTypeStubs]

from benchmarks.rates import best_rate
from bugcheck.archives.files import map_file
from bugcheck.binary import BinaryView
from bugcheck.evidence.evidence import Event, parser_of
from bugcheck.evidence.source import Source

SAMPLES = Path(__file__).resolve().parents[1] / "tests/evidence/samples"
COPIES = 2000


def rate_of(source: Source) -> tuple[int, float]:
    """Events of a file, and how many a second its parser tells."""
    parser = parser_of(source)
    assert parser is not None, source.path

    def work() -> int:
        return sum(isinstance(record, Event) for record in parser.read(source))

    return work(), best_rate(work)


def file(path: Path) -> Source:
    """A file of the corpus."""
    return Source(path.name, map_file(str(path)))


def repeated(name: str, head_lines: int = 0) -> Source:
    """A sample's entries many times over, its headings once."""
    lines = (SAMPLES / name).read_bytes().splitlines(keepends=True)
    raw = b"".join(lines[:head_lines]) + b"".join(lines[head_lines:]) * COPIES
    return Source(name, BinaryView(raw, name))


def evtx_alone(path: Path) -> float:
    """The evtx library: entries as JSON text, and that text parsed."""

    def work() -> int:
        return sum(bool(json.loads(entry["data"])) for entry in evtx.PyEvtxParser(str(path), 1).records_json())

    return best_rate(work)


def pyevt_alone(path: Path) -> float:
    """libevt: identifier, time, source and strings of each entry."""

    def work() -> int:
        log = pyevt.file()  # pyright: ignore
        log.open(str(path))
        for index in range(log.number_of_records):
            entry = log.get_record(index)
            _ = entry.event_identifier, entry.get_written_time(), entry.source_name
            _ = [entry.get_string(number) for number in range(entry.number_of_strings)]
        return log.number_of_records

    return best_rate(work)


def csv_alone(source: Source) -> float:
    """The csv module: rows."""
    text = source.text()
    return best_rate(lambda: sum(1 for _ in csv.reader(text.split("\n"))))


def xml_alone(path: Path) -> float:
    """ElementTree: one document parsed, three entries."""
    text = path.read_text("utf-8")
    text = text[text.index("<Events>") :]
    return best_rate(lambda: len(ElementTree.fromstring(text)))


def main(corpus: Path) -> dict[str, dict[str, float | str]]:
    """Race each parser and its library."""
    system = corpus / "evidence/evtx/log2timeline__plaso__System.evtx"
    old = corpus / "evidence/evt/log2timeline__plaso__SysEvent.Evt"
    table = repeated("event_csv--viewer_english.csv", 1)
    whole = SAMPLES / "event_xml--viewer.xml"
    body = whole.read_bytes().partition(b"<Events>")[2].partition(b"</Events>")[0]
    export = Source("events.xml", BinaryView(b"<Events>" + body * COPIES + b"</Events>", "events.xml"))
    races: dict[str, tuple[Source, str, Callable[[], float]]] = {
        "evtx": (file(system), "evtx and json", lambda: evtx_alone(system)),
        "evt": (file(old), "pyevt", lambda: pyevt_alone(old)),
        "event_text": (file(corpus / "incident-amd-driver/EvtxSysDump.txt"), "", lambda: 0.0),
        "event_csv": (table, "csv", lambda: csv_alone(table)),
        "event_xml": (export, "ElementTree", lambda: xml_alone(whole)),
    }
    answer: dict[str, dict[str, float | str]] = {}
    for name, (source, library, alone) in races.items():
        events, rate = rate_of(source)
        answer[name] = {"events": events, "rate": rate, "library": library, "alone": alone()}
    return answer


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
