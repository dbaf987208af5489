"""A CVE record (CVE list 5, NVD 1.1 and 2.0) → a KnownIssue, where it names a driver's file.

Source: the CVE record format 5 (CVEProject/cve-schema), NVD's JSON feed 1.1 and API 2.0 schemas.

Folklore: affected versions stand in the prose more often than in their fields ("n/a"); so does the driver.  Nothing in
a record says how a crash would look, so all a match can rest on is the blamed driver: the trigger stays untested.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from bugcheck.known_issues.issue import Certainty, Condition, IssueSource, KnownIssue, Role
from bugcheck.known_issues.loldrivers import driver_names

ORIGIN = "CVE list"
LONGEST_TEXT = 8000
MOST_PRODUCTS = 20
_WORD = re.compile(r"[A-Za-z0-9][\w.()+~$-]{0,60}\.sys\b", re.IGNORECASE)
_CONTROL_CODE = re.compile(r"\b0x([0-9A-Fa-f]{5,8})\b")
_CRASH = re.compile(r"denial of service|crash|blue screen|bsod|bugcheck|system panic|null pointer", re.IGNORECASE)
_ID = re.compile(r"CVE-\d{4}-\d{4,7}")


def drivers_named(text: str) -> tuple[str, ...]:
    """The driver files a description names, lower case."""
    return tuple(dict.fromkeys(name for word in _WORD.findall(text) for name in driver_names(word)))


def issue_of_cve(record: Mapping[str, Any]) -> KnownIssue | None:
    """Make an issue of a record of any of the formats; None when it names no driver or is none."""
    if record.get("dataType") == "CVE_RECORD" or "cveMetadata" in record:
        return _of_list(record)
    inner = record.get("cve")
    table = cast("Mapping[str, Any]", inner) if isinstance(inner, Mapping) else record
    if "CVE_data_meta" in table:
        return _of_feed(table, record)
    return _of_api(table) if "descriptions" in table else None


def _of_list(record: Mapping[str, Any]) -> KnownIssue | None:
    meta, cna = _table(record.get("cveMetadata")), _table(_table(record.get("containers")).get("cna"))
    text = _english(cna.get("descriptions"))
    affected = [_table(each) for each in _list(cna.get("affected"))]
    title = str(cna.get("title") or "")
    products = [str(each.get("product") or "") for each in affected]
    vendors = [str(each.get("vendor") or "") for each in affected]
    files = " ".join(str(each) for one in affected for each in _list(one.get("programFiles")))
    return _issue(str(meta.get("cveId", "")), f"{title}\n{text}\n{files}", text, title, vendors, products,
                  str(meta.get("datePublished") or ""))  # fmt: skip


def _of_feed(table: Mapping[str, Any], record: Mapping[str, Any]) -> KnownIssue | None:
    text = _english(_table(table.get("description")).get("description_data"))
    return _issue(str(_table(table.get("CVE_data_meta")).get("ID", "")), text, text, "", [], [],
                  str(record.get("publishedDate") or ""))  # fmt: skip


def _of_api(table: Mapping[str, Any]) -> KnownIssue | None:
    text = _english(table.get("descriptions"))
    return _issue(str(table.get("id", "")), text, text, "", [], [], str(table.get("published") or ""))


def _table(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _english(descriptions: object) -> str:
    texts = [_table(each) for each in _list(descriptions)]
    english = [str(each.get("value") or "") for each in texts if str(each.get("lang", "en")).startswith("en")]
    return "\n".join(english)[:LONGEST_TEXT]


def _issue(
    cve: str, searched: str, text: str, title: str, vendors: list[str], products: list[str], published: str
) -> KnownIssue | None:
    drivers = drivers_named(searched)
    if not drivers or not _ID.fullmatch(cve):
        return None
    known = [each for each in products if each and each.casefold() != "n/a"][:MOST_PRODUCTS]
    vendor = next((each for each in vendors if each and each.casefold() != "n/a"), "")
    return cve_issue(
        cve,
        title=(title or text.partition(". ")[0])[:200],
        text=text,
        vendor=vendor[:100],
        products=tuple(dict.fromkeys(each[:100] for each in known)),
        drivers=drivers,
        effect="crash" if _CRASH.search(text) else "",
        trigger="the record's text",
        codes=tuple(dict.fromkeys(f"{int(code, 16):08x}" for code in _CONTROL_CODE.findall(text)))[:50],
        published=published[:10],
        certainty=Certainty.READ,
    )


def cve_issue(
    cve: str,
    *,
    title: str,
    text: str,
    vendor: str,
    products: tuple[str, ...],
    drivers: tuple[str, ...],
    effect: str,
    trigger: str,
    codes: tuple[str, ...],
    published: str,
    certainty: Certainty,
    origin: str = ORIGIN,
) -> KnownIssue:
    """Put an issue together out of what a record, or a line of the shipped table, tells."""
    conditions = [
        Condition("driver_loaded", {"driver": drivers}, Role.SCOPE),
        Condition("module_blamed", {"module": drivers}),
    ]
    if last := _last_day(published):
        conditions.insert(1, Condition("driver_linked", {"driver": drivers, "before": last}, Role.SCOPE))
    if codes:
        conditions.append(Condition("control_code", {"code": codes}, Role.TRIGGER))
    says = {"en": f"the published trigger: {trigger}" if trigger else "the trigger is not published"}
    conditions.append(Condition("told", {}, Role.TRIGGER, says=says))
    return KnownIssue(
        id=cve,
        title={"en": title},
        text={"en": text} if text else {},
        vendor=vendor,
        products=products,
        drivers=drivers,
        effect=effect,
        conditions=tuple(conditions),
        sources=(IssueSource(cve, f"https://www.cve.org/CVERecord?id={cve}", certainty),),
        published=published,
        origin=origin,
    )


def _last_day(published: str) -> str:
    """A driver made more than a year after a fault was published is hardly one that has it."""
    year, mark, rest = published.partition("-")
    return f"{int(year) + 1}-{rest}" if mark and year.isdigit() and rest != "02-29" else ""


def records_in(document: object) -> Iterator[Mapping[str, Any]]:
    """Yield the records of a document: one, or a feed's list."""
    table = _table(document)
    for key in ("CVE_Items", "vulnerabilities"):
        if isinstance(table.get(key), list):
            yield from (_table(each) for each in _list(table[key]))
            return
    yield table
