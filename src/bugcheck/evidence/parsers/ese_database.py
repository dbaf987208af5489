"""An ESE database (SRUDB.dat, Current.mdb and the like) → named; its tables are not read.

Source: Microsoft, "Extensible Storage Engine Files": signature 0x89abcdef at offset 4, file type at 12.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.evidence.evidence import NO, SURE, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap


def probe(source: Source) -> int:
    """Tell by the signature."""
    return SURE if source.head[4:8] == b"\xef\xcd\xab\x89" and len(source.head) >= 668 else NO


@evidence_parser("ese_database", probe=probe, names=("srudb.dat", "*.mdb", "*.edb"))
def ese_database(source: Source) -> Iterator[Record]:
    """An ESE database: recognised, not read."""
    yield Gap(f"what {source.path} holds", "a reader of ESE databases", "export its tables with esentutl or a viewer")
