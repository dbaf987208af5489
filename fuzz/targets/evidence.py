"""Bytes → a piece of evidence: the first byte chooses the parser, which reads the rest whatever it claims."""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.errors import BugcheckError
from bugcheck.evidence.evidence import PARSERS, EvidenceParser
from bugcheck.evidence.source import Source
from fuzz.evidence_files import NOT_HERE
from fuzz.targets.target import fuzz


def _parsers() -> list[EvidenceParser]:
    return [parser for parser in PARSERS if parser.name not in NOT_HERE]


def one_input(data: bytes) -> None:
    """Ask one parser whether it knows the file, and let it read it."""
    parsers = _parsers()
    parser = parsers[(data[0] if data else 0) % len(parsers)]
    source = Source("fuzz", BinaryView(data[1:], "fuzz"))
    parser.probe(source)
    try:
        for _ in parser.read(source):
            pass
    except BugcheckError:
        return


if __name__ == "__main__":
    fuzz(one_input)
