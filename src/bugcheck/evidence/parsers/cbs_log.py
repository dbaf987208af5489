"""CBS.log → updates installed, components found damaged.

Source: `%windir%\\Logs\\CBS\\CBS.log`: "YYYY-MM-DD hh:mm:ss, Level   CBS    text" in local time; Microsoft, "Analyze
the log file entries that SFC.exe generates" ([SR] lines).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from bugcheck.evidence.evidence import NO, SURE, Event, Record, Span, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap

_LINE = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d), (\w+)\s+(\w+)\s+(.*)$")
_FINAL = re.compile(
    r"Exec: Processing complete\.\s+Session: \S+, Package: (\S+).*?\[HRESULT = (0x[0-9a-f]{8})", re.IGNORECASE
)
_KB = re.compile(r"KB\d{5,8}", re.IGNORECASE)
_REPAIR = re.compile(r"\[SR\] (?:Cannot repair|Could not reproject|Repair(?:ed|ing) corrupted).*")
_EVENTS = 50_000


def probe(source: Source) -> int:
    """Tell by lines with the CBS or CSI source."""
    lines = source.head_text[:0x1000].split("\n")[:6]
    return SURE if any((found := _LINE.match(line)) and found[3] in ("CBS", "CSI") for line in lines) else NO


@evidence_parser("cbs_log", probe=probe, names=("cbs*.log", "cbspersist*.log"))
def cbs_log(source: Source) -> Iterator[Record]:
    """The log of component based servicing (CBS.log): updates, sfc's repairs."""
    first = last = None
    count, latest = 0, ""
    for number, line in source.lines():
        found = _LINE.match(line)
        if not found:
            continue
        latest = found[1]
        if first is None:
            first = _time(latest)
        event = _event(found[1], found[4], f"line {number}")
        if event:
            count += 1
            if count > _EVENTS:
                yield Gap(f"the rest of {source.path}", f"events beyond {_EVENTS}")
                break
            yield event
    last = _time(latest)
    if first and last:
        yield Span(min(first, last), max(first, last), frozenset(("update_installed", "update_failed")))


def _event(stamp: str, text: str, where: str) -> Event | None:
    done = _FINAL.search(text)
    if done:
        kb = _KB.search(done[1])
        fine = done[2].lower() in ("0x00000000", "0x00000bc2")  # success, or success after a restart
        fields = {"kb": kb[0].upper() if kb else "", "title": done[1], "code": "" if fine else done[2]}
        words = f"{fields['kb'] or done[1]} " + ("was installed" if fine else f"failed with {done[2]}")
        kind = "update_installed" if fine else "update_failed"
    elif repair := _REPAIR.search(text):
        kind, words, fields = "file_damaged", repair[0][:400], {}
    else:
        return None
    time = _time(stamp)
    fields = {key: value for key, value in fields.items() if value}
    return Event(time, kind, words, where, "CBS", None, fields) if time else None


def _time(stamp: str) -> datetime | None:
    try:
        return datetime.fromisoformat(stamp)
    except ValueError:
        return None
