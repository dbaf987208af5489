"""A date and time as some Windows in some country writes it → a datetime.

Source: the short date and time forms of Windows' regional settings (`LOCALE_SSHORTDATE`, `LOCALE_STIMEFORMAT`):
`11/14/2017 7:31:44 PM`, `14.11.2017 19:31:44`, `2017/11/14 下午 07:31:44`, `14/11/2017 19.31.44`, `14-Nov-17`,
`2017-11-14T19:31:44.658Z`; programs' own: `20160923 084725`; with marks of direction (U+200E) since Windows 7, which
tools that write an ANSI code page turn into question marks.

Folklore: 04/11/2017 is April in the United States and November elsewhere.  One file has one order, so all its dates
decide together: a number above 12 tells, dots put the day first everywhere, a locale the file names tells, the order in
which the entries stand tells.  Where nothing does, the form is followed (slashes with AM and PM are American, else the
day comes first), and a Gap says that it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from functools import cache
from itertools import pairwise

from bugcheck.gaps import Gap
from bugcheck.knowledge.tables import table

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
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_LONGEST = 120
_SAMPLE_OF = re.compile(r"(?<![\d.:])(?:\d{1,4})([-/.])\s?(?:\d{1,2})\1\s?(?:\d{4}|\d{2})(?![\d.]|\s?[-/]).{0,24}")
_AT_START = re.compile(
    r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})(?:[ T,;\t]+(\d{1,2})[:.](\d\d)(?:[:.](\d\d))?(?:[.,](\d{1,9}))?"
    r"(?: ?([AaPp])\.?[Mm]\.?)?(?: ?(Z|UTC|GMT)\b)?)?"
)
_PACKED = re.compile(r"(\d{4})(\d\d)(\d\d)[ T\t]*(\d\d):?(\d\d):?(\d\d)?")
_ANYWHERE = re.compile(
    r"(?<!\d)(\d{1,4})\s?([./\- 年년])\s?(\d{1,2}|[^\W\d_]{3,12}\.?)\s?[./\- 月월]\s?(\d{2,4})(?!\d)"
)
_CLOCK = re.compile(r"(?<!\d)(\d{1,2})[:.時时](\d{2})(?:[:.分](\d{2}))?(?:[.,](\d{1,6}))?")
_LONG = re.compile(r"(?:[^\W\d_]{3,12}\.?,?\s+)?([^\W\d_]{3,12})\.?\s+(\d{1,2}),?\s+(\d{4})")
_HINDMOST = re.compile(r"\b([ap])\.?\s?m\.?(?![^\W\d_])", re.IGNORECASE)
_AMERICAN = ("en-us", "en_us", "es-us", "fil-ph", "en-ph", "en-bz")
CENTURY = 70
"""Years of two digits from here on are of the twentieth century."""


class DateOrder(Enum):
    """In what order day, month and year stand."""

    YEAR_FIRST = "year, month, day"
    DAY_FIRST = "day, month, year"
    MONTH_FIRST = "month, day, year"


def full_year(year: int) -> int:
    """Put the century before a year of two digits."""
    return year + (2000 if year < CENTURY else 1900 if year < 100 else 0)


def without_marks(text: str) -> str:
    """Remove the marks of direction, and the question marks that stand for them beside digits."""
    text = text[:_LONGEST]
    return text if text.isascii() and "?" not in text else _MARKS.sub("", text)


def read_stamp(text: str, order: DateOrder) -> datetime | None:
    """Read a date with a time; naive unless the text names UTC or an offset.  None when it is neither."""
    text = without_marks(text)
    if _ISO.match(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass  # more behind it, or no such day
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
    if DateOrder.DAY_FIRST in possible and _with_dots(dates):
        return DateOrder.DAY_FIRST, True  # no locale puts the month first with dots
    turns = {order: _turns(dates, order) for order in (DateOrder.DAY_FIRST, DateOrder.MONTH_FIRST)}
    if turns[DateOrder.DAY_FIRST] != turns[DateOrder.MONTH_FIRST]:
        return min(turns, key=lambda order: turns[order]), True
    return _order_by_form(dates), False


def unproven_order(path: str, order: DateOrder) -> Gap:
    """Say that the dates of a file were read in an order that only their form speaks for."""
    return Gap(f"day and month in the dates of {path}, read as {order.value}", "a day above 12 in one of them")


class Dates:
    """The dates of one file: their order, how sure it is, and reading them.

    Attributes:
        order: of day, month and year. proven: something but the form tells it.
    """

    def __init__(self, samples: Iterable[str] = (), locale: str = "") -> None:
        """Take texts with dates, in the file's order, and the locale the file names ("en-us")."""
        self.order = DateOrder.MONTH_FIRST
        self.proven = self._known = False
        self._guess: DateOrder | None = None
        self.see(samples)
        if locale and not self.proven:
            american = locale.lower().startswith(_AMERICAN)
            self.order, self.proven = DateOrder.MONTH_FIRST if american else DateOrder.DAY_FIRST, True

    @property
    def guessed(self) -> bool:
        """Whether a date was read by its form alone, and no later one has shown that this was right."""
        return self._guess is not None and not (self.proven and self._guess is self.order)

    def see(self, samples: Iterable[str]) -> None:
        """Learn the order from further texts, unless it is proven already."""
        if self.proven:
            return
        dated = [found[0] for text in samples if (found := _SAMPLE_OF.search(without_marks(text)))]
        if dated:
            self.order, self.proven = order_of_all(dated)
            self._known = True

    def parse(self, text: str) -> datetime | None:
        """Read the date and time at the beginning of a text; None when there is none, or no such day."""
        if found := _AT_START.match(text):
            hour = int(found[5] or 0)
            if found[9]:
                hour = hour % 12 + (12 if found[9] in "pP" else 0)
            day = self._day(found[1], found[3], found[4], text)
            made = _made(day, hour, int(found[6] or 0), int(found[7] or 0))
            if made and found[8]:
                made = made.replace(microsecond=int(found[8][:6].ljust(6, "0")))
            return made.replace(tzinfo=UTC) if made and found[10] else made
        if found := _PACKED.match(text):
            day = (int(found[1]), int(found[2]), int(found[3]))
            return _made(day, int(found[4]), int(found[5]), int(found[6] or 0))
        return None

    def read(self, text: str) -> datetime | None:
        """Read a date, and the time of day where there is one, anywhere in a text; None when it is none."""
        text = without_marks(text).replace("\xa0", " ").replace("\u202f", " ").strip()
        found = _ANYWHERE.search(text)
        day = self._day_or_word(found, text) if found else _day_in_words(text)
        return _made(day, *_time_of_day(text[found.end() :] if found else text))

    def gaps(self, path: str) -> Iterator[Gap]:
        """Say it when dates were read in an order that nothing proves."""
        if self.guessed:
            yield unproven_order(path, self.order)

    def _day_or_word(self, found: re.Match[str], text: str) -> tuple[int, int, int] | None:
        if found[3].isdecimal():
            return self._day(found[1], found[3], found[4], text)
        month = month_of(found[3])
        if month is None:
            return None
        if len(found[1]) == 4:
            return int(found[1]), month, int(found[4][:2])
        return full_year(int(found[4])), month, int(found[1])

    def _day(self, first: str, second: str, third: str, text: str) -> tuple[int, int, int]:
        """Return year, month and day; learn from them, and note a guess."""
        a, b = int(first), int(second)
        if len(first) == 4:
            return a, b, int(third[:2])
        if a > 12 >= b or b > 12 >= a:
            self.order, self.proven = (DateOrder.DAY_FIRST if a > 12 else DateOrder.MONTH_FIRST), True
        elif not (self._known or self.proven):
            self.order, self.proven, self._known = *order_of_all([text]), True
        if not self.proven and a != b:
            self._guess = self.order
        day, month = (b, a) if self.order is DateOrder.MONTH_FIRST else (a, b)
        return full_year(int(third)), month, day


