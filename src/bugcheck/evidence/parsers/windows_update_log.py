"""WindowsUpdate.log, the text form → updates installed and failed.

Source: Microsoft, "Windows Update log files": date, time with milliseconds, process, thread, component, text,
divided by tabs, in local time (XP to 8.1; on 10 and later the text is made by Get-WindowsUpdateLog, with dots in its
dates).

Folklore: since Windows 10 the log says how many updates a call installed, and names them only before, as "Title = …".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from bugcheck.evidence.evidence import NO, SURE, Event, Record, Span, evidence_parser
from bugcheck.evidence.source import Source

_LINE = re.compile(
    r"^(\d{4})[-/.](\d\d)[-/.](\d\d)\s+(\d\d:\d\d:\d\d)[:.](\d{3})\d*\s+[0-9a-f]+\s+[0-9a-f]+\s+(\w+)\s+(.*)$",
    re.IGNORECASE,
)
_INSTALLED = re.compile(r"Installation Successful: Windows successfully installed the following update: (.*)")
_FAILED = re.compile(r"Installation Failure: Windows failed to install the following update with error (\S+?):? (.*)")
_COMPLETE = re.compile(r"Install call complete \(succeeded = (\d+), succeeded with errors = (\d+), failed = (\d+)")
_BEGIN = re.compile(r"\* START \* +Installing updates", re.IGNORECASE)
_TITLE = re.compile(r"^\s*Title = (.+)$")
_TITLES = 100
_AGAIN = timedelta(seconds=10)
"""Within this time a call that named nothing is the outer one of the call before."""
_KB = re.compile(r"KB\d{5,8}", re.IGNORECASE)


def probe(source: Source) -> int:
    """Tell by the form of its lines."""
    lines = source.head_text[:0x2000].split("\n")[:10]
    return SURE if sum(bool(_LINE.match(line)) for line in lines) >= 2 else NO


@evidence_parser("windows_update_log", probe=probe, names=("windowsupdate*.log", "*windows update*.log"))
def windows_update_log(source: Source) -> Iterator[Record]:
    """Windows Update's own log as text (WindowsUpdate.log)."""
    first = last = None
    titles: list[str] | None = None
    told: datetime | None = None
    for number, line in source.lines():
        found = _LINE.match(line)
        time = _time(found) if found else None
        if not found or time is None:
            continue
        first, last = first or time, time
        said = found[7]
        done, failed, complete = _INSTALLED.search(said), _FAILED.search(said), _COMPLETE.search(said)
        if done or failed:
            title = (done[1] if done else failed[2] if failed else "").strip()
            yield _event(time, bool(done), title, failed[1] if failed else "", f"line {number}")
        elif complete:
            if titles is not None or told is None or time - told > _AGAIN:
                yield from _call(time, complete, titles or [], f"line {number}")
            titles, told = None, time
        elif _BEGIN.search(said):
            titles = []
        elif titles is not None and (found := _TITLE.match(said)) and len(titles) < _TITLES:
            titles.append(found[1].strip())
    if first and last:
        yield Span(min(first, last), max(first, last), frozenset(("update_installed", "update_failed")))


def _call(time: datetime, complete: re.Match[str], titles: list[str], where: str) -> Iterator[Event]:
    """Tell of a call that installed several: by name when their number is the number of titles seen before."""
    fine, failed = int(complete[1]) + int(complete[2]), int(complete[3])
    titles = list(dict.fromkeys(titles))
    if titles and len(titles) == fine + failed and not (fine and failed):
        for title in titles:
            yield _event(time, bool(fine), title, "", where)
        return
    for count, done in ((fine, True), (failed, False)):
        if count:
            named = f", among {'; '.join(titles)}"[:300] if titles else ""
            title = f"{min(count, 10_000)} update{'s' if count > 1 else ''} of one call{named}"
            yield _event(time, done, title, "", where)


def _event(time: datetime, done: bool, title: str, code: str, where: str) -> Event:
    kb = _KB.search(title)
    words = {"title": title, "kb": kb[0].upper() if kb else "", "code": code}
    fields = {key: value for key, value in words.items() if value}
    kind = "update_installed" if done else "update_failed"
    text = f"update {'installed' if done else 'failed'}: {title}"
    return Event(time, kind, text, where, "WindowsUpdate", None, fields)


def _time(found: re.Match[str]) -> datetime | None:
    try:
        return datetime.fromisoformat(f"{found[1]}-{found[2]}-{found[3]}T{found[4]}.{found[5]}")
    except ValueError:
        return None
