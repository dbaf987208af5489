"""A date as a program wrote it for people → a naive or UTC time.

Source: real logs: ISO and year-first dates; "9/27/2013 2:42:26 PM"; "27.09.2013 14:42:26"; "20160923 084725".

Folklore: 03/04/2008 is in March in one country and in April in another, and no log says which.  A day above 12
anywhere in the file decides it; dots mean day first; AM or PM means month first; else month first is a guess, and
`guessed` says so.  A comma or dot before the fraction, and a zone word behind the time, come and go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

_DATE = re.compile(
    r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})(?:[ T,;\t]+(\d{1,2})[:.](\d\d)(?:[:.](\d\d))?(?:[.,](\d{1,9}))?"
    r"(?: ?([AaPp])\.?[Mm]\.?)?(?: ?(Z|UTC|GMT)\b)?)?"
)
_PACKED = re.compile(r"(\d{4})(\d\d)(\d\d)[ T\t]*(\d\d):?(\d\d):?(\d\d)?")
CENTURY = 70
"""Years of two digits from here on are of the twentieth century."""


class WrittenDates:
    """Reads the dates of one file.

    Attributes:
        day_first: whether 03/04 is the third of April; None until something decides.
        guessed: a date was read that could have been either.
    """

    def __init__(self, samples: Iterable[str] = ()) -> None:
        """Look through `samples` (lines of the file's head) for a date that can only be read in one way."""
        self.day_first: bool | None = None
        self.guessed = False
        for sample in samples:
            match = _DATE.search(sample)
            if match and self.day_first is None:
                self._learn(match)

    def _learn(self, match: re.Match[str]) -> None:
        first, second = int(match[1]), int(match[3])
        if len(match[1]) == 4:
            return
        if first > 12 or second > 12:
            self.day_first = first > 12
        elif match[2] == ".":
            self.day_first = True

    def parse(self, text: str) -> datetime | None:
        """Read the date and time at the beginning of `text`; None when there is none, or no such day."""
        if match := _DATE.match(text):
            return self._dated(match)
        if match := _PACKED.match(text):
            return _made(int(match[1]), int(match[2]), int(match[3]), int(match[4]), int(match[5]), int(match[6] or 0))
        return None

    def _dated(self, match: re.Match[str]) -> datetime | None:
        first, second, third = int(match[1]), int(match[3]), int(match[4])
        if len(match[1]) == 4:
            year, month, day = first, second, third
        else:
            self._learn(match)
            if self.day_first is None and first != second and not match[9]:
                self.guessed = True
            day, month = (first, second) if self.day_first else (second, first)
            year = third if len(match[4]) == 4 else third + (1900 if third >= CENTURY else 2000)
        hour = int(match[5] or 0)
        if match[9]:
            hour = hour % 12 + (12 if match[9] in "pP" else 0)
        made = _made(year, month, day, hour, int(match[6] or 0), int(match[7] or 0))
        if made and match[8]:
            made = made.replace(microsecond=int(match[8][:6].ljust(6, "0")))
        return made.replace(tzinfo=UTC) if made and match[10] else made


def _made(year: int, month: int, day: int, hour: int, minute: int, second: int) -> datetime | None:
    try:
        return datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
