"""Windows Defender's MPLog-*.log → versions, updates, detections, blocked files, exclusions.

Source: public analyses of the log (CrowdStrike, "Mind the MPLog"; 0xdf's write-ups) and its own lines: UTF-16 text,
`YYYY-MM-DDThh:mm:ss.mmmZ message` in UTC; blocks "Product Version:", "Engine Version:", "AV Signature Version:"
between rows of asterisks; DETECTIONEVENT MPSOURCE_…, DETECTION_ADD, [Mini-filter] Blocked file.

Folklore: most of the log is performance notes (ProcessImageName …), which are counted, not told: thousands a day.
A block of versions has no time of its own: it belongs to the line before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from bugcheck.evidence.evidence import NO, SURE, Event, Record, evidence_parser
from bugcheck.evidence.flows import Coverage
from bugcheck.evidence.products import Product
from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap

LOG = "Windows Defender"
KINDS = frozenset(["antivirus_detection", "antivirus_update", "antivirus_state", "protection_blocked"])
_LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{3})Z? (.*)")
_VERSION = re.compile(r"\s*(Product|Service|Engine|AS Signature|AV Signature|NIS Signature) [Vv]ersion: *([\d.]+)")
_DETECTED = re.compile(r"(?:DETECTIONEVENT MPSOURCE_(\w+)|DETECTION_ADD\S*|DETECTION) ([A-Za-z]\w*:\S+)\s*(.*)")
_PLACE = re.compile(r"(\w{1,64}):(.+?)(?:;|$| PropBag)")
_BLOCKED = re.compile(
    r"\[Mini-filter\] (?:Blocked|Unsuccessful scan status).*?: ?(.+?)\.? Process: (.+?)(?:, Status|$)"
)
_OURS = re.compile(
    r"MpEngine|MPSOURCE_|DETECTION|Mini-filter|ProcessImageName|Signature Version|MsMpEng|MpCmdRun|RTP|SDN|lowfi", re.I
)


def probe(source: Source) -> int:
    """Tell by stamped lines that speak of Defender's engine, or by its block of versions."""
    text = source.head_text[:0x8000]
    if not _LINE.search(text) or not _OURS.search(text):
        return NO
    lines = text.split("\n")[:200]
    stamped = sum(bool(_LINE.match(line)) for line in lines)
    return SURE if stamped and ("Signature Version" in text or "MPSOURCE_" in text or "Mini-filter" in text) else NO


@evidence_parser("defender_log", probe=probe, names=("mplog-*.log", "mpdetection-*.log"))
def defender_log(source: Source) -> Iterator[Record]:
    """Windows Defender's MPLog: versions, updates, detections, blocked files."""
    product, coverage = Product(LOG, "Microsoft"), Coverage()
    time: datetime | None = None
    untold = 0
    for number, line in source.lines():
        where = f"line {number}"
        if version := _VERSION.match(line):
            yield from _version(version[1], version[2], time, where, product)
            continue
        match = _LINE.match(line)
        stamp = _time(match[1], match[2]) if match else None
        if match is None or stamp is None:
            continue
        time = stamp
        coverage.see(time, "")
        event = _event(time, match[3], where)
        if event:
            yield event
        else:
            untold += 1
    if untold:
        yield Gap(f"{untold} lines of {source.path}", "a meaning for an investigation: performance and engine notes")
    yield from product.fact()
    coverage.kinds |= KINDS
    yield from coverage.spans()


def _time(text: str, milliseconds: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(microsecond=int(milliseconds) * 1000, tzinfo=UTC)
    except ValueError:
        return None


def _version(what: str, version: str, time: datetime | None, where: str, product: Product) -> Iterator[Event]:
    if what == "Product":
        product.learn(where, version=version)
    elif what == "Engine":
        product.more["engine"] = version
    elif what == "AV Signature":
        before = product.definitions
        if product.learn(where, definitions=version) and before and time:
            text = f"definitions {before} → {version}"
            fields = {"product": LOG, "definitions": version, "version": product.version}
            yield Event(time, "antivirus_update", text, where, LOG, fields={k: v for k, v in fields.items() if v})


def _event(time: datetime, message: str, where: str) -> Event | None:
    if found := _DETECTED.search(message):
        place = _PLACE.search(found[3])
        fields = {"product": LOG, "threat": found[2], "path": place[2].strip() if place else "", "by": found[1] or ""}
        text = f"{found[2]} in {fields['path'] or '?'}"
        return Event(time, "antivirus_detection", text, where, LOG, fields={k: v for k, v in fields.items() if v})
    if blocked := _BLOCKED.search(message):
        fields = {"product": LOG, "target": blocked[1], "program": blocked[2], "enforced": "yes"}
        text = f"kept {blocked[2]} from {blocked[1]}"
        return Event(time, "protection_blocked", text, where, LOG, fields=fields)
    lower = message.lower()
    if "signature" in lower and "updat" in lower:
        kind = "antivirus_update_failed" if "fail" in lower else "antivirus_update"
        return Event(time, kind, message[:400], where, LOG, fields={"product": LOG})
    if "exclusion" in lower:
        return Event(time, "policy_changed", message[:400], where, LOG, fields={"what": "exclusion"})
    return None
