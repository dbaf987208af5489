"""BlackICE's and RealSecure Desktop's attack-list.csv → attacks, and when the protection started and stopped.

Source: Network ICE's knowledge base q000018 (columns severity, timestamp, issueId, issueName, intruder IP, …); the
file's own heading (`#severity`, `timestamp (GMT)`, `issueId`, `issueName`, `intruderIp`, `intruderName`, …); a note on
Proventia's file (cpsatfiberlink.com, 2010): `##` as severity marks the product's own notices, issue 26 protection
started, 27 protection stopped.  The order of the columns behind the sixth is taken from the heading.

Folklore:
    Times are GMT, whatever the host's zone, and they are the *last* occurrence: repeats are merged into one row.
    The rows 26 and 27 tell when the service went down and came back around a crash.
    A missing 27 before a 26 means that the service, or the machine, did not end properly.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from bugcheck.evidence.cells import cells_of
from bugcheck.evidence.damage import Damage
from bugcheck.evidence.evidence import LIKELY, NO, SURE, Event, Fact, Record, evidence_parser
from bugcheck.evidence.flows import Coverage
from bugcheck.evidence.source import Source

LOG = "BlackICE"
STANDARD = (
    "severity", "timestamp", "issueid", "issuename", "intruderip", "intrudername", "victimip", "victimname",
    "parameters", "count", "responselevel",
)  # fmt: skip
STARTED, STOPPED = "26", "27"
OWN_NOTICE = "##"


def probe(source: Source) -> int:
    """Tell by the heading, or by rows of severity, a time and an issue number."""
    lines = [line for line in source.head_text[:8192].split("\n")[:12] if line]
    first = lines[0].lower().replace(" ", "") if lines else ""
    if first.startswith(("#severity,", "severity,")) and "issueid" in first:
        return SURE
    shaped = [line for line in lines if _is_row(cells_of(line))]
    return LIKELY if lines and len(shaped) >= max(1, len(lines) - 1) else NO


def _is_row(row: list[str]) -> bool:
    if len(row) < 5 or not (row[0].strip() == OWN_NOTICE or row[0].strip().isdecimal()):
        return False
    return _time(row[1]) is not None and row[2].strip().isdecimal()


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


@evidence_parser("blackice", probe=probe, names=("attack-list*.csv",))
def blackice(source: Source) -> Iterator[Record]:
    """BlackICE's attack list: attacks, and when its protection started and stopped."""
    names, coverage, damage = list(STANDARD), Coverage(), Damage(source.path)
    yield Fact("security_product", "BlackICE", "", "the file's layout", fields={"role": "firewall"})
    for number, line in source.lines():
        row = [cell.strip() for cell in cells_of(line)]
        if not any(row):
            continue
        heading = [cell.lower().lstrip("#").partition("(")[0].replace(" ", "") for cell in row]
        if "issueid" in heading:
            names = heading
            continue
        values = dict(zip(names, row, strict=False))
        time = _time(values.get("timestamp", ""))
        if time is None:
            yield from damage.at(f"line {number}", "a time (YYYY-MM-DD HH:MM:SS)")
            continue
        event = _event(time, values, f"line {number}")
        coverage.see(time, event.kind)
        yield event
    yield from damage.rest()
    coverage.kinds.add("attack")
    coverage.notes.append("times are the last occurrence of each attack")
    yield from coverage.spans()


def _event(time: datetime, values: dict[str, str], where: str) -> Event:
    issue = values.get("issueid", "")
    code = int(issue) if issue.isdecimal() and len(issue) < 10 else None
    name = values.get("issuename", "")
    if values.get("severity") == OWN_NOTICE or issue in (STARTED, STOPPED):
        state = {STARTED: "started", STOPPED: "stopped"}.get(issue, name)
        text = f"BlackICE's protection {state}" if issue in (STARTED, STOPPED) else f"BlackICE: {name}"
        return Event(time, "antivirus_state", text, where, LOG, code, {"product": "BlackICE", "state": state})
    source, target = values.get("intruderip", ""), values.get("victimip", "")
    fields = {
        "name": name,
        "source": source,
        "source_name": values.get("intrudername", ""),
        "target": target,
        "severity": values.get("severity", ""),
        "parameters": values.get("parameters", ""),
        "response": values.get("responselevel", ""),
    }
    count = values.get("count", "")
    times = max(1, int(count)) if count.isdecimal() and len(count) < 10 else 1
    return Event(
        time,
        "attack",
        f"{name or f'issue {issue}'} from {source or '?'}" + (f" on {target}" if target else ""),
        where,
        LOG,
        code,
        {word: value for word, value in fields.items() if value},
        count=times,
    )