@cache
def _calendar() -> tuple[dict[str, int], frozenset[str], frozenset[str]]:
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
    return _calendar()[0].get(word.lower().rstrip("."))


def _day_in_words(text: str) -> tuple[int, int, int] | None:
    """Read "Tuesday, November 14, 2017" and its like."""
    found = _LONG.search(text)
    month = month_of(found[1]) if found else None
    return (int(found[3]), month, int(found[2])) if found and month else None


def _time_of_day(text: str) -> tuple[int, int, int]:
    found = _CLOCK.search(text)
    if not found:
        return 0, 0, 0
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    words = re.sub(r"[\d:.,]", " ", text.lower())
    latin = _HINDMOST.search(text)
    _, mornings, afternoons = _calendar()
    afternoon = (latin and latin[1].lower() == "p") or any(word in words for word in afternoons)
    morning = (latin and latin[1].lower() == "a") or any(word in words for word in mornings)
    if afternoon and hour < 12:
        hour += 12
    elif morning and hour == 12:
        hour = 0
    return hour, minute, second


def _made(day: tuple[int, int, int] | None, hour: int, minute: int, second: int) -> datetime | None:
    try:
        return datetime(*day, hour, minute, second) if day else None
    except ValueError:
        return None


def _with_dots(dates: Iterable[str]) -> bool:
    found = [match for date in dates if (match := _DATE_OF.search(without_marks(date)))]
    return bool(found) and all(match[0].count(".") == 2 for match in found)


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
    year = full_year(year)
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
