"""Bytes or text → what the parsers make of it, as the tests of evidence ask."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from bugcheck.archives.files import map_file
from bugcheck.binary import BinaryView
from bugcheck.evidence.evidence import PARSERS, Event, EvidenceParser, Fact, Record, Span, parser_of
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap


def source_of(content: bytes | str | Path, name: str = "file.bin") -> Source:
    """A Source of bytes, a text (UTF-8) or a file."""
    if isinstance(content, Path):
        return Source(content.name, map_file(str(content)))
    raw = content.encode() if isinstance(content, str) else content
    return Source(name, BinaryView(raw, name))


def parser(name: str) -> EvidenceParser:
    """The registered parser of a name."""
    return next(one for one in PARSERS if one.name == name)


def read(content: bytes | str | Path, name: str = "file.bin") -> tuple[str, list[Record]]:
    """Who reads it, and its records."""
    source = source_of(content, name)
    found = parser_of(source)
    return (found.name, list(found.read(source))) if found else ("", [])


def events_of(records: list[Record]) -> list[Event]:
    return [record for record in records if isinstance(record, Event)]


def facts_of(records: list[Record], kind: str = "") -> list[Fact]:
    return [record for record in records if isinstance(record, Fact) and kind in ("", record.kind)]


def spans_of(records: list[Record]) -> list[Span]:
    return [record for record in records if isinstance(record, Span)]


def gaps_of(records: list[Record]) -> list[Gap]:
    return [record for record in records if isinstance(record, Gap)]


def codes_of(records: list[Record]) -> Counter[int]:
    return Counter(event.code or 0 for event in events_of(records))
