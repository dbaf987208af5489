"""A row of the event store → a TimedEvent.

Source: the columns are `store.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from bugcheck.timeline.store import fields_of, moment_of

COLUMNS = "id,utc,host,kind,text,source,code,fields,place,evidence,count,span"


class TimedEvent(NamedTuple):
    """An event in its place in time; a tuple, for a question may look at a hundred thousand.

    Attributes:
        number: of its row, to cite it by. time: UTC, the host's clock set right.
        host: "" when nobody knows. kind, text, source, code, fields: as in `evidence.Event`.
        where: place in the file `evidence` (an id).
        count: equal events this one stands for. until: when the last of them was.
    """

    number: int
    time: datetime
    host: str
    kind: str
    text: str
    source: str
    code: int | None
    fields: Mapping[str, str]
    where: str
    evidence: str
    count: int  # pyright: ignore[reportIncompatibleMethodOverride]  # nobody counts an event's values
    until: datetime


def timed_event(row: tuple[Any, ...]) -> TimedEvent:
    """Make one of a row of COLUMNS."""
    number, utc, host, kind, text, source, code, fields, place, evidence, count, span = row
    time = moment_of(utc)
    return TimedEvent(
        number, time, host or "", kind, text, source, code, fields_of(fields), place, evidence, count,
        moment_of(utc + span) if span else time,
    )  # fmt: skip
