"""A LOLDrivers record (YAML, JSON, CSV row) → a KnownIssue.

Source: magicsword-io/LOLDrivers, its `YML-Template.yml`; the site's drivers.json and drivers.csv.

Folklore: a record is named by a tag, its samples by their original file name, and neither is what an attacker calls the
file; the hashes are what counts.  Driver names in a record that others share ("driver.sys") prove nothing at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from bugcheck.known_issues.issue import Certainty, Condition, IssueSource, KnownIssue, Role, Treatment

ORIGIN = "LOLDrivers"
SKIPPED = frozenset(
    {"Imports", "ImportedFunctions", "ExportedFunctions", "Signatures", "Sections", "RichPEHeaderHash", "Libraries"}
)
"""Keys whose values are not needed."""
MOST_SAMPLES, MOST_NAMES = 2000, 60
_HASH = re.compile(r"\b(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{40}|[0-9a-fA-F]{32})\b")
_DRIVER = re.compile(r"[\w .()\[\]&+~$-]{1,64}\.sys", re.IGNORECASE)
_CVE = re.compile(r"CVE-\d{4}-\d{4,7}")
_TITLES = {
    "vulnerable_driver": ("lets programs reach kernel memory or hardware", "可被程序利用来访问内核内存或硬件"),
    "malicious_driver": ("a malicious driver", "恶意驱动"),
}
_TREATMENTS = {
    "vulnerable_driver": (
        "Update or remove the program it belongs to; turn on the vulnerable driver blocklist",
        "更新或卸载所属程序；启用易受攻击的驱动程序阻止列表",
    ),
    "malicious_driver": (
        "Treat the host as compromised: take it off the network, keep evidence, rebuild",
        "按已被入侵处理：断网、保全证据、重装",
    ),
}


def is_record(table: Mapping[str, Any]) -> bool:
    """Tell whether a table is a LOLDrivers record."""
    return isinstance(table.get("Id"), str) and "KnownVulnerableSamples" in table


def issue_of_record(table: Mapping[str, Any]) -> KnownIssue:
    """Make an issue of a record."""
    listed = _list(table.get("KnownVulnerableSamples"))[:MOST_SAMPLES]
    samples = [cast("Mapping[str, Any]", each) for each in listed if isinstance(each, Mapping)]
    names = [*_list(table.get("Tags"))]
    names += [sample.get(key) for sample in samples for key in ("OriginalFilename", "Filename")]
    commands = table.get("Commands")
    return make_issue(
        record_id=str(table["Id"]),
        malicious="malicious" in str(table.get("Category", "")).casefold(),
        names=driver_names(" | ".join(str(name) for name in names if name)),
        vendors=[str(sample.get("Company") or sample.get("Publisher") or "") for sample in samples],
        hashes=[digest for sample in samples for digest in hashes_in(sample)],
        cves=_CVE.findall(str([table.get("CVE"), table.get("CVEs"), table.get("Resources")])),
        verified=str(table.get("Verified", "")).casefold() == "true",
        text=str(cast("Mapping[str, Any]", commands).get("Description") or "") if isinstance(commands, Mapping) else "",
        published=str(table.get("Created", "")),
    )


def issue_of_row(row: Mapping[str, str]) -> KnownIssue | None:
    """Make an issue of a row of drivers.csv; None without an id."""
    by_name = {name.casefold(): value or "" for name, value in row.items() if name}
    record_id = by_name.get("id", "")
    if not record_id:
        return None
    values = " | ".join(value for name, value in by_name.items() if "tags" in name or "filename" in name)
    vendors = by_name.get("knownvulnerablesamples_company", "").split(",")
    hashes = [value for name, value in by_name.items() if "md5" in name or "sha" in name]
    return make_issue(
        record_id=record_id,
        malicious="malicious" in by_name.get("category", "").casefold(),
        names=driver_names(values),
        vendors=vendors,
        hashes=_HASH.findall(" ".join(hashes)),
        cves=_CVE.findall(" ".join(by_name.values())),
        verified=by_name.get("verified", "").casefold() == "true",
        text=by_name.get("description", ""),
        published=by_name.get("created", ""),
    )


def make_issue(
    *,
    record_id: str,
    malicious: bool,
    names: list[str],
    vendors: list[str],
    hashes: list[str],
    cves: list[str],
    verified: bool,
    text: str = "",
    published: str = "",
    origin: str = ORIGIN,
) -> KnownIssue:
    """Put an issue together out of what all forms of a record tell."""
    kind = "malicious_driver" if malicious else "vulnerable_driver"
    vendor = next((each.strip() for each in vendors if each.strip()), "")[:100]
    shown = ", ".join(names[:3]) or "a driver without a name"
    english, chinese = _TITLES[kind]
    digests = tuple(dict.fromkeys(each.lower() for each in hashes))
    cited = f"LOLDrivers {record_id}" + "".join(f", {cve}" for cve in sorted(set(cves))[:20])
    help_en, help_zh = _TREATMENTS[kind]
    return KnownIssue(
        id=f"LOLDRIVERS-{record_id}"[:120],
        title={"en": f"{shown}{f' ({vendor})' if vendor else ''}: {english}", "zh": f"{shown}：{chinese}"},
        text={"en": text[:4000]} if text else {},
        kind=kind,
        vendor=vendor,
        drivers=tuple(names),
        hashes=digests[:2000],
        effect="code" if malicious else "privilege",
        conditions=_conditions(names, digests[:2000]),
        treatments=(Treatment({"en": help_en, "zh": help_zh}, "high" if malicious else "low"),),
        sources=(
            IssueSource(
                cited[:2000],
                f"https://www.loldrivers.io/drivers/{record_id}/"[:200],
                Certainty.READ,
                "verified by its authors" if verified else "not verified by its authors",
            ),
        ),
        published=published[:40],
        origin=origin,
    )


def _conditions(names: list[str], digests: tuple[str, ...]) -> tuple[Condition, ...]:
    if not names:
        return (Condition("driver_hash", {"hash": digests}),) if digests else ()
    drivers = tuple(names)
    loaded = Condition("driver_loaded", {"driver": drivers}, Role.SCOPE)
    blamed = Condition("module_blamed", {"module": drivers})
    hashed = Condition("driver_hash", {"hash": digests, "driver": drivers})
    return (loaded, hashed, blamed) if digests else (loaded, blamed)


def _list(value: object) -> list[Any]:
    if isinstance(value, list):
        return cast("list[Any]", value)
    return [value] if isinstance(value, str) and value else []


def driver_names(text: str) -> list[str]:
    """Find the driver files a text names, lower case, each once."""
    found = [name.strip(" -").lower() for part in re.split(r"[|,\n\\/]", text) for name in _DRIVER.findall(part)]
    return list(dict.fromkeys(name for name in found if name != ".sys"))[:MOST_NAMES]


def hashes_in(sample: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sample's hashes: of the file and of its Authenticode digest."""
    inner = sample.get("Authentihash")
    tables: list[Mapping[str, Any]] = [sample, cast("Mapping[str, Any]", inner) if isinstance(inner, Mapping) else {}]
    for table in tables:
        for name in ("SHA256", "SHA1", "MD5", "AuthentihashSHA256", "AuthentihashSHA1", "AuthentihashMD5"):
            value = table.get(name)
            if isinstance(value, str) and _HASH.fullmatch(value):
                yield value.lower()
