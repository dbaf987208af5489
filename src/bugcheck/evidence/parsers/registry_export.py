"""A `.reg` file → the same facts as from the hive it was exported from.

Source: its first line: "REGEDIT4" or "Windows Registry Editor Version 5.00".
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.evidence.evidence import NO, SURE, Record, evidence_parser
from bugcheck.evidence.hives.exports import read_reg
from bugcheck.evidence.hives.meaning import records_of_export
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap

_MARKS = ("REGEDIT4", "Windows Registry Editor Version ")


def probe(source: Source) -> int:
    """Tell by the first line."""
    return SURE if source.head_text.lstrip().startswith(_MARKS) else NO


@evidence_parser("registry_export", probe=probe, names=("*.reg",))
def registry_export(source: Source) -> Iterator[Record]:
    """A registry export (.reg of either version)."""
    bad: list[int] = []
    root = read_reg(source.lines(), bad.append)
    records = 0
    for record in records_of_export(root):
        records += 1
        yield record
    if not records:
        names = ", ".join(key.path for key in list(root.children())[:6]) or "none"
        yield Gap(f"what {source.path} means", f"a reader for the keys below {names}")
    if bad:
        yield Gap(f"{len(bad)} lines of {source.path}, first {bad[0]}", "the form of a value", damage=True)
