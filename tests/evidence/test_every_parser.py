"""Every parser of evidence meets every sample, its own and the others'.

A sample is a small file of our own making in `samples/`, named `<parser>--<what>.<ext>`; whoever adds a parser adds
one.  Parsers and samples are found by themselves: nothing is listed here.
"""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bugcheck.binary import BinaryView
from bugcheck.errors import BugcheckError
from bugcheck.evidence.evidence import (
    PARSERS,
    CrashSeen,
    Event,
    EvidenceParser,
    Fact,
    Record,
    Span,
    parser_of,
)
from bugcheck.evidence.source import HEAD, Source
from bugcheck.gaps import Gap
from bugcheck.knowledge.tables import table

SAMPLES = sorted(path for path in Path(__file__).with_name("samples").rglob("*") if path.is_file())
OWN = [path for path in SAMPLES if "--" in path.name]
ALL_PARSERS = list(PARSERS)
MODIFIED = datetime(2024, 3, 25, 12, tzinfo=UTC)
"""When every sample was last changed: logs without a year need it."""
PROBE_SECONDS = 0.5
MOST_RECORDS = 20_000


def words(name: str) -> frozenset[str]:
    lines = table(name).decode().split("\n")
    return frozenset(line.split("\t", 1)[0] for line in lines if line and not line.startswith("#"))


EVENT_KINDS, FACT_KINDS = words("event_kinds.tsv"), words("fact_kinds.tsv")


def source_of(raw: bytes, name: str) -> Source:
    siblings = {path.name.lower(): path for path in SAMPLES}

    def neighbour(other: str) -> Source | None:
        path = siblings.get(other.lower())
        return source_of(path.read_bytes(), path.name) if path else None

    return Source(name, BinaryView(raw, name), neighbour, modified=MODIFIED)


def read(parser: EvidenceParser, source: Source) -> list[Record]:
    """Its records; an error of our own is an answer, too."""
    records: list[Record] = []
    try:
        for record in parser.read(source):
            records.append(record)
            assert len(records) < MOST_RECORDS, f"{parser.name} makes records without end of {source.path}"
    except BugcheckError:
        pass
    return records


def test_no_parser_is_broken() -> None:
    assert not PARSERS.broken


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_a_sample_is_recognised_as_what_it_is(path: Path) -> None:
    found = parser_of(source_of(path.read_bytes(), path.name))
    assert found is not None
    assert found.name == path.name.partition("--")[0]


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_content_tells_without_the_name(path: Path) -> None:
    found = parser_of(source_of(path.read_bytes(), "renamed"))
    assert found is not None
    assert found.name == path.name.partition("--")[0]


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_its_records_speak_our_words(path: Path) -> None:
    source = source_of(path.read_bytes(), path.name)
    parser = next(one for one in ALL_PARSERS if one.name == path.name.partition("--")[0])
    records = read(parser, source)
    if all(isinstance(record, Gap) and not record.damage for record in records):
        pytest.skip("a companion of another file, which says nothing by itself")
    assert any(isinstance(record, (Event, Fact, CrashSeen)) for record in records), "a sample says something"
    for record in records:
        assert isinstance(record, (Event, Fact, Span, CrashSeen, Gap))
        if isinstance(record, Event):
            assert record.kind in EVENT_KINDS | {""}
            assert record.text.strip()
            assert "\n" not in record.text
            assert record.where
            assert all(isinstance(value, str) for value in record.fields.values())
        elif isinstance(record, Fact):
            assert record.kind in FACT_KINDS
            assert record.where
        elif isinstance(record, Span):
            assert record.start <= record.end
            assert record.kinds <= EVENT_KINDS


@pytest.mark.parametrize("parser", ALL_PARSERS, ids=lambda parser: parser.name)
def test_a_parser_survives_the_samples_of_the_others(parser: EvidenceParser) -> None:
    for path in SAMPLES:
        read(parser, source_of(path.read_bytes(), path.name))


@pytest.mark.parametrize("parser", ALL_PARSERS, ids=lambda parser: parser.name)
def test_a_probe_is_quick_and_survives_anything(parser: EvidenceParser) -> None:
    """64 KiB of nothing, of noise, of one long line, of many lines, of XML, of numbers."""
    noise = random.Random(parser.name).randbytes(HEAD)
    heads = [
        b"", b"\0", b"\0" * HEAD, noise, b"a" * HEAD, b"a\n" * (HEAD // 2), b"\xff\xfe" + b"a\0" * (HEAD // 2),
        b"<a>" * (HEAD // 3), b"1,2;3\t" * (HEAD // 6), b": " * (HEAD // 2), b"2024-03-05 10:00:00 " * (HEAD // 20),
        b"(" * HEAD, b"\\" * HEAD, b" " * HEAD, b"[" * HEAD, b"=" * HEAD, b"\t" * HEAD,
    ]  # fmt: skip
    for head in heads:
        started = time.process_time()
        parser.strength(source_of(head, "x"))
        assert time.process_time() - started < PROBE_SECONDS, head[:20]


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_mutants_of_a_sample_end_in_answers(path: Path) -> None:
    seed = path.read_bytes()
    parser = next(one for one in ALL_PARSERS if one.name == path.name.partition("--")[0])
    dice = random.Random(path.name)
    for _ in range(12):
        raw = bytearray(seed)
        for _ in range(dice.choice((1, 3, 30))):
            raw[dice.randrange(len(raw))] = dice.randrange(256)
        cut = len(raw) if dice.random() < 0.5 else dice.randrange(1, len(raw) + 1)
        read(parser, source_of(bytes(raw[:cut]), path.name))
