"""Samples and mutants for tests of parsers: a Source from a path or from bytes, what a parser made of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bugcheck.binary import BinaryView
from bugcheck.evidence.evidence import PARSERS, Event, EvidenceParser, Fact, Record, Span, parser_of
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap

SAMPLES = Path(__file__).with_name("samples")
MODIFIED = datetime(2009, 6, 1, tzinfo=UTC)


def source_of(data: bytes, name: str = "sample", neighbours: dict[str, bytes] | None = None) -> Source:
    others = {key.lower(): value for key, value in (neighbours or {}).items()}

    def neighbour(wanted: str) -> Source | None:
        found = others.get(wanted.lower())
        return source_of(found, wanted) if found is not None else None

    return Source(name, BinaryView(data, name), neighbours=neighbour, modified=MODIFIED)


def sample(name: str) -> Source:
    """The file `<parser>--<name>` of the samples, under its own name."""
    return source_of((SAMPLES / name).read_bytes(), name.partition("--")[2])


def parser(name: str) -> EvidenceParser:
    return next(each for each in PARSERS if each.name == name)


def read(source: Source, expected: str = "") -> list[Record]:
    """Let the parser that claims the file read it."""
    found = parser_of(source)
    assert found is not None, source.path
    assert not expected or found.name == expected
    return list(found.read(source))


def events(records: list[Record]) -> list[Event]:
    return [record for record in records if isinstance(record, Event)]


def facts(records: list[Record], kind: str = "") -> list[Fact]:
    return [record for record in records if isinstance(record, Fact) and kind in ("", record.kind)]


def spans(records: list[Record]) -> list[Span]:
    return [record for record in records if isinstance(record, Span)]


def gaps(records: list[Record]) -> list[Gap]:
    return [record for record in records if isinstance(record, Gap)]


def mutants(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Cut off, bytes changed, pieces doubled, swapped or filled."""
    chance = random.Random(seed)
    for _ in range(count):
        mutant = bytearray(data)
        for _ in range(chance.choice((1, 1, 2, 8, 64))):
            place = chance.randrange(len(mutant) or 1)
            what = chance.randrange(7)
            if what == 0:
                del mutant[place:]
            elif what == 1:
                mutant[place : place + 1] = bytes([chance.randrange(256)])
            elif what == 2:
                mutant[place : place + 4] = chance.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\x80"))
            elif what == 3:
                size = chance.randrange(1, 40)
                mutant[place:place] = mutant[place : place + size] * chance.randrange(1, 5)
            elif what == 4:
                del mutant[place : place + chance.randrange(1, 20)]
            elif what == 5:
                mutant[place : place + 2] = chance.choice((b'""', b",,", b"\r\n", b"\t\t", b"99", b"--", b"<>"))
            else:
                mutant[place : place + 1] = bytes([mutant[place] ^ 1 << chance.randrange(8)]) if mutant else b"x"
        yield bytes(mutant)
