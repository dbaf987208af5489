"""Farbar Recovery Scan Tool's FRST.txt and Addition.txt → services, drivers, programs, protection, last errors.

Source: real logs, and the tool's tutorial: services and drivers as `R2 name; path [size date] (signer -> company)`, R
running, S stopped, U undetermined, with the start type's number; programs as `name (key) (Version: … - company)`.

Folklore: the tool speaks nineteen languages; the forms of its lines stay.  Its whitelist leaves out what Windows
itself brings, so a driver that is not listed may be there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from bugcheck.evidence.event_meaning import event_of
from bugcheck.evidence.event_record import LogRecord
from bugcheck.evidence.evidence import NO, SURE, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source

_SERVICE = re.compile(r"^([RSU])([0-5]) ([^;]{1,256}); (.*?) \[(?:(\d+) (\d{4}-\d\d-\d\d)|X)\](.*)$")
_SIGNER = re.compile(r"^ \((.*?) ?-> ?(.*?)\)(?: \[| <|$)")
_PROGRAM = re.compile(r"^(\S.{0,200}?) \(HK[^)]*\) \(Version: (.*?)(?: - (.*?))?\)")
_PRODUCT = re.compile(r"^(AV|FW|AS): (.{1,120}?) \((.*?)\) \{[0-9A-F-]{36}\}", re.IGNORECASE)
_RAN_ON = re.compile(r"\) \S+ ([\w.-]{1,63})(?: \((.*)\))? \(\d\d-\d\d-\d{4} \d\d:\d\d:\d\d\)\s*$")
_ERROR = re.compile(r"^\w+: \((\d\d/\d\d/\d{4} \d\d:\d\d:\d\d [AP]M)\) \(Source: (.*?)\) \(EventID: (\d+)\)")
_PLATFORM = re.compile(r"^\w+: ((?:Microsoft )?Windows .*?)(?: (\d{5}\.\d+))? \((X\d\d)\)", re.IGNORECASE)
_STARTS = ("boot", "system", "auto", "manual", "disabled", "")
_STATES = {"R": "running", "S": "stopped", "U": ""}
_ROLES = {"AV": "antivirus", "FW": "firewall", "AS": "antispyware"}
_LINES = 200_000


def probe(source: Source) -> int:
    """Tell by the tool's name in the first lines."""
    return SURE if "Farbar Recovery Scan Tool" in source.head_text[:400] else NO


@evidence_parser("frst", probe=probe, names=("frst*.txt", "addition*.txt"))
def frst(source: Source) -> Iterator[Record]:
    """Farbar Recovery Scan Tool's reports: services, drivers, programs, protection, last errors."""
    error: tuple[re.Match[str], int] | None = None
    for number, line in source.lines():
        if number > _LINES:
            return
        line = line.rstrip()
        if error:
            yield from _event(error[0], line.partition(": ")[2] or line, f"line {error[1]}")
            error = None
        elif found := _ERROR.match(line):
            error = found, number
        else:
            yield from _told(line, f"line {number}", number < 12)


def _told(line: str, where: str, early: bool) -> Iterator[Fact]:
    if found := _SERVICE.match(line):
        yield _service(found, where)
    elif found := _PROGRAM.match(line):
        yield Fact("software", found[1], found[2], where, {"vendor": found[3]} if found[3] else {})
    elif found := _PRODUCT.match(line):
        fields = {"role": _ROLES[found[1].upper()], "state": found[3].lower()}
        yield Fact("security_product", found[2], "", where, fields)
    elif early and (found := _RAN_ON.search(line)):
        yield Fact("computer_name", "", found[1], where)
        if found[2]:
            yield Fact("hardware", "system", found[2], where)
    elif early and (found := _PLATFORM.match(line)):
        version = found[2] or ""
        fields = {"architecture": found[3], "build": version.partition(".")[0]}
        yield Fact("os", found[1], version, where, {key: value for key, value in fields.items() if value})


def _service(found: re.Match[str], where: str) -> Fact:
    path, signer = found[4].removeprefix("\\??\\"), _SIGNER.match(found[7])
    fields = {
        "path": path, "state": _STATES[found[1]], "start_type": _STARTS[int(found[2])], "size": found[5] or "",
        "date": found[6] or "", "signer": signer[1] if signer else "", "vendor": signer[2] if signer else "",
        "note": "" if found[5] else "the file is missing",
    }  # fmt: skip
    fields = {key: value for key, value in fields.items() if value}
    if path.lower().endswith(".sys"):
        return Fact("driver", path.rpartition("\\")[2], "", where, {"service": found[3], **fields})
    return Fact("service", found[3], fields.get("state", ""), where, fields)


def _event(found: re.Match[str], message: str, where: str) -> Iterator[Record]:
    try:
        time = datetime.strptime(found[1], "%m/%d/%Y %I:%M:%S %p")
    except ValueError:
        return
    yield event_of(LogRecord(time, found[2], int(found[3]) & 0xFFFF, where, message=message))
