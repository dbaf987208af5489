"""WindowsUpdate.log, the text form → updates installed and failed.

Source: Microsoft, "Windows Update log files": date, time with milliseconds, process, thread, component, text,
divided by tabs, in local time (XP to 8.1; on 10 and later the text is made by Get-WindowsUpdateLog, with dots in its
dates).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from bugcheck.evidence.evidence import NO, SURE, Event, Record, Span, evidence_parser
from bugcheck.evidence.source import Source

_LINE = re.compile(
    r"^(\d{4})[-/.](\d\d)[-/.](\d\d)\s+(\d\d:\d\d:\d\d)[:.](\d{3})\d*\s+[0-9a-f]+\s+[0-9a-f]+\s+(\w+)\s+(.*)$",
    re.IGNORECASE,
)
_INSTALLED = re.compile(r"Installation Successful: Windows successfully installed the following update: (.*)")
_FAILED = re.compile(r"Installation Failure: Windows failed to install the following update with error (\S+?):? (.*)")
_KB = re.compile(r"KB\d{5,8}", re.IGNORECASE)


def probe(source: Source) -> int:
    """Tell by the form of its lines."""
    lines = source.head_text[:0x2000].split("\n")[:10]
    return SURE if sum(bool(_LINE.match(line)) for line in lines) >= 2 else NO


@evidence_parser("windows_update_log", probe=probe, names=("windowsupdate*.log", "*windows update*.log"))
def windows_update_log(source: Source) -> Iterator[Record]:
    """Windows Update's own log as text (WindowsUpdate.log)."""
    first = last = None
    for number, line in source.lines():
        found = _LINE.match(line)
        time = _time(found) if found else None
        if not found or time is None:
            continue
        first, last = first or time, time
        done, failed = _INSTALLED.search(found[7]), _FAILED.search(found[7])
        if done or failed:
            title = (done[1] if done else failed[2] if failed else "").strip()
            kb = _KB.search(title)
            words = {"title": title, "kb": kb[0].upper() if kb else "", "code": failed[1] if failed else ""}
            fields = {key: value for key, value in words.items() if value}
            text = f"update {'installed' if done else 'failed'}: {title}"
            kind = "update_installed" if done else "update_failed"
            yield Event(time, kind, text, f"line {number}", "WindowsUpdate", None, fields)
    if first and last:
        yield Span(min(first, last), max(first, last), frozenset(("update_installed", "update_failed")))


def _time(found: re.Match[str]) -> datetime | None:
    try:
        return datetime.fromisoformat(f"{found[1]}-{found[2]}-{found[3]}T{found[4]}.{found[5]}")
    except ValueError:
        return None
