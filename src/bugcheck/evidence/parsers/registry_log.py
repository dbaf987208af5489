"""A hive's transaction log → recognised; what it holds is read with its hive.

Source: a `regf` base block of type 1, 2 (old logs) or 6 (since Windows 8.1).
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.evidence.evidence import NO, SURE, Record, evidence_parser
from bugcheck.evidence.hives.logs import base_block
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap


def probe(source: Source) -> int:
    """Tell by the signature and the type."""
    block = base_block(source.view) if source.head[:4] == b"regf" else None
    return SURE if block and block.kind in (1, 2, 6) else NO


@evidence_parser("registry_log", probe=probe, names=("*.log", "*.log1", "*.log2"))
def registry_log(source: Source) -> Iterator[Record]:
    """A transaction log of a registry hive, applied when its hive is read."""
    hive = source.base_name.rpartition(".")[0]
    beside = source.neighbours(hive) if hive else None
    if beside is None or beside.head[:4] != b"regf":
        yield Gap(f"the changes in {source.path}", "the hive they belong to", f"add {hive or 'the hive'} beside it")
