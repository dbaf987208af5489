"""Sophos' sav.txt and Clean.log → detections, what became of them, versions.

Source: real logs and plaso's parser: sav.txt is UTF-16, "YYYYMMDD hhmmss" in local time and a sentence in the user's
language; Clean.log has ISO times in UTC and, for a detection, a line of JSON with `threat_name` and `targets`.

Folklore: sav.txt's sentences are translated; where the words are not known, the quoted path and name still are, and
the event has no kind rather than a wrong one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import cast

from bugcheck.evidence.damage import Damage
from bugcheck.evidence.evidence import LIKELY, NO, SURE, Event, Record, evidence_parser
from bugcheck.evidence.flows import Coverage
from bugcheck.evidence.products import Product
from bugcheck.evidence.source import Source
from bugcheck.evidence.wall_clock import Dates

LOG = "Sophos"
_PACKED = re.compile(r"\d{8} \d{6}\t? ")
_ISO = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ")
_QUOTED = re.compile(r"\"([^\"]+)\"|'([^']+)'")
_CLEAN = re.compile(r"Sophos Clean \(([\d.]+)\)")
_VERSION = re.compile(r"version ([\d.]+[A-Z]?)(?: of data detection)?(?:.*?engine ([\d.]+))?")
_KINDS = (
    ("antivirus_detection", re.compile(r"virus/spyware|infected file|suspicious|adware or PUA|was cleaned", re.I)),
    ("antivirus_state", re.compile(r"detection engine|on-access scan|service (?:started|stopped)", re.I)),
    ("antivirus_update", re.compile(r"\bupdat", re.I)),
    ("antivirus_scan", re.compile(r"\bscan(?:ning)?\b.*(?:started|completed?|finished|aborted)", re.I)),
)
_DEALT = re.compile(
    r"(cleaned|deleted|moved|quarantined|disinfected|blocked|[Cc]leaning impossible|belongs to|detected)", re.I
)


def probe(source: Source) -> int:
    """Tell by the product's name, or by stamped sentences in UTF-16 that speak of viruses."""
    text = source.head_text[:0x4000]
    if _ISO.match(text) and ("Sophos" in text or "Safestore" in text):
        return SURE
    lines = text.split("\n")[:12]
    if not any(_PACKED.match(line) for line in lines):
        return NO
    return LIKELY if any(word in text for word in ("virus/spyware", "Sophos", "detection engine")) else NO


@evidence_parser("sophos_text", probe=probe, names=("sav.txt", "clean.log"))
def sophos_text(source: Source) -> Iterator[Record]:
    """Sophos Anti-Virus' sav.txt and Sophos Clean's log: detections, treatments, versions."""
    product, coverage, damage = Product("Sophos Anti-Virus", "Sophos"), Coverage(), Damage(source.path)
    dates = Dates()
    for number, line in source.lines():
        if not line.strip():
            continue
        iso, packed = _ISO.match(line), _PACKED.match(line)
        time = dates.parse(line[: iso.end() - 1] if iso else line) if iso or packed else None
        match = iso or packed
        if match is None or time is None:
            yield from damage.at(f"line {number}", "a time at its beginning")
            continue
        event = _event(time, line[match.end() :].strip(), f"line {number}", product)
        coverage.see(time, event.kind)
        yield event
    yield from damage.rest()
    yield from product.fact()
    yield from coverage.spans()


def _event(time: datetime, message: str, where: str, product: Product) -> Event:
    if message.startswith("{") and (found := _from_json(time, message, where)):
        return found
    if clean := _CLEAN.search(message):
        product.name = "Sophos Clean"
        product.learn(where, version=clean[1])
        return Event(time, "antivirus_state", message.strip("- "), where, LOG, fields={"product": "Sophos Clean"})
    kind = next((kind for kind, pattern in _KINDS if pattern.search(message)), "")
    quoted = [first or second for first, second in _QUOTED.findall(message)]
    fields = {"product": LOG}
    if kind == "antivirus_detection":
        dealt = _DEALT.search(message)
        action = dealt[1].lower() if dealt else ""
        fields["action"] = "found" if action in ("belongs to", "detected", "") else action
        fields["path"] = next((text for text in quoted if "\\" in text or "/" in text), "")
        fields["threat"] = next((text for text in quoted if "\\" not in text and "/" not in text), "")
    elif (version := _VERSION.search(message)) and "engine" in message:
        product.learn(where, definitions=version[1])
        product.more["engine"] = version[2] or ""
        fields["definitions"] = version[1]
    return Event(time, kind, message, where, LOG, fields={name: value for name, value in fields.items() if value})


def _from_json(time: datetime, message: str, where: str) -> Event | None:
    try:
        order: object = json.loads(message)
    except (ValueError, RecursionError):
        return None
    if not isinstance(order, dict):
        return None
    values = cast("dict[str, object]", order)
    threat, command = values.get("threat_name"), str(values.get("command", ""))
    if not isinstance(threat, str):
        return None
    targets = values.get("targets")
    paths = [
        str(cast("dict[str, object]", target).get("file_path", ""))
        for target in (cast("list[object]", targets)[:16] if isinstance(targets, list) else [])
        if isinstance(target, dict)
    ]
    fields = {"product": LOG, "threat": threat, "path": ", ".join(paths), "action": command}
    text = f"{threat} in {', '.join(paths) or '?'}: {command or 'found'}"
    return Event(time, "antivirus_detection", text, where, LOG, fields={k: v for k, v in fields.items() if v})
