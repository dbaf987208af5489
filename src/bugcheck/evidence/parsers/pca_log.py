"""Logs of the Program Compatibility Assistant (Windows 11) → programs run, abnormal exits.

Source: `Windows\\appcompat\\pca\\PcaAppLaunchDic.txt` (path|UTC time) and `PcaGeneralDb0.txt` (UTC
time|status|path|product|company|version|id|text), UTF-16 on disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from bugcheck.evidence.damage import Damage
from bugcheck.evidence.evidence import LIKELY, NO, Event, Record, evidence_parser
from bugcheck.evidence.source import Source

_LAUNCH = re.compile(r"^(.+)\|(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?)\s*$")
_GENERAL = re.compile(
    r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?)\|(\d+)\|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|(.*)$"
)
_CODE = re.compile(r"0x[0-9a-f]+", re.IGNORECASE)


def probe(source: Source) -> int:
    """Tell by the form of the first lines."""
    lines = [line for line in source.head_text[:0x2000].split("\n") if line.strip() and not line.startswith("#")][:3]
    return LIKELY if lines and all(_LAUNCH.match(line) or _GENERAL.match(line) for line in lines[:-1] or lines) else NO


@evidence_parser("pca_log", probe=probe, names=("pcaapplaunchdic.txt", "pcageneraldb*.txt"))
def pca_log(source: Source) -> Iterator[Record]:
    """The Program Compatibility Assistant's launch dictionary and general log."""
    damage = Damage(source.path)
    for number, line in source.lines():
        launch, general = _LAUNCH.match(line), _GENERAL.match(line)
        if general:
            time, path, note = _time(general[1]), general[3], general[8]
            code = _CODE.search(note)
            words = {"program": path.rpartition("\\")[2], "path": path, "version": general[6],
                     "code": code[0] if code else ""}  # fmt: skip
            fields = {key: value for key, value in words.items() if value}
            text = f"{fields.get('program', 'a program')}: {note}"
            yield Event(time, "program_exit", text, f"line {number}", "pca", None, fields)
        elif launch:
            program = launch[1].rpartition("\\")[2]
            fields = {"program": program, "path": launch[1]}
            yield Event(
                _time(launch[2]), "program_run", f"{program} ran (last time)", f"line {number}", "pca", None, fields
            )
        elif line.strip() and not line.startswith("#"):
            yield from damage.at(f"line {number}", "path and time")
    yield from damage.rest()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
