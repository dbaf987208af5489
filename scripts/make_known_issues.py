"""LOLDrivers' records and the table of driver CVEs → the compact tables that ship with bugcheck.

    python scripts/make_known_issues.py LOLDRIVERS.tar.xz DRIVER_CVES.tsv

LOLDRIVERS is any form of the records that `bugcheck known-issues import` takes; DRIVER_CVES has the columns cve,
published, drivers, product_vendor, effect, access, trigger and record_names_file.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from bugcheck.known_issues.import_path import import_path
from bugcheck.known_issues.issue import KnownIssue
from bugcheck.known_issues.store import IssueStore

KNOWLEDGE = Path(__file__).resolve().parents[1] / "src" / "bugcheck" / "knowledge"
LOL_HEAD = """\
# Source: magicsword-io/LOLDrivers, commit 5554706c8350a7b4a8631f05f490e563cd4b6e0a, Apache-2.0: facts of its records.
# number (for loldrivers_hashes.tsv)	record id	v vulnerable, m malicious	verified	created	maker	files	CVEs
"""
HASH_HEAD = """\
# Source: magicsword-io/LOLDrivers, as loldrivers.tsv; sorted, because it is bisected.
# SHA-256, SHA-1, MD5 or Authentihash of a sample	number in loldrivers.tsv
"""
CVE_HEAD = """\
# Source: CVE records by way of NVD (public domain), CISA vulnrichment (CC0), trickest/cve (MIT); no descriptions.
# Complete to April 2021. Made by rules: about one in twenty effects and triggers is wrong. Sorted for bisecting.
# driver file	CVE	published	maker:product; …	effect	access	trigger	whether the record names the file
"""


def main(arguments: list[str]) -> None:
    """Write the three tables."""
    lol, cves = arguments
    store = IssueStore()
    report = import_path(lol, store)
    assert not report.faults, report.faults
    write_drivers(sorted(store.issues(), key=lambda issue: issue.id))
    write_cves(cves)


def write_drivers(issues: list[KnownIssue]) -> None:
    """Write the records and, apart, their hashes."""
    rows: list[str] = []
    hashes: dict[str, set[int]] = {}
    for number, issue in enumerate(issues):
        source = issue.sources[0]
        cves = source.name.partition(", ")[2].replace(", ", ",")
        verified = "n" if source.note.startswith("not") else "y"
        values = (str(number), issue.id.removeprefix("LOLDRIVERS-"), issue.kind[0], verified, issue.published)
        rows.append("\t".join((*values, clean(issue.vendor), "|".join(issue.drivers), cves)))
        for digest in issue.hashes:
            hashes.setdefault(digest, set()).add(number)
    (KNOWLEDGE / "loldrivers.tsv").write_text(LOL_HEAD + "\n".join(rows) + "\n", "utf-8")
    lines = [f"{digest}\t{','.join(map(str, sorted(numbers)))}\n" for digest, numbers in sorted(hashes.items())]
    (KNOWLEDGE / "loldrivers_hashes.tsv").write_text(HASH_HEAD + "".join(lines), "utf-8")


def write_cves(path: str) -> None:
    """Write one line per driver and CVE."""
    lines: set[tuple[str, ...]] = set()
    with Path(path).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            products = "; ".join(row["product_vendor"].split("; ")[:4])
            sure = row["record_names_file"].partition(" ")[0]
            for driver in (row["drivers"] or "-").lower().replace(",", ";").split(";"):
                facts = (driver.strip(), row["cve"], row["published"], products, row["effect"], row["access"])
                lines.add((*(clean(each) for each in facts), clean(row["trigger"]), sure))
    text = "".join("\t".join(line) + "\n" for line in sorted(lines, key=lambda line: "\t".join(line).encode()))
    (KNOWLEDGE / "driver_cves.tsv").write_text(CVE_HEAD + text, "utf-8")


def clean(text: str) -> str:
    """Keep a value in its column."""
    return " ".join(text.split())


if __name__ == "__main__":
    main(sys.argv[1:])
