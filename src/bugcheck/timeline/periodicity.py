"""Times of crashes → whether they follow the clock, another kind of event, or load.

Source: statistics.  For the clock: how concentrated the times of day are (the Rayleigh test: p ≈ exp(-n R²)).  For
events: how many crashes have one in the minutes before, against how many random moments of the host's running time have
(the binomial tail).  Neither says anything with fewer than three crashes.

Folklore: a host that runs a job every hour has one before every crash; only comparison with the other hours tells.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from math import comb, cos, exp, hypot, pi, sin

LEAST_CRASHES = 3
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ClockPattern:
    """How concentrated times are on one time of day.

    Attributes:
        strength: 0 (spread evenly) to 1 (always the same time).
        chance: how likely such a concentration is by accident.
        time: mean time of day, local. crashes: how many were looked at.
    """

    strength: float
    chance: float
    time: timedelta
    crashes: int


@dataclass(frozen=True, slots=True)
class Precedence:
    """How often something happens in the minutes before a crash, against how often it happens anyway.

    Attributes:
        hits: crashes with one before. crashes: all of them.
        expected: part of the whole time that lies within the window behind one.
        chance: how likely that many hits are by accident.
    """

    hits: int
    crashes: int
    expected: float
    chance: float


def clock_pattern(times: Sequence[datetime], zone: tzinfo, period: timedelta = DAY) -> ClockPattern | None:
    """Look for a preferred time of day (or of another period); None with fewer than three times."""
    if len(times) < LEAST_CRASHES:
        return None
    seconds = period.total_seconds()
    walls = [_seconds_of_day(moment, zone) % seconds for moment in times]
    angles = [2 * pi * wall / seconds for wall in walls]
    x, y = sum(map(cos, angles)) / len(angles), sum(map(sin, angles)) / len(angles)
    strength = hypot(x, y)
    mean = (sum(_towards(walls[0], wall, seconds) for wall in walls) / len(walls) + walls[0]) % seconds
    return ClockPattern(strength, exp(-len(times) * strength**2), timedelta(seconds=mean), len(times))


def _seconds_of_day(moment: datetime, zone: tzinfo) -> float:
    wall = moment.astimezone(zone)
    return wall.hour * 3600 + wall.minute * 60 + wall.second + wall.microsecond / 1e6


def _towards(start: float, end: float, period: float) -> float:
    """The shorter way round from one time of day to another."""
    return (end - start + period / 2) % period - period / 2


def precedence(
    crashes: Sequence[datetime], events: Sequence[datetime], window: timedelta, span: tuple[datetime, datetime]
) -> Precedence:
    """Count crashes that have an event within `window` before them; `span` is the time both were looked for in."""
    ordered = sorted(events)
    hits = sum(bisect_right(ordered, crash) > bisect_left(ordered, crash - window) for crash in crashes)
    expected = min(1.0, _behind(ordered, window, span))
    return against_chance(hits, len(crashes), expected)


def against_chance(hits: int, crashes: int, expected: float) -> Precedence:
    """Hold hits against a part of time (or of boots) that would have one anyway: the binomial tail."""
    tail = sum(comb(crashes, k) * expected**k * (1 - expected) ** (crashes - k) for k in range(hits, crashes + 1))
    return Precedence(hits, crashes, expected, min(1.0, tail))


def combined(parts: Sequence[Precedence]) -> Precedence:
    """Count the crashes of several hosts together, each against what is usual on its own (a Poisson binomial tail)."""
    if len(parts) == 1:
        return parts[0]
    hits, crashes = sum(each.hits for each in parts), sum(each.crashes for each in parts)
    chances = [1.0]  # of 0, 1, 2 … crashes with an event before them by accident
    for each in parts:
        for _ in range(each.crashes):
            lower = [0.0, *chances]
            chances = [a * (1 - each.expected) + b * each.expected for a, b in zip([*chances, 0.0], lower, strict=True)]
    expected = sum(each.expected * each.crashes for each in parts) / max(1, crashes)
    return Precedence(hits, crashes, expected, min(1.0, sum(chances[hits:])))


def _behind(events: Sequence[datetime], window: timedelta, span: tuple[datetime, datetime]) -> float:
    """The part of a span that lies within `window` behind an event."""
    start, end = span
    length = (end - start).total_seconds()
    if length <= 0:
        return 1.0
    total, reached = 0.0, start
    for event in events:
        first, last = max(event, reached), min(event + window, end)
        if last > first:
            total += (last - first).total_seconds()
            reached = last
    return total / length
