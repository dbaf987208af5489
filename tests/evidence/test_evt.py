"""The .evt of 2000 to 2003: counts, clock, copies, damage."""

from __future__ import annotations

import csv
import random
import re
import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.evidence.helping import events_of, facts_of, gaps_of, parser, read, source_of, spans_of


def evt_entry(
    number: int, seconds: int, code: int, source: str, host: str, strings: list[str], data: bytes = b""
) -> bytes:
    """An EVENTLOGRECORD as winnt.h lays it out."""
    names = b"".join(text.encode("utf-16-le") + b"\0\0" for text in (source, host))
    texts = b"".join(text.encode("utf-16-le") + b"\0\0" for text in strings)
    sid_at = 56 + len(names)
    sid_at += -sid_at % 4
    head_end = sid_at + len(texts)
    size = head_end + len(data) + 4
    size += -size % 4
    head = struct.pack(
        "<I4sIIIIHHHHIIIIII", size, b"LfLe", number, seconds, seconds, code, 1, len(strings), 0, 0, 0,
        sid_at, 0, sid_at, len(data), head_end,
    )  # fmt: skip
    body = (head + names).ljust(sid_at, b"\0") + texts + data
    return body.ljust(size - 4, b"\0") + struct.pack("<I", size)


def evt_file(*entries: bytes) -> bytes:
    """A clean log of these entries."""
    body = b"".join(entries)
    end = 48 + len(body)
    header = struct.pack("<I4sIIIIIIIIII", 48, b"LfLe", 1, 1, 48, end, len(entries) + 1, 1, 0x10000, 0, 0, 48)
    marks = struct.pack(
        "<IIIIIIIIII", 40, 0x11111111, 0x22222222, 0x33333333, 0x44444444, 48, end, len(entries) + 1, 1, 40
    )
    return (header + body + marks).ljust(0x10000, b"\0")


STORY = evt_file(
    evt_entry(1, 1162407600, 0x80001779, "EventLog", "SERVERA", ["5.02.", "3790", "Service Pack 1", "Uniprocessor"]),
    evt_entry(
        2, 1162407660, 0x3EB, "System Error", "SERVERA",
        ["1000008e", "c0000005", "f535e785", "f4c0bad4", "00000000"],
    ),
    evt_entry(3, 1162407720, 0x40001B7C, "Service Control Manager", "SERVERA", ["Symantec AntiVirus", "running"]),
)  # fmt: skip


def test_a_log_of_2003() -> None:
    name, records = read(STORY, "SysEvent.Evt")
    assert name == "evt"
    boot, crash, service = events_of(records)
    assert boot.time == datetime(2006, 11, 1, 19, 0, tzinfo=UTC)
    assert boot.fields["build"] == "3790"
    assert (crash.kind, crash.fields["code"]) == ("bugcheck", "0x8e")
    assert crash.fields["parameters"] == "0xc0000005, 0xf535e785, 0xf4c0bad4, 0x0"
    assert crash.source == "System/System Error"
    assert (service.kind, service.fields["service"]) == ("service_started", "Symantec AntiVirus")
    assert facts_of(records, "computer_name")[0].value == "SERVERA"
    assert {"bugcheck", "disk_error"} <= spans_of(records)[0].kinds
    assert "whea_error" not in spans_of(records)[0].kinds, "Windows 2003 has no such event"


@pytest.mark.corpus
def test_counts_equal_the_independent_tool(corpus: Path) -> None:
    """MANIFEST.tsv counted the records by their magic; entries that stand twice are told once and counted."""
    folder = corpus / "evidence" / "evt"
    with (folder / "MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert len(rows) == 2
    for row in rows:
        count = int(re.search(r"magic count: (\d+)", row["independent_tool"])[1])  # type: ignore[index]
        _, records = read(folder / row["file"])
        copies = re.search(r"(\d+) entries stood in the file twice", spans_of(records)[0].note)
        assert len(events_of(records)) + (int(copies[1]) if copies else 0) == count, row["file"]


@pytest.mark.corpus
def test_a_dirty_log_gives_its_old_entries_too(corpus: Path) -> None:
    _, records = read(corpus / "evidence/evt/log2timeline__plaso__SysEvent.Evt")
    assert spans_of(records)[0].start < datetime(2011, 7, 27, tzinfo=UTC) < spans_of(records)[0].end
    assert any(gap.damage for gap in gaps_of(records))
    assert sum(event.kind == "disk_error" for event in events_of(records)) > 60


def test_mutants_end_in_answers() -> None:
    dice = random.Random(20061101)
    whole = len(events_of(list(parser("evt").read(source_of(STORY)))))
    kept: list[int] = []
    for _ in range(400):
        raw = bytearray(STORY)
        for _ in range(dice.choice((1, 4, 40))):
            raw[dice.randrange(0x600)] = dice.randrange(256)
        records = list(parser("evt").read(source_of(bytes(raw[: dice.choice((len(raw), dice.randrange(len(raw))))]))))
        kept.append(len(events_of(records)))
    assert max(kept) == whole, "damage makes no entries"
    assert sum(kept) > 0.2 * whole * len(kept)
