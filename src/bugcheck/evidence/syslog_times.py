"""A syslog line → its time, its host, the message.

Source: RFC 3164 ("Mmm dd hh:mm:ss host"), RFC 5424 and RFC 3339 (`2015-03-07T05:09:30.045+02:00`); Cisco's devices put
the year behind the day ("Apr 17 2020 14:08:08 host : %ASA-…").

Folklore: a classic stamp has no year and no zone.  The year is then the last one in which the file's last line is not
later than the file itself, and counts up where December is followed by January; a copy that lost its file times makes
it wrong, so a Gap says where the year comes from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bugcheck.evidence.source import Source
from bugcheck.gaps import Gap

TAIL = 0x10000
"""Bytes at the end of a file in which its last stamp is looked for."""
LEAP_YEARS = 8
"""Years one goes back at most to find one that has a 29 February."""
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CLASSIC = re.compile(
    r"(?:<\d{1,3}>)?(?:\d+: )?[*.]?([A-Z][a-z]{2}) +(\d{1,2}) (?:(\d{4}) )?(\d\d):(\d\d):(\d\d)(?:\.(\d+))?"
    r"(?: (UTC|GMT|Z))?:? *"
)
_ISO = re.compile(r"(?:<\d{1,3}>)?(?:1 )?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)? +")


class SyslogTimes:
    """Reads the stamps of one file; remembers what year it is in.

    Attributes:
        guessed: the year of some line came from the file's own time.
        undated: lines without a year that could not be given one.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.guessed = False
        self.undated = 0
        self._year: int | None = None
        self._month = 0

    def split(self, line: str) -> tuple[datetime, str] | None:
        """Take the stamp off a line: (time, the rest); None when it has none that can be dated."""
        if match := _ISO.match(line):
            time = datetime.fromisoformat(match[1]) if _is_date(match[1]) else None
            return (_zoned(time, match[2] or "", match[3] or ""), line[match.end() :]) if time else None
        if not (match := _CLASSIC.match(line)) or match[1].lower() not in MONTHS:
            return None
        month = MONTHS.index(match[1].lower()) + 1
        year = int(match[3]) if match[3] else self._year_of(month)
        if year is None:
            self.undated += 1
            return None
        time = _made(year, month, match)
        if time is None:
            return None
        return time.replace(tzinfo=UTC) if match[8] else time, line[match.end() :]

    def gaps(self) -> Iterator[Gap]:
        """Say where the years come from, or that there are none."""
        what = f"year of the times in {self.source.path}"
        if self.guessed:
            yield Gap(what, f"a year in the log: taken from the file's own time, {self.source.modified:%Y-%m-%d}")
        if self.undated:
            yield Gap(what, "a year in the log or a time of the file", "give the file with its modification time")

    def _year_of(self, month: int) -> int | None:
        if self._year is None:
            self._year = self._first_year(month)
        elif month < self._month - 6:
            self._year += 1
        self._month = month
        self.guessed = self._year is not None
        return self._year

    def _first_year(self, first_month: int) -> int | None:
        """Find the first line's year: the last line's, less one when the months wrap round in between."""
        modified = self.source.modified
        if modified is None:
            return None
        tail = self.source.view.read_up_to(max(0, self.source.size - TAIL), TAIL).decode("latin-1")
        matches = [match for line in tail.split("\n")[-64:] if (match := _CLASSIC.match(line))]
        known = [match for match in matches if match[1].lower() in MONTHS and not match[3]]
        if not known:
            return modified.year
        last_month = MONTHS.index(known[-1][1].lower()) + 1
        latest = modified.replace(tzinfo=None) + timedelta(days=1)
        for year in range(latest.year, latest.year - LEAP_YEARS, -1):
            time = _made(year, last_month, known[-1])
            if time is not None and time <= latest:
                return year - 1 if first_month > last_month else year
        return None


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _zoned(time: datetime, fraction: str, zone: str) -> datetime:
    time = time.replace(microsecond=int(fraction[:6].ljust(6, "0")))
    if not zone:
        return time
    if zone == "Z":
        return time.replace(tzinfo=UTC)
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    ahead = timedelta(minutes=minutes if zone[0] == "+" else -minutes)
    try:
        return (time - ahead).replace(tzinfo=UTC)
    except OverflowError:
        return time.replace(tzinfo=UTC)


def _made(year: int, month: int, match: re.Match[str]) -> datetime | None:
    try:
        made = datetime(year, month, int(match[2]), int(match[4]), int(match[5]), int(match[6]))
    except ValueError:
        return None
    return made.replace(microsecond=int(match[7][:6].ljust(6, "0"))) if match[7] else made
