"""Output of `verifier /query` and `/querysettings` → what Driver Verifier checks, and in which drivers.

Source: Microsoft, "Driver Verifier command syntax": the flags as one hexadecimal number, each flag with a cross when it
is on, and the names of the verified drivers; headings are localised, numbers and crosses are not.

Folklore: a machine under Driver Verifier stops on purpose, and blames the driver it caught, not always the guilty one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bugcheck.evidence.evidence import NO, SURE, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source

_FLAG = re.compile(r"^\s*+\[([Xx ])\]\s*+0x([0-9a-f]{8})\s++(.{0,200}?)\.?\s*+$", re.IGNORECASE)
_FLAGS = re.compile(r"^\s*+(?:Verifier )?\S{0,40}\s*+\S{0,40}:\s*+0x([0-9a-f]{8})\s*+$", re.IGNORECASE)
_DRIVER = re.compile(r"^\s*+(?:\S.{0,100}?:\s*+)?([\w.-]{1,255}\.sys)\b", re.IGNORECASE)
_LINES = 20_000


def probe(source: Source) -> int:
    """Tell by the number of all flags over a list of flags."""
    lines = source.head_text[:0x2000].split("\n")[:60]
    return SURE if sum(bool(_FLAG.match(line)) for line in lines) >= 4 else NO


@evidence_parser("driver_verifier", probe=probe, names=("*verifier*.txt",))
def driver_verifier(source: Source) -> Iterator[Record]:
    """Output of verifier: what Driver Verifier checks, and which drivers."""
    for number, line in source.lines():
        if number > _LINES:
            return
        if found := _FLAG.match(line):
            if found[1] != " " and found[3]:
                yield Fact("memory_setting", "Driver Verifier", found[3], f"line {number}", {"flag": f"0x{found[2]}"})
        elif found := _FLAGS.match(line):
            yield Fact("memory_setting", "VerifyDriverLevel", str(int(found[1], 16)), f"line {number}")
        elif found := _DRIVER.match(line):
            yield Fact("memory_setting", "VerifyDrivers", found[1], f"line {number}")
