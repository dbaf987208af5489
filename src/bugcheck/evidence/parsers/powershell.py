"""What collectors write with PowerShell or wmic → services, drivers, software, devices, memory, crash settings.

Source: `evidence/objects.py` for the forms, knowledge/powershell_objects.tsv for what the properties say; they are
English in every language, only their values are not.

Folklore: today's collection scripts (those of forums that look at blue screens, too) are a dozen lines of
`Get-CimInstance … | Format-List`; the same file may hold several kinds of objects under titles of its author.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

from bugcheck.evidence.evidence import LIKELY, NO, Event, Fact, Record, evidence_parser
from bugcheck.evidence.object_meaning import Meaning, meaning_of, valued
from bugcheck.evidence.objects import objects
from bugcheck.evidence.source import Source
from bugcheck.evidence.wall_clock import Dates
from bugcheck.gaps import Gap

_FACTS = 200_000
_DAY = re.compile(r"^(\d{8})$")
_CIM_TIME = re.compile(r"^(\d{14})\.\d{6}([+-]\d{3})$")


def probe(source: Source) -> int:
    """Tell by an object among the first that has the properties of something known."""
    if not source.encoding:
        return NO
    lines = enumerate(source.head_text[:0x4000].split("\n"), 1)
    for count, each in enumerate(objects(lines)):
        if meaning_of(each.properties) or _restored(each.properties):
            return LIKELY
        if count > 40:
            break
    return NO


@evidence_parser("powershell", probe=probe)
def powershell(source: Source) -> Iterator[Record]:
    """Objects of PowerShell and wmic (list, table, CSV): services, drivers, software, devices."""
    dates = Dates(source.head_text.split("\n")[:400])
    count = 0
    for each in objects(source.lines()):
        where = f"line {each.line}"
        for record in _told(each.properties, where, dates):
            count += 1
            yield record
        if count > _FACTS:
            yield Gap(f"the rest of {source.path}", f"objects beyond {_FACTS:,} (the limit)")
            return
    yield from dates.gaps(source.path)


def _told(properties: dict[str, str], where: str, dates: Dates) -> Iterator[Record]:
    if _restored(properties):
        yield from _restore_point(properties, where, dates)
        return
    meaning = meaning_of(properties)
    if meaning is None:
        return
    if meaning.name == "*":
        for name, _ in meaning.fields:
            if properties.get(name):
                yield Fact(meaning.kind, name, properties[name], where)
        return
    name, value = valued(meaning.name, properties), valued(meaning.value, properties)
    if meaning.kind == "driver":
        name = name.replace("/", "\\").rpartition("\\")[2]
    value = value.lower() if meaning.kind == "service" else _bytes(value) if meaning.kind == "memory_module" else value
    if meaning.kind == "os":
        name = name.partition("|")[0]  # Win32_OperatingSystem.Name goes on with folder and partition
    if name:
        yield Fact(meaning.kind, name, value, where, _fields(meaning, properties, dates))
    if meaning.kind == "os" and (boot := _time(properties.get("LastBootUpTime", ""), dates)):
        yield Fact("boot_time", "", boot.replace(tzinfo=None).isoformat(), where)
        yield Event(boot, "boot", "Windows started", where, "Win32_OperatingSystem")


def _bytes(text: str) -> str:
    """Make "8GB" bytes."""
    found = re.fullmatch(r"(\d{1,6})\s?([MG])B", text, re.IGNORECASE)
    return str(int(found[1]) << (30 if found[2].upper() == "G" else 20)) if found else text


def _fields(meaning: Meaning, properties: dict[str, str], dates: Dates) -> dict[str, str]:
    found: dict[str, str] = {}
    for names, word in meaning.fields:
        value = next((properties[key] for one in names.split("|") if properties.get(key := one.replace("_", " "))), "")
        if value and word not in found:
            found[word] = value.lower() if word in ("state", "start_type") else value
            if word in ("date", "installed") and (day := _time(value, dates)):
                found[word] = day.date().isoformat()
    return found


def _restored(properties: dict[str, str]) -> bool:
    return "CreationTime" in properties and "SequenceNumber" in properties and "Description" in properties


def _restore_point(properties: dict[str, str], where: str, dates: Dates) -> Iterator[Event]:
    """Tell of a restore point, which Windows makes before something is installed."""
    time = _time(properties["CreationTime"], dates)
    if time is not None and (title := properties["Description"]):
        fields = {"title": title, "type": properties.get("RestorePointType", "")}
        kind = "install_started" if "INSTALL" in fields["type"].upper() else ""
        fields = {key: value for key, value in fields.items() if value}
        yield Event(time, kind, f"restore point: {title}", where, "System Restore", None, fields)


def _time(text: str, dates: Dates) -> datetime | None:
    """Read a date, one of eight digits, or WMI's own with the minutes from UTC behind it."""
    if found := _DAY.match(text):
        return dates.parse(f"{found[1]}000000")
    found = _CIM_TIME.match(text)
    time = dates.parse(found[1]) if found else dates.parse(text)
    ahead = int(found[2]) if found else 0
    return time.replace(tzinfo=timezone(timedelta(minutes=ahead))).astimezone(UTC) if time and found else time
