"""Output of `ver` → the version of Windows.

Source: "Microsoft Windows [Version 10.0.19045.2006]"; the word for Version is in the language of Windows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bugcheck.evidence.evidence import LIKELY, NO, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source

_VERSION = re.compile(r"^(Microsoft Windows[^\[\n]*)\[\D*(\d+\.\d+(?:\.\d+){0,2})\]", re.MULTILINE)


def probe(source: Source) -> int:
    """Tell by the line, in a file with little else."""
    return LIKELY if source.size < 0x400 and _VERSION.search(source.head_text) else NO


@evidence_parser("windows_version", probe=probe, names=("ver.txt", "*version*.txt"))
def windows_version(source: Source) -> Iterator[Record]:
    """Output of ver."""
    found = _VERSION.search(source.head_text)
    if found:
        parts = found[2].split(".")
        fields = {"build": parts[2]} if len(parts) > 2 else {}
        yield Fact("os", found[1].strip(), found[2], "line 1", fields)
