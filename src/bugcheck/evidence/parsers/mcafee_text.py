"""McAfee VirusScan's text logs (AccessProtectionLog, OnAccessScanLog, OnDemandScanLog, UpdateLog, BufferOverflow…) →
blocked changes, detections, updates, scans.

Source: real logs: tab-separated date, time, and a message, then user, program, target, rule and action; the engine's
and definitions' versions ("Engine version", "DAT version") stand in lines of their own; plaso's parser.

Folklore:
    Dates are in the order of the user's country, and the log doesn't say which: see wall_clock.
    "Would be blocked" is a rule in report mode: nothing was stopped, but somebody tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from bugcheck.evidence.damage import Damage
from bugcheck.evidence.evidence import LIKELY, NO, SURE, Event, Record, evidence_parser
from bugcheck.evidence.flows import Coverage
from bugcheck.evidence.products import Product
from bugcheck.evidence.source import Source
from bugcheck.evidence.wall_clock import Dates

LOG = "McAfee VirusScan"
HEAD_LINES = 60
_START = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\t *\d{1,2}[:.]\d\d[:.]\d\d(?: ?[AP]M)?\t", re.IGNORECASE)
_ENGINE = re.compile(r"Engine version *[=:]? *([\d.]*\d)", re.IGNORECASE)
_DAT = re.compile(r"DAT version *[=:]? *([\d.]*\d)", re.IGNORECASE)
_UPDATED = re.compile(r"(?:Update succeeded|updated) to version *([\d.]*\d)", re.IGNORECASE)
_OURS = re.compile(
    r"Access Protection rule|port blocking rule|McAfee|VirusScan|DAT version|Engine version|On-?Demand|On-?Access|"
    r"Buffer ?Overflow|Not scanned|Statistics:",
    re.IGNORECASE,
)
_DEALT = ("Deleted", "Cleaned", "Quarantined", "Moved", "Delete failed", "Clean failed", "No Action Taken", "Detected")


def probe(source: Source) -> int:
    """Tell by dated, tab-separated lines that speak of McAfee's rules and engines."""
    lines = [line for line in source.head_text.split("\n")[:HEAD_LINES] if line.strip()]
    dated = [line for line in lines if _START.match(line)]
    if not dated or len(dated) * 2 < len(lines):
        return NO
    ours = sum(bool(_OURS.search(line)) for line in dated)
    return SURE if "Access Protection rule" in source.head_text else LIKELY if ours else NO


@evidence_parser("mcafee_text", probe=probe, names=("*protectionlog*.txt", "on*scanlog*.txt", "updatelog*.txt"))
def mcafee_text(source: Source) -> Iterator[Record]:
    """McAfee VirusScan's text logs: blocked changes, detections, updates, scans."""
    product, coverage, damage = Product(LOG, "McAfee"), Coverage(), Damage(source.path)
    dates = Dates(source.head_text.split("\n")[:5000])
    for number, line in source.lines():
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        time = dates.parse(" ".join(cells[:2])) if _START.match(line) else None
        if time is None:
            yield from damage.at(f"line {number}", "a date and a time, separated by tabs")
            continue
        event = _event(time, cells[2:], f"line {number}", product)
        coverage.see(time, event.kind)
        yield event
    yield from damage.rest()
    yield from dates.gaps(source.path)
    yield from product.fact()
    yield from coverage.spans()


def _event(time: datetime, cells: list[str], where: str, product: Product) -> Event:
    whole = " ".join(cell for cell in cells if cell)
    message = cells[0]
    engine, definitions = _ENGINE.search(whole), _DAT.search(whole) or _UPDATED.search(whole)
    if engine:
        product.more["engine"] = engine[1]
    changed = product.learn(where, definitions=definitions[1] if definitions else "")
    if "block" in message.lower():
        return _blocked(time, message, cells[1:], where)
    threats = [index for index, cell in enumerate(cells[:3]) if cell.startswith(_DEALT)]
    if threats and len(cells) > 2:
        return _detected(time, cells[threats[0]], cells, where)
    kind = _kind(whole, changed)
    fields = {"product": LOG}
    if changed:
        fields["definitions"] = product.definitions
    return Event(time, kind, whole, where, LOG, fields=fields)


def _blocked(time: datetime, message: str, cells: list[str], where: str) -> Event:
    """Read a line of the access protection: a rule that spoke."""
    enforced = "would" not in message.lower()
    paths = [cell for cell in cells if "\\" in cell]
    rule = next((cell for cell in cells if ":" in cell and "\\" not in cell and not cell.startswith("Action")), "")
    action = next((cell.partition(":")[2].strip() for cell in cells if cell.startswith("Action")), "")
    user = cells[0] if len(paths) > 2 or (paths and cells[0] not in paths[:1]) else ""
    if user and user in paths:
        paths.remove(user)
    program, target = (*paths, "", "")[:2]
    target = target or next((cell for cell in reversed(cells) if cell not in (rule, user, program)), "")
    fields = {
        "product": LOG, "program": program, "target": target, "rule": rule, "action": action, "user": user,
        "enforced": "yes" if enforced else "no",
    }  # fmt: skip
    verb = "kept" if enforced else "would have kept"
    text = f"{verb} {program or '?'} from {action.lower() or 'reaching'} {target or '?'} ({rule or message})"
    return Event(time, "protection_blocked", text, where, LOG, fields={k: v for k, v in fields.items() if v})


def _detected(time: datetime, action: str, cells: list[str], where: str) -> Event:
    paths = [cell for cell in cells if "\\" in cell]
    threat = next((cell for cell in reversed(cells) if cell and "\\" not in cell and cell != action), "")
    path = paths[-1] if paths else ""
    fields = {"product": LOG, "threat": threat, "path": path, "action": action}
    text = f"{threat or 'malware'} in {path or '?'}: {action.lower()}"
    return Event(time, "antivirus_detection", text, where, LOG, fields={k: v for k, v in fields.items() if v})


def _kind(text: str, changed: bool) -> str:
    lower = text.lower()
    if changed or "update succeeded" in lower or "update finished" in lower:
        return "antivirus_update"
    if "update" in lower and ("fail" in lower or "error" in lower):
        return "antivirus_update_failed"
    if "scan" in lower and any(word in lower for word in ("start", "complete", "summary", "stop", "cancel")):
        return "antivirus_scan"
    return "antivirus_state" if "service" in lower or "engine version" in lower else ""
