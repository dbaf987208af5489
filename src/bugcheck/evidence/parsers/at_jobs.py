"""Output of `at` → jobs of the schedule service of 2000 to 2003.

Source: `at` without arguments: "Status ID   Day   Time   Command Line" over a line of hyphens, columns of fixed width.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bugcheck.evidence.evidence import LIKELY, NO, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source

_JOB = re.compile(r"^(.{0,8}?)\s+(\d{1,5})\s{2,}(\S.*?)\s{2,}(\d{1,2}[:.]\d\d(?: ?[AP]M)?)\s{2,}(\S.*)$")


def probe(source: Source) -> int:
    """Tell by the line of hyphens with jobs below."""
    lines = [line for line in source.head_text[:0x1000].split("\n") if line.strip()][:6]
    ruled = any(re.fullmatch(r"-{60,90}", line.strip()) for line in lines)
    return LIKELY if ruled and any(_JOB.match(line) for line in lines) else NO


@evidence_parser("at_jobs", probe=probe, names=("at.txt", "*at_jobs*", "*_at.txt"))
def at_jobs(source: Source) -> Iterator[Record]:
    """Output of at: jobs of the old schedule service."""
    for number, line in source.lines():
        found = _JOB.match(line)
        if found:
            status, job, day, time, command = (part.strip() for part in found.groups())
            fields = {"schedule": f"{day} {time}"} | ({"state": status} if status else {})
            yield Fact("scheduled_task", f"At{job}", command, f"line {number}", fields)
