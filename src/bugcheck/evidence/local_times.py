"""Dates as Windows' tools write them for people → naive times: the host's wall clock.

Source: Windows' regional formats (`LOCALE_SSHORTDATE`, `LOCALE_STIMEFORMAT`): 11/14/2017 4:19:23 AM, 14.11.2017
04:19:23, 2017/11/14 4:19:23, 14-Nov-17, 2017-11-14 오후 4:19:23.

Folklore: 03/04/2017 is March in America and April elsewhere.  A file tells only through its other dates (a number
above 12) or its locale; where neither does, the date stays unread rather than guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from bugcheck.knowledge.tables import table

_DATE = re.compile(r"(?<!\d)(\d{1,4})\s?([./\- 年년])\s?(\d{1,2}|[^\W\d_]{3,12}\.?)\s?[./\- 月월]\s?(\d{2,4})(?!\d)")
_TIME = re.compile(r"(?<!\d)(\d{1,2})[:.時时](\d{2})(?:[:.分](\d{2}))?(?:[.,](\d{1,6}))?")
_LONG = re.compile(r"(?:[^\W\d_]{3,12}\.?,?\s+)?([^\W\d_]{3,12})\.?\s+(\d{1,2}),?\s+(\d{4})")
_MARKS = re.compile(r"[\u200e\u200f\u202a-\u202e]")
_PIVOT = 70
"""Two-digit years from 70 are of the 1900s."""
_AMERICAN = ("en-us", "en_us", "es-us", "fil-ph", "en-ph", "en-bz")
_HINDMOST = re.compile(r"\b([ap])\.?\s?m\.?(?![^\W\d_])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DateOrder:
    """In which order a file writes day and month: `day_first` is None when nothing tells."""

    day_first: bool | None = None


@cache
def _words() -> tuple[dict[str, int], frozenset[str], frozenset[str]]:
    months: dict[str, int] = {}
    halves: tuple[set[str], set[str]] = (set(), set())
    for line in table("calendar_words.tsv").decode().splitlines():
        columns = line.split("\t")
        if len(columns) < 3 or line.startswith(("#", "kind\t")):
            continue
        if columns[0] == "month":
            months.update(dict.fromkeys(columns[2].split(), int(columns[1])))
        else:
            halves[columns[1] == "pm"].update(columns[2].split("|"))
    return months, frozenset(halves[0]), frozenset(halves[1])


def month_of(word: str) -> int | None:
    """Tell the month a word names, in any language we know, by its first three letters at least."""
    return _words()[0].get(word.lower().rstrip("."))


def order_of(dates: Iterable[str], locale: str = "") -> DateOrder:
    """Tell the order of day and month by a file's dates, then by its locale ("en-us")."""
    for text in dates:
        found = _DATE.search(_MARKS.sub("", text))
        if not found or len(found[1]) > 2 or not found[3].isdecimal():
            continue
        first, second = int(found[1]), int(found[3])
        if first > 12 >= second:
            return DateOrder(True)
        if second > 12 >= first:
            return DateOrder(False)
        if found[2] == ".":
            return DateOrder(True)  # no locale writes the month first with dots
    if locale:
        return DateOrder(not locale.lower().startswith(_AMERICAN))
    return DateOrder()


def local_time(text: str, order: DateOrder = DateOrder()) -> datetime | None:
    """Read a date with its time of day; None when it is none or its order is not known."""
    text = _MARKS.sub("", text).replace("\xa0", " ").replace("\u202f", " ").strip()
    found = _DATE.search(text)
    day = _numbers(found[1], found[3], found[4], order) if found else _in_words(text)
    if day is None:
        return None
    rest = text[found.end() :] if found else text
    hour, minute, second = _time_of_day(rest)
    try:
        return datetime(*day, hour, minute, second)
    except ValueError:
        return None


def _in_words(text: str) -> tuple[int, int, int] | None:
    """Read "Tuesday, November 14, 2017" and its like."""
    found = _LONG.search(text)
    month = month_of(found[1]) if found else None
    return (int(found[3]), month, int(found[2])) if found and month else None


def _numbers(first: str, middle: str, last: str, order: DateOrder) -> tuple[int, int, int] | None:
    month = int(middle) if middle.isdecimal() else month_of(middle)
    if month is None:
        return None
    if len(first) == 4:
        return int(first), month, int(last[:2])
    year = int(last) if len(last) == 4 else int(last) + (1900 if int(last) >= _PIVOT else 2000)
    if not middle.isdecimal():
        return year, month, int(first)
    one, two = int(first), int(middle)
    if one == two:
        return year, one, two
    day_first = order.day_first
    if day_first is None:
        day_first = True if one > 12 else False if two > 12 else None
    if day_first is None:
        return None
    return (year, two, one) if day_first else (year, one, two)


def _time_of_day(text: str) -> tuple[int, int, int]:
    found = _TIME.search(text)
    if not found:
        return 0, 0, 0
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    words = re.sub(r"[\d:.,]", " ", text.lower())
    latin = _HINDMOST.search(text)
    _, mornings, afternoons = _words()
    afternoon = (latin and latin[1].lower() == "p") or any(word in words for word in afternoons)
    morning = (latin and latin[1].lower() == "a") or any(word in words for word in mornings)
    if afternoon and hour < 12:
        hour += 12
    elif morning and hour == 12:
        hour = 0
    return hour, minute, second
