"""A driver's file name → who makes it, what it belongs to, and whether it ships with Windows.

Source of truth: drivers.tsv, put together by scripts/make_drivers.py from Microsoft's list of allocated minifilter
altitudes, LOLDrivers' version fields, CVE records, driver lists of real machines and our own list of known drivers.  A
file name proves nothing: anyone may reuse one, so `certainty` speaks of the name, not of the file in the dump.

Folklore: while a dump is written the storage stack runs on copies named dump_<driver>; a hibernation file is written
by hiber_<driver>.  The list of unloaded drivers keeps 12 characters of a name (dump_storpor), so a name cut off is
matched by its beginning when that is unambiguous.  Microsoft Defender's engine driver is called mpksl plus random hex.
"""

from __future__ import annotations

from functools import lru_cache

from bugcheck.knowledge.tables import first_not_below, row_at, table
from bugcheck.records import dataclass, replace

_FILE = "drivers.tsv"
_UNLOADED_NAME = 12
_COPIES = ("dump_", "hiber_")
LONGEST_NAME = 128
"""Characters: longer than any name in the table, so that hostile names are neither looked up nor kept."""
_SUFFIXES = (".sys", ".dll", ".exe")
_SHORTEST_PATTERN, _LONGEST_PATTERN = 4, 8
_MOST_CANDIDATES = 16


@dataclass(frozen=True, slots=True)
class DriverFacts:
    """What is publicly known about a driver's file name.

    Attributes:
        image_name: the file name the facts are for, lower case ("iastorac.sys").
        vendor: maker, or "" when it is not known.
        product: product it belongs to, or "".
        what: what it does, or "".
        driver_class: "antivirus/security", "network", "display", "storage", …, or "unknown".
        ships_with_windows: True, False, or None when that is not known.
        certainty: "certain", "likely" or "unsure".
        source: where the facts come from.
        copy_for_dumps: True when the asked name was a dump_ or hiber_ copy of this driver.
    """

    image_name: str
    vendor: str
    product: str
    what: str
    driver_class: str
    ships_with_windows: bool | None
    certainty: str
    source: str
    copy_for_dumps: bool = False


def find_driver(image_name: str) -> DriverFacts | None:
    """Return what is known about a driver by its file name, or None.

    Args:
        image_name: file name in any case, with or without its path and extension, possibly cut off after 12 characters.
    """
    name = image_name.replace("/", "\\").rpartition("\\")[2].strip().lower()
    return _known(name) if 0 < len(name) <= LONGEST_NAME else None


@lru_cache(maxsize=4096)
def _known(name: str) -> DriverFacts | None:
    stem = next((name[len(prefix) :] for prefix in _COPIES if name.startswith(prefix) and len(name) > len(prefix)), "")
    found = _find(name, _UNLOADED_NAME)
    if found is None and stem:
        found = _find(stem, _UNLOADED_NAME - (len(name) - len(stem)))
        found = found and replace(found, copy_for_dumps=True)
    return found


def _find(name: str, longest: int) -> DriverFacts | None:
    """Return the facts for a lower-case name; `longest` is how many characters a cut-off one would have."""
    names = [name] if name.endswith(_SUFFIXES) else [name, *(name + suffix for suffix in _SUFFIXES)]
    for full in names:
        row = _row(full)
        if row:
            return _facts(row)
    if len(name) in (longest, longest + 1):
        return _find_cut_off(name)
    return _find_pattern(name)


def _find_cut_off(name: str) -> DriverFacts | None:
    """Return the facts of the drivers whose names begin with `name`: one driver, or several of one maker (unsure)."""
    data, key = table(_FILE), name.encode(errors="replace")
    candidates: list[DriverFacts] = []
    start = first_not_below(data, key)
    while data.startswith(key, start) and len(candidates) < _MOST_CANDIDATES:
        candidates.append(_facts(row_at(data, start)))
        start = data.index(b"\n", start) + 1
    if len({candidate.vendor for candidate in candidates}) != 1:
        return None
    shortest = min(candidates, key=lambda candidate: len(candidate.image_name))
    return shortest if len(candidates) == 1 else replace(shortest, certainty="unsure")


def _find_pattern(name: str) -> DriverFacts | None:
    """Return the facts of a "begin*.sys" line that fits."""
    stem = name.removesuffix(".sys")
    for length in range(min(_LONGEST_PATTERN, len(stem) - 1), _SHORTEST_PATTERN - 1, -1):
        row = _row(f"{stem[:length]}*.sys")
        if row:
            return replace(_facts(row), image_name=name)
    return None


def _row(name: str) -> list[str] | None:
    """Return the columns of a driver's line, or None."""
    data, key = table(_FILE), name.encode(errors="replace") + b"\t"
    start = first_not_below(data, key)
    return row_at(data, start) if "\n" not in name and data.startswith(key, start) else None


def _facts(row: list[str]) -> DriverFacts:
    """Return a line of drivers.tsv as facts."""
    ships = {"yes": True, "no": False}.get(row[5])
    return DriverFacts(row[0], row[1], row[2], row[3], row[4], ships, row[6], row[7])
