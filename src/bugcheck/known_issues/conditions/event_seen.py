"""Events → was one of a kind seen, within how long before the crash?

Source: event kinds of knowledge/event_kinds.tsv.

Folklore: a log that says nothing may cover the minutes or not; only the first is an answer.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import islice

from bugcheck.known_issues.condition import Outcome, Values, duration, fails, fits, holds, issue_test, untested
from bugcheck.known_issues.situation import SeenEvent, Situation

MOST_EVENTS = 500_000
"""Events of the kinds asked for that are looked at, the newest first."""


@issue_test("kind", may=("within", "after", "code", "source", "where", "text"))
def event_seen(values: Values, situation: Situation) -> Outcome:
    """An event of a kind was seen before the crash (within "10 minutes"; after: how long behind counts)."""
    kinds, within = values.texts("kind"), values.text("within")
    crash = situation.crash
    time = crash.time if crash else None
    window, behind = duration(within), duration(values.text("after")) or timedelta()
    what = " or ".join(kind.replace("_", " ") for kind in kinds) + _detail(values)
    if within and (time is None or window is None):
        return untested(f"{what} within {within} before the crash: the crash's time is not known")
    start = time - window if time and window else None
    end = time + behind if time else None
    for seen in islice(situation.events(kinds, start, end), MOST_EVENTS):
        if _is_event(seen, values):
            return holds(f"{seen.time:%Y-%m-%d %H:%M:%S} UTC: {seen.text}", (seen.cited,))
    when = f" within {within} before the crash" if within else ""
    if situation.covered(kinds, start, end):
        return fails(f"no {what}{when}, though the evidence covers it")
    return untested(f"{what}{when}: no evidence covers it")


def _detail(values: Values) -> str:
    parts = [f"{name} {' or '.join(patterns)}" for name, patterns in values.fields("where").items()]
    parts += [f"code {code}" for code in values.texts("code")] + list(values.texts("source"))
    return f" ({', '.join(parts)})" if parts else ""


def _is_event(seen: SeenEvent, values: Values) -> bool:
    codes, sources, texts = values.texts("code"), values.texts("source"), values.texts("text")
    return (
        (not codes or str(seen.code) in codes)
        and (not sources or fits(seen.source, sources))
        and (not texts or fits(seen.text, texts))
        and all(fits(seen.fields.get(name, ""), patterns) for name, patterns in values.fields("where").items())
    )
