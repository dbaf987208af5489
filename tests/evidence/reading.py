"""What the tests of parsers share: a Source from bytes, and what its parser says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bugcheck.binary import BinaryView
from bugcheck.evidence.evidence import Event, Fact, Record, parser_of
from bugcheck.evidence.source import Source


def source(data: bytes | str, name: str = "file", beside: Mapping[str, bytes] | None = None) -> Source:
    raw = data.encode() if isinstance(data, str) else data

    def neighbour(wanted: str) -> Source | None:
        for key, content in (beside or {}).items():
            if key.lower() == wanted.lower():
                return source(content, key)
        return None

    return Source(name, BinaryView(raw, name), neighbour)


def file_source(path: Path) -> Source:
    def neighbour(wanted: str) -> Source | None:
        found = path.with_name(wanted)
        return file_source(found) if found.is_file() else None

    return Source(path.name, BinaryView(path.read_bytes(), path.name), neighbour)


def parsed(given: Source, kind: str) -> list[Record]:
    parser = parser_of(given)
    assert parser is not None, f"nobody reads {given.path}"
    assert parser.name == kind
    return list(parser.read(given))


def facts(records: list[Record], kind: str) -> dict[str, Fact]:
    return {record.name: record for record in records if isinstance(record, Fact) and record.kind == kind}


def events(records: list[Record], kind: str) -> list[Event]:
    return [record for record in records if isinstance(record, Event) and record.kind == kind]
