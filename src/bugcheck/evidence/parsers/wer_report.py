"""A report of Windows Error Reporting (Report.wer, WERInternalMetadata.xml) → a crash of the system or of a program.

Source: the lines `Name=Value` of Report.wer, in UTF-16 with a mark or without one: EventType, EventTime (a FILETIME),
Sig[n].Name and .Value, Response.BucketId; the elements of WERInternalMetadata.xml.

Folklore: the same crash is told by event 1001, its dump and this report: the report id is the same in all.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from bugcheck.evidence.error_reports import report_event
from bugcheck.evidence.evidence import NO, SURE, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap
from bugcheck.timestamps import from_filetime

_LINES_LIMIT = 5000
_FILE_LIMIT = 8 << 20


def probe(source: Source) -> int:
    """Tell by the first lines of a report, or by the metadata's root element."""
    head = source.head_text[:0x1000]
    if re.match(r"Version=\S*\nEventType=", head):
        return SURE
    return SURE if re.match(r"(?:<\?xml[^>]*\?>\s*)?<WERReportMetadata>", head.lstrip()) else NO


@evidence_parser("wer_report", probe=probe, names=("*.wer", "*werinternalmetadata.xml"))
def wer_report(source: Source) -> Iterator[Record]:
    """Reports of Windows Error Reporting: Report.wer and WERInternalMetadata.xml."""
    if source.head_text.lstrip().startswith("<"):
        yield from _metadata(source)
        return
    values: dict[str, str] = {}
    for number, line in source.lines():
        if number > _LINES_LIMIT:
            yield Gap(f"lines of {source.path} after {_LINES_LIMIT}", "a report of usual length")
            break
        name, equals, value = line.partition("=")
        if equals and name not in values:
            values[name.strip()] = value.strip()
    yield from _report(source, values)


def _report(source: Source, values: Mapping[str, str]) -> Iterator[Record]:
    stamp = values.get("EventTime", "")
    time = from_filetime(int(stamp)) if stamp.isdecimal() and len(stamp) < 20 else None
    if time is None:
        yield Gap(f"when the crash of {source.path} was", "EventTime in the report", damage=True)
        return
    signature = [values[f"Sig[{n}].Value"] for n in range(10) if f"Sig[{n}].Value" in values]
    event_type = values.get("EventType", "")
    fields = {
        "event_name": event_type,
        "bucket": _bucket(values),
        "report_id": values.get("ReportIdentifier", ""),
        "path": values.get("AppPath", ""),
        "dump": next(
            (text for name, text in values.items() if name.startswith("File[") and ".dmp" in text.lower()), ""
        ),
        **{f"p{n}": text for n, text in enumerate(signature, 1)},
    }
    yield report_event(time, event_type, signature, fields)
    if version := re.match(r"(\d+\.\d+\.(\d+))\.[\d.]+$", values.get("DynamicSig[1].Value", "")):
        yield Fact("os", "", version[1], "DynamicSig[1]", {"build": version[2]})


def _bucket(values: Mapping[str, str]) -> str:
    names = ("Response.BucketId", "Response.BucketTable", "Response.LegacyBucketId")
    return next((values[name] for name in names if values.get(name)), "")


def _metadata(source: Source) -> Iterator[Record]:
    """Read WERInternalMetadata.xml: the problem's signature and the system it happened on."""
    text = source.text(limit=_FILE_LIMIT)
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        yield Gap(f"what {source.path} says", "a file without a document type of its own", damage=True)
        return
    try:
        root = ElementTree.fromstring(text.strip())
    except (ElementTree.ParseError, RecursionError) as error:
        yield Gap(f"what {source.path} says", f"well-formed XML: {error}", damage=True)
        return
    values = {f"{part.tag}/{node.tag}": (node.text or "").strip() for part in root for node in part}
    time = _creation_time(values.get("ReportInformation/CreationTime", ""))
    event_type = values.get("ProblemSignatures/EventType", "")
    signature = [values[key] for n in range(10) if (key := f"ProblemSignatures/Parameter{n}") in values]
    if time is None:
        yield Gap(f"when the crash of {source.path} was", "a time in ReportInformation/CreationTime")
    else:
        fields = {
            "event_name": event_type,
            "bucket": "",
            "report_id": values.get("ReportInformation/Guid", ""),
            "path": values.get("ProcessInformation/ImageName", ""),
            **{f"p{n}": text for n, text in enumerate(signature, 1)},
        }
        yield report_event(time, event_type, signature, fields)
    yield from _system_facts(values)


def _creation_time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if text else None
    except (ValueError, OverflowError):
        return None


def _system_facts(values: Mapping[str, str]) -> Iterator[Fact]:
    build = values.get("OSVersionInformation/Build", "")
    if build:
        product = values.get("OSVersionInformation/Product", "")
        version = values.get("OSVersionInformation/WindowsNTVersion", "")
        kept = {"build": build, "architecture": values.get("OSVersionInformation/Architecture", "")}
        fields = {name: value for name, value in kept.items() if value}
        yield Fact("os", product, f"{version}.{build}" if version else build, "OSVersionInformation", fields)
    for element, name in (("SystemManufacturer", "system"), ("BIOSVersion", "bios")):
        if value := values.get(f"SystemInformation/{element}", ""):
            model = values.get("SystemInformation/SystemProductName", "") if name == "system" else ""
            yield Fact("hardware", name, f"{value} {model}".strip(), f"SystemInformation/{element}")
