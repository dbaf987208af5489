"""The output of `reg query` → the same facts as from the hive: uninstall keys, Run keys, services as text.

Source: lines that begin with HKEY_, and below them four spaces (XP: a tab), name, REG_ type, data.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from bugcheck.evidence.evidence import LIKELY, NO, Record, evidence_parser
from bugcheck.evidence.hives.exports import QUERY_VALUE, read_query
from bugcheck.evidence.hives.meaning import records_of_export
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap


def probe(source: Source) -> int:
    """Tell by a key's line with a value's line after it."""
    lines = [line for line in source.head_text[:0x4000].split("\n") if line.strip()][:40]
    for line, after in pairwise(lines):
        if line.startswith(("HKEY_", "HKLM\\", "HKCU\\")) and QUERY_VALUE.match(after):
            return LIKELY
    return NO


@evidence_parser("registry_query", probe=probe, names=("*uninstall*.txt", "hklm*.txt", "hkcu*.txt", "*reg*.txt"))
def registry_query(source: Source) -> Iterator[Record]:
    """Output of `reg query`: installed products, autostarts, services."""
    root = read_query(source.lines())
    records = 0
    for record in records_of_export(root):
        records += 1
        yield record
    if not records:
        names = ", ".join(key.path for key in list(root.children())[:6]) or "none"
        yield Gap(f"what {source.path} means", f"a reader for the keys below {names}")
