"""setupapi.dev.log and setupapi.setup.log (Vista and later) → driver installations.

Source: Microsoft, "SetupAPI text logs": `>>>  [title - subject]`, `>>>  Section start TIME`, entries with a
category, `<<< Section end TIME`, `<<<  [Exit status: …]`; local time with milliseconds; `[Boot Session: TIME]` for
each start.

Folklore: a section's title names what was asked, not what happened; only "SUCCESS" with a device install or driver
import changed something.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from bugcheck.evidence.evidence import NO, SURE, Event, Record, Span, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap

_TITLE = re.compile(r"^>>>  \[(.*)\]\s*$")
_START = re.compile(r"^>>>  Section start (\S+ \S+)")
_END = re.compile(r"^<<<  Section end (\S+ \S+)")
_EXIT = re.compile(r"^<<<  \[Exit status: (.*)\]")
_BOOT = re.compile(r"^\[Boot Session: (\S+ \S+)\]")
_DETAIL = re.compile(
    r"^[ !.a-z]{2,12}:\s+(Description|DevDesc|InfFile|InfName|Version|DrvDate|Provider|Signer)\s+-\s+\[?(.*?)\]?\s*$"
)
_INSTALL = re.compile(
    r"\b(?:Device Install|Import Driver|Stage Driver|Install Driver|SetupCopyOEMInf|Setup Import|Update Driver"
    r"|Driver Install|Add Driver)",
    re.IGNORECASE,
)
_REMOVE = re.compile(r"\b(Uninstall|Delete|Remove)\b", re.IGNORECASE)
_WORDS = {"Description": "device", "DevDesc": "device", "InfFile": "inf", "InfName": "inf", "Version": "version",
          "DrvDate": "date", "Provider": "vendor", "Signer": "signer"}  # fmt: skip
_KINDS = frozenset(("driver_installed", "boot"))


@dataclass
class _Section:
    title: str
    line: int
    start: datetime | None = None
    details: dict[str, str] = field(default_factory=dict[str, str])


def probe(source: Source) -> int:
    """Tell by the first section."""
    head = source.head_text[:400].lstrip()
    return SURE if head.startswith("[Device Install Log]") or ">>>  Section start" in head else NO


@evidence_parser("setupapi_dev", probe=probe, names=("setupapi*.log",))
def setupapi_dev(source: Source) -> Iterator[Record]:
    """Setup's log of device and driver installations (setupapi.dev.log, setupapi.setup.log)."""
    section: _Section | None = None
    first = last = None
    bad = 0
    for number, line in source.lines():
        moment = _BOOT.match(line) or _START.match(line) or _END.match(line)
        time = _time(moment[1]) if moment else None
        bad += bool(moment and time is None)
        first, last = _wider(first, last, time)
        if time and line.startswith("[Boot"):
            yield Event(time, "boot", "Windows started (boot session of the setup log)", f"line {number}", "setupapi")
        elif found := _TITLE.match(line):
            section = _Section(found[1], number)
        elif section and time and line.startswith(">>>"):
            section.start = time
        elif section and (found := _DETAIL.match(line)):
            _keep(section.details, found[1], found[2])
        elif section and (found := _EXIT.match(line)):
            yield from _ended(section, found[1])
            section = None
    if first and last:
        yield Span(first, last, _KINDS)
    if bad:
        yield Gap(f"{bad} times of {source.path}", "the form YYYY/MM/DD hh:mm:ss", damage=True)


def _wider(
    first: datetime | None, last: datetime | None, time: datetime | None
) -> tuple[datetime | None, datetime | None]:
    """Widen a span: the wall clock may have been set back between two sections."""
    if time is None:
        return first, last
    return min(first or time, time), max(last or time, time)


def _keep(details: dict[str, str], word: str, value: str) -> None:
    """Keep a selected driver's own words (`Description`) over those of candidates (`DevDesc`)."""
    name = _WORDS[word]
    if word in ("Description", "InfFile", "Version", "Provider") or name not in details:
        details[name] = value.strip()


def _ended(section: _Section, status: str) -> Iterator[Event]:
    if section.start is None or not _INSTALL.search(section.title) or _REMOVE.search(section.title):
        return
    action, _, subject = section.title.partition(" - ")
    done = status.upper().startswith("SUCCESS")
    subject = subject.rpartition("\\")[2] if subject.lower().endswith(".inf") else subject
    label = section.details.get("device") or subject or action
    fields = {"subject": subject, "action": action, "status": status} | section.details
    inf = fields.get("inf", "").rpartition("\\")[2]
    fields = {key: value for key, value in (fields | {"inf": inf}).items() if value}
    text = f"{action}: {label}" + ("" if done else f" ({status})")
    kind = "driver_installed" if done else ""
    yield Event(section.start, kind, text, f"line {section.line}", "setupapi", None, fields)


def _time(text: str) -> datetime | None:
    for form in ("%Y/%m/%d %H:%M:%S.%f", "%Y/%m/%d %H:%M:%S"):
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None
