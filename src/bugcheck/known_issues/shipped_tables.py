"""The compact tables that ship with bugcheck → KnownIssues: CVEs that name a driver, LOLDrivers' records and hashes.

Source: driver_cves.tsv, loldrivers.tsv and loldrivers_hashes.tsv, made by scripts/make_known_issues.py; their first
lines name the origins.

Folklore: win32k.sys is named by hundreds of CVEs; naming them all for a crash in it would tell nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from bugcheck.knowledge.tables import first_not_below, row_at, table
from bugcheck.known_issues.cve_records import cve_issue
from bugcheck.known_issues.drivers_seen import stem
from bugcheck.known_issues.issue import Certainty, KnownIssue
from bugcheck.known_issues.loldrivers import make_issue

CVES, LOLDRIVERS, HASHES = "driver_cves.tsv", "loldrivers.tsv", "loldrivers_hashes.tsv"
SHIPPED = "shipped"
_NO_DRIVER = "-"
_CONTROL_CODE = re.compile(r"0x([0-9A-Fa-f]{5,8})")
_EFFECTS = {
    "crash": "can stop the system",
    "privilege": "gives a local program more rights",
    "code": "lets others run code",
    "leak": "discloses memory",
}


def cves_of_driver(name: str) -> list[KnownIssue]:
    """CVEs that name a driver's file."""
    data, key = table(CVES), f"{stem(name)}.sys\t".encode(errors="replace")
    start, found = first_not_below(data, key), list[KnownIssue]()
    while data.startswith(key, start):
        found.append(_cve(row_at(data, start)))
        start = data.index(b"\n", start) + 1
    return found


def all_cves() -> Iterator[KnownIssue]:
    """Every line of the table as an issue, the drivers of one CVE together."""
    rows: dict[str, list[list[str]]] = {}
    for row in _rows(CVES):
        rows.setdefault(row[1], []).append(row)
    for same in rows.values():
        yield _cve(same[0], tuple(row[0] for row in same if row[0] != _NO_DRIVER))


def _cve(row: list[str], drivers: tuple[str, ...] | None = None) -> KnownIssue:
    driver, cve, published, products, effect, access, trigger, sure = row
    names = drivers if drivers is not None else (driver,)
    maker, _, product = products.partition("; ")[0].partition(":")
    who = ", ".join(names) or product or products
    title = f"{who}: a published fault {_EFFECTS.get(effect, 'of unknown effect')}"
    return cve_issue(
        cve,
        title=title + (f" ({access})" if access not in ("", "unknown") else ""),
        text="",
        vendor=maker,
        products=tuple(each.partition(":")[2] or each for each in products.split("; ") if each),
        drivers=names,
        effect=effect,
        trigger=trigger,
        codes=tuple(dict.fromkeys(f"{int(code, 16):08x}" for code in _CONTROL_CODE.findall(trigger))),
        published=published,
        certainty=Certainty.READ if sure == "yes" else Certainty.INFERRED,
        origin=SHIPPED,
    )


def records_of_driver(name: str) -> list[KnownIssue]:
    """LOLDrivers' records that name a driver's file."""
    return [_record(number) for number in _by_driver().get(stem(name), ())]


def records_of_hash(digest: str) -> list[KnownIssue]:
    """LOLDrivers' records with a sample of this hash."""
    data, key = table(HASHES), digest.strip().lower().encode(errors="replace") + b"\t"
    start = first_not_below(data, key)
    if len(key) < 33 or not data.startswith(key, start):
        return []
    return [_record(int(number)) for number in row_at(data, start)[1].split(",")]


def all_records() -> Iterator[KnownIssue]:
    """Every record."""
    yield from (_record(number) for number in range(len(_rows(LOLDRIVERS))))


@cache
def _rows(name: str) -> list[list[str]]:
    lines = table(name)[1:].decode().split("\n")
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


@cache
def _by_driver() -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row in _rows(LOLDRIVERS):
        for name in filter(None, row[6].split("|")):
            found.setdefault(stem(name), []).append(int(row[0]))
    return found


@cache
def _hashes() -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for digest, numbers in _rows(HASHES):
        for number in numbers.split(","):
            found.setdefault(int(number), []).append(digest)
    return found


@cache
def _record(number: int) -> KnownIssue:
    _, record_id, kind, verified, created, maker, drivers, cves = _rows(LOLDRIVERS)[number]
    return make_issue(
        record_id=record_id,
        malicious=kind == "m",
        names=[name for name in drivers.split("|") if name],
        vendors=[maker],
        hashes=_hashes().get(number, []),
        cves=[cve for cve in cves.split(",") if cve],
        verified=verified == "y",
        published=created,
        origin=SHIPPED,
    )
