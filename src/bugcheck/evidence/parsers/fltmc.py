"""Output of `fltmc filters` and `fltmc instances` → file system filters with their altitudes.

Source: Microsoft, "Fltmc.exe command": "Filter Name  Num Instances  Altitude  Frame" over hyphens; `instances`:
filter, volume, altitude, instance name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bugcheck.evidence.evidence import LIKELY, NO, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source

_RULE = re.compile(r"^-{8,}(?:\s+-{5,}){2,}\s*$")
_FILTER = re.compile(r"^(\S+)\s+(\d{0,5})\s+(\d{5,6}(?:\.\d+)?|<[^>]+>)\s+(\d+|<[^>]+>)\s*$")
_INSTANCE = re.compile(r"^(\S+)\s+(\S.*?)\s{2,}(\d{5,6}(?:\.\d+)?)\s+(\S.*?)\s{2,}")


def probe(source: Source) -> int:
    """Tell by the rule of hyphens with filters below."""
    lines = [line for line in source.head_text[:0x2000].split("\n") if line.strip()][:10]
    ruled = any(_RULE.match(line) for line in lines)
    return LIKELY if ruled and any(_FILTER.match(line) or _INSTANCE.match(line) for line in lines) else NO


@evidence_parser("fltmc", probe=probe, names=("*fltmc*",))
def fltmc(source: Source) -> Iterator[Record]:
    """Output of fltmc: file system filter drivers and their altitudes."""
    seen: set[str] = set()
    for number, line in source.lines():
        found, instance = _FILTER.match(line), _INSTANCE.match(line)
        name = found[1] if found else instance[1] if instance else ""
        if not name or name in seen or _RULE.match(line):
            continue
        seen.add(name)
        altitude = found[3] if found else instance[3] if instance else ""
        fields = {"service": name, "altitude": altitude, "state": "running", "type": "file system filter"}
        if found and found[2]:
            fields["instances"] = found[2]
        yield Fact("driver", f"{name}.sys", "", f"line {number}", fields)
