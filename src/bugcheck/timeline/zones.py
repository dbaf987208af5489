"""What a host says of its time zone → a tzinfo that turns its wall clock into UTC.

Source: TIME_ZONE_INFORMATION and REG_TZI_FORMAT (Microsoft: bias is UTC minus local, in minutes; a start rule's year 0
means "the day-th weekday of the month, 5 the last, at that hour"); the IANA data by Python's zoneinfo; the names of
zones in knowledge/time_zones.tsv (CLDR).

Folklore: a machine whose zone key is localised or long gone still has the rules themselves in its registry; they come
first.  `Windows without automatic daylight saving` is a bias with a DynamicDaylightTimeDisabled of 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bugcheck.knowledge.tables import find_row

_OFFSET = re.compile(r"(?:UTC|GMT)?\s{0,4}([+\-−])\s{0,4}(\d{1,2})(?::?(\d{2}))?")
_MOST_MINUTES = 16 * 60


@dataclass(frozen=True, slots=True)
class Rule:
    """When a part of the year begins: the `week`-th (5: last) `weekday` (0 Sunday) of `month`, at local `time`."""

    month: int
    weekday: int
    week: int
    time: timedelta

    def in_year(self, year: int) -> datetime:
        """The moment, as the wall clock showed it before it was changed."""
        first = datetime(year, self.month, 1)
        day = 1 + (self.weekday - first.isoweekday()) % 7 + 7 * (min(self.week, 5) - 1)
        last = (datetime(year + self.month // 12, self.month % 12 + 1, 1) - timedelta(days=1)).day
        while day > last:
            day -= 7
        return datetime(year, self.month, day) + self.time


class RuleZone(tzinfo):
    """A zone by its rules, the same every year."""

    def __init__(self, bias: int, daylight_bias: int, standard: Rule, daylight: Rule) -> None:
        """Take biases in minutes (UTC = local + bias) and the rules by which each time begins."""
        self._winter = timedelta(minutes=-bias)
        self._summer = timedelta(minutes=-bias - daylight_bias)
        self._standard, self._daylight = standard, daylight

    def utcoffset(self, moment: datetime | None, /) -> timedelta:
        """Local minus UTC at a wall-clock time."""
        return self._summer if moment is not None and self._is_summer(moment.replace(tzinfo=None)) else self._winter

    def dst(self, moment: datetime | None, /) -> timedelta:
        """How far the clock is set forward."""
        return self.utcoffset(moment) - self._winter

    def tzname(self, moment: datetime | None, /) -> str:
        """The offset in words."""
        return str(timezone(self.utcoffset(moment)))

    def __str__(self) -> str:
        return f"{timezone(self._winter)}, in summer {timezone(self._summer)}"

    def _is_summer(self, wall: datetime) -> bool:
        start, end = self._daylight.in_year(wall.year), self._standard.in_year(wall.year)
        return start <= wall < end if start < end else not end <= wall < start


class ObservedZone(tzinfo):
    """A clock of which only is known how far it was from UTC at some times: between them the nearest counts."""

    def __init__(self, seen: Iterable[tuple[datetime, datetime, timedelta]]) -> None:
        """Take (first wall-clock time, last, local minus UTC) of each observation; at least one."""
        self._seen = sorted(seen)

    def utcoffset(self, moment: datetime | None, /) -> timedelta:
        """Local minus UTC at a wall-clock time."""
        if moment is None:
            return self._seen[-1][2]
        wall = moment.replace(tzinfo=None)
        return min(self._seen, key=lambda each: max(each[0] - wall, wall - each[1], timedelta()))[2]

    def dst(self, _moment: datetime | None, /) -> timedelta | None:
        """Nothing is known of it."""
        return None

    def tzname(self, moment: datetime | None, /) -> str:
        """The offset in words."""
        return str(timezone(self.utcoffset(moment)))

    def __str__(self) -> str:
        return " or ".join(dict.fromkeys(str(timezone(offset)) for *_, offset in self._seen))


def parse_rule(text: str) -> Rule | None:
    """Read a rule as POSIX writes it (`Mmonth.week.weekday/hour:minute`); None when it is none, or says "never"."""
    match = re.fullmatch(r"M(\d{1,2})\.(\d)\.(\d)(?:/(\d{1,2})(?::(\d\d))?)?(?::\d\d)?", text)
    if match is None:
        return None
    month, week, weekday = int(match[1]), int(match[2]), int(match[3])
    hour, minute = int(match[4] or 2), int(match[5] or 0)
    if not (1 <= month <= 12 and weekday <= 6 and 1 <= week <= 5 and hour <= 24 and minute <= 59):
        return None
    return Rule(month, weekday, week, timedelta(hours=hour, minutes=minute))


@lru_cache(maxsize=256)
def named_zone(name: str) -> tzinfo | None:
    """Find a zone by Windows' key name or by its IANA name; None when there is none."""
    row = find_row("time_zones.tsv", name)
    try:
        return ZoneInfo(row[1] if row else name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def offset_zone(text: str) -> timezone | None:
    """Read "+08:00", "UTC-5", "(UTC+01:00) Berlin…" as a fixed offset; None when there is none in it."""
    match = _OFFSET.search(text)
    if match is None:
        return UTC if re.search(r"\b(?:UTC|GMT|Z)\b", text) else None
    minutes = int(match[2]) * 60 + int(match[3] or 0)
    if minutes > _MOST_MINUTES:
        return None
    return timezone(timedelta(minutes=minutes if match[1] == "+" else -minutes))


def zone_of(name: str, bias: str, fields: Mapping[str, str]) -> tzinfo | None:
    """Make a zone of a `time_zone` fact: its rules, else its name, else its bias, else an offset in its name."""
    minutes = _number(bias)
    standard, daylight = parse_rule(fields.get("standard_start", "")), parse_rule(fields.get("daylight_start", ""))
    shift = _number(fields.get("daylight_bias", "")) or 0
    possible = minutes is not None and max(abs(minutes), abs(minutes + shift)) <= _MOST_MINUTES
    if minutes is not None and possible and standard and daylight and fields.get("daylight_disabled") != "yes":
        return RuleZone(minutes, shift, standard, daylight)
    if (zone := named_zone(name)) is not None and fields.get("daylight_disabled") != "yes":
        return zone
    active = _number(fields.get("active_bias", ""))
    chosen = minutes if minutes is not None else active
    if chosen is not None and abs(chosen) <= _MOST_MINUTES:
        return timezone(timedelta(minutes=-chosen))
    return offset_zone(name)


def observed_zone(facts: Iterable[Mapping[str, str]]) -> tzinfo | None:
    """Make a zone of the fields of `time_zone` facts that say how far a clock was from UTC, and when."""
    seen: list[tuple[datetime, datetime, timedelta]] = []
    for fields in facts:
        bias = _number(fields.get("active_bias", ""))
        if bias is None or abs(bias) > _MOST_MINUTES or "at" not in fields:
            continue
        first, last = _moment(fields["at"]), _moment(fields.get("until", fields["at"]))
        if first is not None and last is not None:
            seen.append((first, last, timedelta(minutes=-bias)))
    if len({offset for _, _, offset in seen}) == 1:
        return timezone(seen[0][2])
    return ObservedZone(seen) if seen else None


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None
