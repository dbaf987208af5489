"""An entry of an event log and its fields so far → further fields, and what every step needs for that.

A step gets the entry and the fields found so far, changes the fields, and returns a kind where the values decide it
("none" for no kind at all), else "".  Fields that begin with an underscore serve the sentence only.  Which event takes
which step stands in knowledge/events.tsv.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from bugcheck.evidence.event_record import MATCH_LIMIT, LogRecord, one_line

Fields = dict[str, str]
Step = Callable[[LogRecord, Fields], str]

_NUMBER = re.compile(r"^(?:0x([0-9a-f]{1,16})|(\d{1,20}))$", re.IGNORECASE)


def into(steps: dict[str, Step]) -> Callable[[Step], Step]:
    """Return a decorator that puts a step into `steps` by its name."""

    def register(step: Step) -> Step:
        steps[step.__name__] = step
        return step

    return register


def number_of(text: str) -> int | None:
    """Read a decimal number or one with 0x; None for anything else."""
    match = _NUMBER.match(text.strip())
    if match is None:
        return None
    return int(match[1], 16) if match[1] else int(match[2])


def set_message(record: LogRecord, fields: Fields) -> None:
    """Take the first telling line as the message."""
    if "message" not in fields:
        lines = (one_line(line) for text in record.texts() for line in text[:MATCH_LIMIT].splitlines())
        fields["message"] = next((line for line in lines if len(line) > 3), f"event {record.code}")


def one_line_fields(fields: Fields) -> None:
    """Bring every value onto one line."""
    fields.update({name: one_line(value) for name, value in fields.items()})
