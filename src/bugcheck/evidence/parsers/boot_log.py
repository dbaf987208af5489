"""ntbtlog.txt → drivers that were loaded, or not, at each logged start.

Source: Microsoft, "BOOT_LOG" of boot options and "Boot Log" of the driver documentation: a line with the version, a
line "month day year hour:minute:second.thousandth" in local time, then `BOOTLOG_LOADED path` and `BOOTLOG_NOT_LOADED
path`; before Vista "Loaded driver path", "Did not load driver name" in the system's language.

Folklore: each start is appended, so the last one is what counts.  "Not loaded" is no fault: Windows says it of every
driver that a device asked for a second time, or that safe mode left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from bugcheck.evidence.evidence import NO, SURE, Event, Fact, Record, evidence_parser
from bugcheck.evidence.source import Source

_VERSION = re.compile(r"^.*Windows.*?(\d+\.\d+)\s*\(\D*(\d{4,5})(?::\s*([^)]*))?\)")
_TIME = re.compile(r"^\s*(\d{1,2}) +(\d{1,2}) +(\d{4}) +(\d{1,2}):(\d\d):(\d\d)(?:\.(\d{1,3}))?\s*$")
_DRIVER = re.compile(r"^(BOOTLOG_LOADED|BOOTLOG_NOT_LOADED|Loaded driver|Did not load driver) +(\S.*?)\s*$")
_LOADED = ("BOOTLOG_LOADED", "Loaded driver")
_DRIVERS, _BOOTS = 5000, 2000


def probe(source: Source) -> int:
    """Tell by the version, the time and the first drivers."""
    lines = [line for line in source.head_text[:0x1000].split("\n") if line.strip()][:4]
    timed = any(_TIME.match(line) for line in lines[:3])
    return SURE if timed and (_VERSION.match(lines[0]) or any(_DRIVER.match(line) for line in lines)) else NO


@evidence_parser("boot_log", probe=probe, names=("ntbtlog*.txt",))
def boot_log(source: Source) -> Iterator[Record]:
    """Windows' boot log (ntbtlog.txt): which drivers each start loaded."""
    drivers: dict[str, tuple[bool, str, int]] = {}
    version: re.Match[str] | None = None
    boots = 0
    for number, line in source.lines():
        if found := _DRIVER.match(line):
            loaded, path = found[1] in _LOADED, found[2]
            name = path.rpartition("\\")[2].lower()
            if len(drivers) < _DRIVERS and (loaded or name not in drivers):
                drivers[name] = loaded, path, number
        elif found := _TIME.match(line):
            drivers, boots = {}, boots + 1
            if boots <= _BOOTS and (time := _time(found)):
                build = {"version": version[1], "build": version[2]} if version else {}
                yield Event(time, "boot", "Windows started, with a boot log", f"line {number}", "ntbtlog", None, build)
        elif found := _VERSION.match(line):
            version = found
    if version:
        yield Fact("os", "", f"{version[1]}.{version[2]}", "the last start", {"build": version[2]})
    for loaded, path, number in drivers.values():
        fields = {"path": path, "state": "loaded at the last logged start" if loaded else "not loaded at it"}
        yield Fact("driver", path.rpartition("\\")[2], "", f"line {number}", fields)


def _time(found: re.Match[str]) -> datetime | None:
    month, day, year, hour, minute, second = (int(part) for part in found.groups()[:6])
    try:
        return datetime(year, month, day, hour, minute, second, int((found[7] or "0").ljust(3, "0")) * 1000)
    except ValueError:
        return None
