"""Driver facts of several origins → src/bugcheck/knowledge/drivers.tsv.

Usage: python scripts/make_drivers.py FACTS/drivers.tsv

The facts file condenses Microsoft's list of allocated minifilter altitudes (CC BY 4.0), the version fields in
LOLDrivers (Apache-2.0), driver lists of real machines (names only) and CVE records; drivers_known.txt beside this
script is ours.  Rows that say nothing (no maker known, name only) are left out, except for drivers seen in real dumps.

certainty: certain = a published list or a version resource says so, or two origins agree; likely = general knowledge;
unsure = one weak origin (a CVE's wording, a guess from the name).
"""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "src" / "bugcheck" / "knowledge" / "drivers.tsv"
CLASSES_FROM_KEYWORDS = {"antivirus/security", "anti-cheat", "virtualization"}
SHIPS = {"yes": "yes", "ships with Windows": "yes", "no": "no", "unknown": ""}
SOURCES = (
    ("curated", "curated"),
    ("altitude list", "altitudes"),
    ("LOLDrivers", "LOLDrivers"),
    ("CVE record", "CVE"),
    ("msinfo", "driver lists of real machines"),
    ("name pattern", "name pattern"),
    ("dump only", "real dumps"),
)
NO_MAKER = re.compile(r"unknown|copyright|windows \(r\)|windows \d|ddk provider|n/?a|.*\.sys", re.IGNORECASE)
PATTERNS = ("cpuz*.sys", "mpksl*.sys")
Row = dict[str, str]


def clean(text: str) -> str:
    """Return text without entities, tabs and doubled spaces; "unknown" becomes empty."""
    text = " ".join(html.unescape(text).replace("\u2024", ".").split())
    return "" if text == "unknown" else text


def words_of(text: str) -> set[str]:
    """Return the distinctive words of a maker's name, for comparison."""
    common = {"inc", "ltd", "corporation", "technology", "technologies", "software", "systems", "security", "the"}
    return set(re.findall(r"[a-z]{3,}", text.lower())) - common


def row_of_facts(columns: list[str]) -> Row:
    """Return one row of the facts file in our terms."""
    name, vendor, product, what, kind, ships, sure, source = columns[:8]
    vendor, product, what = clean(vendor), clean(product), clean(what)
    if NO_MAKER.fullmatch(vendor) or vendor.lower().startswith(("copyright", "windows 1", "windows (r)")):
        vendor = ""
    if vendor.islower():
        vendor = vendor.title()
    if what.startswith(("named in CVE", "listed as")) or what == product:
        what = ""
    if (source.startswith("LOLDrivers") and kind not in CLASSES_FROM_KEYWORDS) or source.startswith("CVE"):
        kind = kind if kind in CLASSES_FROM_KEYWORDS else "unknown"
    ships_word = SHIPS[ships]
    certainty = "certain" if sure == "yes" and vendor else "unsure"
    if ships_word == "yes" and not vendor:
        vendor, product, certainty = "Microsoft", product or "Windows", "likely"
        kind = "Microsoft in-box kernel component" if kind == "unknown" else kind
    origin = ", ".join(ours for theirs, ours in SOURCES if theirs in source)
    return {
        "driver": name.lower(),
        "vendor": vendor,
        "product": product,
        "what": what,
        "class": kind,
        "ships": ships_word,
        "certainty": certainty,
        "source": origin,
    }


def known_rows() -> dict[str, Row]:
    """Return the rows of drivers_known.txt by driver."""
    rows: dict[str, Row] = {}
    for line in (HERE / "drivers_known.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        vendor, product, what, kind, ships, names = line.split("|")
        certainty = "unsure" if vendor.startswith("?") else "likely"
        for stem in names.split():
            name = stem if stem.endswith((".sys", ".x64")) else f"{stem}.sys"
            rows[name] = {
                "driver": name,
                "vendor": vendor.lstrip("?"),
                "product": product,
                "what": what,
                "class": kind,
                "ships": ships,
                "certainty": certainty,
                "source": "known",
            }
    return rows


def merged(facts: dict[str, Row], known: dict[str, Row]) -> dict[str, Row]:
    """Return both together: ours wins on who and where, the facts file's closer description stays when they agree."""
    rows = dict(facts)
    for name, ours in known.items():
        theirs = facts.get(name)
        if theirs is None or not theirs["vendor"]:
            rows[name] = ours if theirs is None else {**ours, "source": f"known, {theirs['source']}".rstrip(", ")}
            continue
        if theirs["source"].startswith("curated"):
            rows[name] = {**theirs, "ships": ours["ships"], "certainty": "certain"}
            continue
        agree = bool(words_of(ours["vendor"] + " " + ours["product"]) & words_of(theirs["vendor"]))
        what = theirs["what"] if agree and len(theirs["what"]) > 12 and "filter" not in theirs["what"] else ours["what"]
        certainty = "certain" if agree else ours["certainty"]
        rows[name] = {**ours, "what": what, "certainty": certainty, "source": f"known, {theirs['source']}"}
    return rows


def says_something(row: Row, in_real_dumps: bool) -> bool:
    """Return whether a row is worth its line."""
    name = row["driver"]
    if name.startswith(("dump_", "hiber_")) or ("*" in name and name not in PATTERNS):
        return False
    return bool(row["vendor"]) or row["ships"] == "yes" or in_real_dumps


def main() -> None:
    """Write the data file."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()[1:]
    split = [line.split("\t") for line in lines]
    facts = {columns[0].lower(): row_of_facts(columns) for columns in split}
    real = {columns[0].lower() for columns in split if columns[8] not in ("", "0")}
    rows = merged(facts, known_rows())
    kept = [row for name, row in sorted(rows.items()) if says_something(row, name in real)]
    order = ("driver", "vendor", "product", "what", "class", "ships", "certainty", "source")
    text = "".join("\t".join(row[column] for column in order) + "\n" for row in kept)
    TARGET.write_text(text, encoding="utf-8", newline="\n")
    print(f"{len(kept)} drivers, {len(rows) - len(kept)} left out")


if __name__ == "__main__":
    main()
