"""setupapi.log (2000 to 2003) → driver installations.

Source: Microsoft, "Troubleshooting device installation with the SetupAPI log file" (2003): `[SetupAPI Log]`, then
sections `[YYYY/MM/DD hh:mm:ss PID.INSTANCE description]` in local time with entries `#I123 text`, `-` and `@` for
details.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from bugcheck.evidence.evidence import NO, SURE, Event, Record, Span, evidence_parser
from bugcheck.evidence.source import Source

_SECTION = re.compile(r"^\[(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) (\d+\.\d+)(.*)\]\s*$")
_DEVICE = re.compile(r'^#I0?(?:60|63|22|121|123)\b.*?"([^"]+)"')
_INF = re.compile(r"([^\s\"\\]{1,255}\.inf)\b", re.IGNORECASE)
_DONE = re.compile(r"#I121 |Device install of .* finished successfully", re.IGNORECASE)
_FAILED = re.compile(r"#E122 |Device install failed", re.IGNORECASE)


def probe(source: Source) -> int:
    """Tell by the header or a section."""
    head = source.head_text[:0x1000]
    if head.lstrip().startswith("[SetupAPI Log]"):
        return SURE
    return SURE if any(_SECTION.match(line) for line in head.split("\n")[:5]) else NO


@evidence_parser("setupapi_old", probe=probe, names=("setupapi*.log",))
def setupapi_old(source: Source) -> Iterator[Record]:
    """Setup's log of device installations of 2000, XP and 2003 (setupapi.log)."""
    first = last = time = None
    line_of, fields, done = 0, dict[str, str](), ""
    for number, line in source.lines():
        found = _SECTION.match(line)
        if found:
            if time and done:
                yield _event(time, line_of, fields, done)
            time, line_of, fields, done = _time(found[1]), number, {}, ""
            first, last = first or time, time or last
            continue
        if device := _DEVICE.match(line):
            fields.setdefault("subject", device[1])
        if inf := _INF.search(line):
            fields.setdefault("inf", inf[1])
        done = "installed" if _DONE.search(line) else "failed" if _FAILED.search(line) else done
    if time and done:
        yield _event(time, line_of, fields, done)
    if first and last:
        yield Span(first, last, frozenset(("driver_installed",)))


def _event(time: datetime, line: int, fields: dict[str, str], done: str) -> Event:
    label = fields.get("subject") or fields.get("inf") or "a device"
    kind = "driver_installed" if done == "installed" else ""
    return Event(time, kind, f"device installation {done}: {label}", f"line {line}", "setupapi", None, fields)


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y/%m/%d %H:%M:%S")
    except ValueError:
        return None
