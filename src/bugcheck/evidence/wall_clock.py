"""A date and time as some Windows in some country writes it → a datetime.

Source: the short date and time forms of Windows' regional settings: `11/14/2017 7:31:44 PM`, `14.11.2017 19:31:44`,
`2017/11/14 下午 07:31:44`, `14/11/2017 19.31.44`, `2017-11-14T19:31:44.658Z`; with marks of direction (U+200E) since
Windows 7, which tools that write an ANSI code page turn into question marks.

Folklore: 04/11/2017 is April in the United States and November elsewhere.  One file has one order, so all its dates
decide together: a number above 12 tells, else the order in which the entries stand in the file, else the form itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from itertools import pairwise

_MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]|\\?(?=\\d)|(?<=\\d)\\?")
_MORNING = r"a\.?\s?m\b\.?|上午|午前|오전|vorm\.|π\.?μ\.?|de\.|ق\.?ظ|ص\b|sa\b|dop\.|rano"
_EVENING = r"p\.?\s?m\b\.?|下午|午後|오후|nachm\.|μ\.?μ\.?|du\.|ب\.?ظ|م\b|ch\b|odp\.|po południu"
_TIME = (
    rf"(?:(?P<before>{_MORNING}|{_EVENING})\s*)?"
    r"(?P<hour>\d{1,2})\s?[:.hH时時]\s?(?P<minute>\d{2})(?:\s?[:.分]\s?(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?秒?"
    rf"(?:\s*(?P<after>{_MORNING}|{_EVENING}))?"
    r"(?P<zone>\s?Z\b|\s?[+-]\d{2}:?\d{2}\b)?"
)
_DATE = r"(?P<a>\d{1,4})(?:[-/.]\s?|[年년]\s?)(?P<b>\d{1,2})(?:[-/.]\s?|[月월]\s?)(?P<c>\d{1,4})"
_DATE_OF = re.compile(_DATE)
_TIME_OF = re.compile(_TIME, re.IGNORECASE)
_DATE_THEN_TIME = re.compile(_DATE + r"[^\d]{0,12}?" + _TIME, re.IGNORECASE)
_TIME_THEN_DATE = re.compile(_TIME + r"[^\d]{0,12}?" + _DATE, re.IGNORECASE)
_LONGEST = 120


class DateOrder(Enum):
    """In what order day, month and year stand."""

    YEAR_FIRST = "year, month, day"
    DAY_FIRST = "day, month, year"
    MONTH_FIRST = "month, day, year"


def without_marks(text: str) -> str:
    """Remove the marks of direction, and the question marks that stand for them beside digits."""
    return _MARKS.sub("", text[:_LONGEST])


def read_stamp(text: str, order: DateOrder) -> datetime | None:
    """Read a date with a time; naive unless the text names UTC or an offset.  None when it is neither."""
    text = without_marks(text)
    match = _DATE_THEN_TIME.search(text) or _TIME_THEN_DATE.search(text)
    return None if match is None else _datetime(match, match, order)


def read_date_and_time(date: str, time: str, order: DateOrder) -> datetime | None:
    """Read a date and a time that stand apart; None when one of them is none."""
    day, clock = _DATE_OF.search(without_marks(date)), _TIME_OF.search(without_marks(time))
    return None if day is None or clock is None else _datetime(day, clock, order)


def orders_of(date: str) -> tuple[DateOrder, ...]:
    """Return the orders in which a text is a date; empty when it is none in any."""
    match = _DATE_OF.search(without_marks(date))
    if match is None:
        return ()
    a, b, c = int(match["a"]), int(match["b"]), int(match["c"])
    if len(match["a"]) == 4:
        return (DateOrder.YEAR_FIRST,) if b <= 12 and c <= 31 else ()
    found = [DateOrder.DAY_FIRST] if 1 <= a <= 31 and 1 <= b <= 12 else []
    found += [DateOrder.MONTH_FIRST] if 1 <= a <= 12 and 1 <= b <= 31 else []
    return tuple(found)


def order_of_all(dates: Sequence[str]) -> tuple[DateOrder, bool]:
    """Tell the order of a file's dates, and whether they prove it.

    Args:
        dates: dates with their times where they have one, in the file's order.
    """
    possible = {DateOrder.YEAR_FIRST, DateOrder.DAY_FIRST, DateOrder.MONTH_FIRST}
    for date in dates:
        found = orders_of(date)
        possible &= set(found) if found else possible
    if len(possible) == 1:
        return possible.pop(), True
    turns = {order: _turns(dates, order) for order in (DateOrder.DAY_FIRST, DateOrder.MONTH_FIRST)}
    if turns[DateOrder.DAY_FIRST] != turns[DateOrder.MONTH_FIRST]:
        return min(turns, key=lambda order: turns[order]), True
    return _order_by_form(dates), False


def nearest_before(date: str, time: str, event: datetime) -> datetime | None:
    """Read a date and time of unknown order that lie before an event: the reading nearest to it."""
    readings = [read_date_and_time(date, time, order) for order in DateOrder]
    naive = event.replace(tzinfo=None)
    limit = naive + timedelta(hours=26)  # the event may be in UTC, the text in local time
    kept = [reading for reading in readings if reading is not None and reading.replace(tzinfo=None) <= limit]
    return min(kept, key=lambda reading: abs(naive - reading.replace(tzinfo=None)), default=None)


def _order_by_form(dates: Iterable[str]) -> DateOrder:
    """Guess: dots and dashes put the day first; slashes the month, where the clock has twelve hours."""
    date = next((without_marks(date) for date in dates if orders_of(date)), "")
    match, clock = _DATE_OF.search(date), _TIME_OF.search(date)
    if match is not None and match[0].find("/") < 0:
        return DateOrder.DAY_FIRST
    twelve = clock is not None and bool(clock["before"] or clock["after"])
    return DateOrder.MONTH_FIRST if twelve or clock is None else DateOrder.DAY_FIRST


def _turns(dates: Sequence[str], order: DateOrder) -> int:
    """Count how often the times change direction: a log goes one way."""
    times = [time.replace(tzinfo=None) for date in dates if (time := read_stamp(date, order)) is not None]
    steps = [later > earlier for earlier, later in pairwise(times) if later != earlier]
    return min(steps.count(True), steps.count(False))


def _datetime(date: re.Match[str], clock: re.Match[str], order: DateOrder) -> datetime | None:
    numbers = (int(date["a"]), int(date["b"]), int(date["c"]))
    if len(date["a"]) == 4 or order is DateOrder.YEAR_FIRST:
        year, month, day = numbers
    elif order is DateOrder.DAY_FIRST:
        day, month, year = numbers
    else:
        month, day, year = numbers
    year += 2000 if year < 70 else 1900 if year < 100 else 0
    microseconds = int(((clock["fraction"] or "") + "000000")[:6])
    try:
        return datetime(
            year, month, day, _hour(clock), int(clock["minute"]), int(clock["second"] or 0), microseconds,
            tzinfo=_zone(clock["zone"]),
        )  # fmt: skip
    except ValueError:
        return None


def _hour(clock: re.Match[str]) -> int:
    hour = int(clock["hour"])
    half = clock["before"] or clock["after"]
    if not half or hour > 12:
        return hour
    evening = re.fullmatch(_EVENING, half, re.IGNORECASE) is not None
    return hour % 12 + (12 if evening else 0)


def _zone(text: str | None) -> timezone | None:
    if not text:
        return None
    text = text.strip()
    if text in ("Z", "z"):
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes)) if minutes < 1440 else None
