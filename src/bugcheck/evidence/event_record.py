"""One entry of a Windows event log, whatever file it came from, as all its readers hand it on.

Source: Microsoft's [MS-EVEN6] for Vista and later (event data by name), [MS-EVEN] for 2000 to 2003 (numbered strings);
exports keep only the rendered text.  A reader fills what its file has and leaves the rest empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

TEXT_LIMIT = 300
"""Characters of a text made for people."""
MATCH_LIMIT = 1000
"""Characters of a rendered text that patterns look at: a bound on their work."""
LABEL_LIMIT = 8000
_SPACE = re.compile(r"[\s\x00-\x1f\x7f]+")
_COLON = re.compile("[:：]")
_LONGEST_LABEL = 60
_PARAMETER = re.compile(r"param\d+$")
NO_DATA: Mapping[str, str] = {}


class LogRecord(NamedTuple):
    """An entry; a tuple, for there are millions.

    Attributes:
        time: aware UTC, or naive: the host's wall clock.
        provider: who wrote it. code: event id without its upper half.
        where: place in the file. log: the channel ("System"), or "".
        host: the computer's name. user: a name or SID, or "".
        data: event data by name. strings: the same in order; of old events the numbered ones.
        message: the rendered text, where the file has it. binary: attached bytes.
        number: record number in its log, or None.
    """

    time: datetime
    provider: str
    code: int
    where: str
    log: str = ""
    host: str = ""
    user: str = ""
    data: Mapping[str, str] = NO_DATA
    strings: Sequence[str] = ()
    message: str = ""
    binary: bytes = b""
    number: int | None = None

    def string(self, index: int) -> str:
        """Return a numbered string from 0, "" when it is not there or the data have names of their own."""
        if index >= len(self.strings) or not all(map(_PARAMETER.match, self.data)):
            return ""
        return self.strings[index]

    def texts(self) -> Iterator[str]:
        """Yield every text of the entry, the rendered one first."""
        if self.message:
            yield self.message[:LABEL_LIMIT]
        yield from self.data.values()
        if not self.data:
            yield from self.strings


def one_line(text: str, limit: int = TEXT_LIMIT) -> str:
    """Put a text on one line, white space and control characters as single blanks, cut with an ellipsis."""
    if not (text.isprintable() and "  " not in text):
        text = _SPACE.sub(" ", text[: 4 * limit])
    text = text.strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"


def named_line(line: str, longest: int) -> tuple[str, str] | None:
    """Take `Name: value` apart; None for a line without a colon, without a name, or with one beyond `longest`."""
    colon = _COLON.search(line)
    name = line[: colon.start()].strip() if colon else ""
    return (name, line[colon.end() :]) if colon and 0 < len(name) <= longest else None


def labels_of(message: str) -> tuple[dict[str, str], list[str]]:
    """Read the `Label: value` lines of a rendered text.

    Returns the values by "label" and "section/label" in lower case, the first of each, and the values in order.  A
    label without a value opens a section.
    """
    named: dict[str, str] = {}
    values: list[str] = []
    section = ""
    for line in message[:LABEL_LIMIT].splitlines():
        pair = named_line(line, _LONGEST_LABEL)
        if pair is None or pair[1][:1] in ("\\", "/"):  # a path
            continue
        label, value = pair[0].lower(), pair[1].strip()
        if not value and not line[:1].isspace():
            section = label
            continue
        values.append(value)
        named.setdefault(label, value)
        named.setdefault(f"{section}/{label}", value)
    return named, values
