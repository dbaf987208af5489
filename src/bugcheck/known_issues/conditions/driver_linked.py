"""PE time stamps of drivers → was a driver made before or since a day?

Source: the lists `drivers_seen` draws on.
"""

from __future__ import annotations

from datetime import UTC, datetime

from bugcheck.known_issues.condition import Outcome, Values, fails, holds, issue_test, untested
from bugcheck.known_issues.drivers_seen import drivers_seen
from bugcheck.known_issues.situation import Situation


@issue_test("driver", may=("before", "since"))
def driver_linked(values: Values, situation: Situation) -> Outcome:
    """A driver was linked before or since a day (2009-07-14), as its PE time stamp tells."""
    names = values.texts("driver")
    seen = next((each for each in drivers_seen(situation, names) if each.linked), None)
    if seen is None or seen.linked is None:
        return untested(f"when {' or '.join(names)} was made: no time stamp at hand")
    before, since = _day(values.text("before")), _day(values.text("since"))
    inside = (before is None or seen.linked < before) and (since is None or seen.linked >= since)
    sentence = f"{seen.name} was linked on {seen.linked:%Y-%m-%d}"
    return (holds if inside else fails)(sentence, (seen.cited,))


def _day(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
    except ValueError:
        return None
