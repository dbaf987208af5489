"""The crash history → how long it must stay quiet before a fix counts.

Source: with n crashes in a time T at an unknown constant rate, the chance that the unfixed system stays quiet for t is
(T/(T+t))**n (the predictive distribution of a Poisson process whose rate has a Gamma(n, T) posterior).  The quiet time
asked for makes that chance 5 %.  Crashes that come in bursts carry less information: n is then divided by the squared
coefficient of variation of the gaps between them (1 for a Poisson process).

Folklore: "it has not crashed since Tuesday" is believed after two days by everybody, whatever its rate was.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import mean, pvariance

from bugcheck.hypotheses.investigation import LOOK_BACK, Investigation
from bugcheck.timestamps import format_span

CONFIDENCE = 0.95
LONGEST = timedelta(days=365)
SHORTEST = timedelta(hours=12)
LEAST_GAPS, BURSTS = 3, 1.5
"""Gaps from which bursts can be told at all, and the squared coefficient of variation from which they are told of."""


@dataclass(frozen=True, slots=True)
class Watch:
    """How long to watch.

    Attributes:
        quiet: how long it must stay quiet, None when the history gives no rate.
        since: from when it counts: the last crash, or the last thing done after it.
        until: since + quiet. confidence: that quiet so long is not chance: 0.95, less where a year would not do.
        basis: why so long, a sentence.
    """

    quiet: timedelta | None
    since: datetime | None
    until: datetime | None
    confidence: float
    basis: str


def watch_for(investigation: Investigation) -> Watch:
    """Work out the watch from the crashes (without any, from stops that left no bug check) and from what was done."""
    stops = [stop.time for stop in investigation.stops if stop.time is not None]
    times = investigation.times or stops
    if not times:
        return Watch(None, None, None, CONFIDENCE, "the time of no crash is known")
    acted = [event.time for event in investigation.timeline.events("action", start=times[-1])]
    since = max([times[-1], *acted])
    observed, count = _history(investigation, times)
    if observed <= timedelta():
        return Watch(None, since, None, CONFIDENCE, "one crash alone tells no rate; note how long it ran well before")
    quiet, bursts = quiet_time(count, observed, times)
    what = ("crash", "crashes") if investigation.times else ("stop", "stops")
    crashes = f"{len(times)} {what[len(times) > 1]} in {format_span(observed.total_seconds())}"
    basis = f"{crashes}{bursts}: unfixed, it would stay quiet so long in {1 - CONFIDENCE:.0%} of cases"
    if quiet > LONGEST:
        sure = round(1 - (observed / (observed + LONGEST)) ** effective_count(count, times), 2)
        basis = (
            f"{crashes}{bursts}: too rare to be sure by waiting; after a year without, chance is still {1 - sure:.0%}"
        )
        return Watch(LONGEST, since, since + LONGEST, sure, basis)
    return Watch(quiet, since, since + quiet, CONFIDENCE, basis)


def _history(investigation: Investigation, times: list[datetime]) -> tuple[timedelta, int]:
    """How long was looked, and how many crashes there were in it.

    A quiet time before the first crash counts where the log speaks for it and it is nothing out of the ordinary at the
    rate since; a longer one means that the trouble began with the first crash: only what came since tells its rate.
    """
    lead = _quiet_before(investigation, times[0])
    if len(times) == 1:
        uptimes = [seen.uptime for seen in investigation.seen if seen.uptime]
        return max(lead, timedelta(seconds=max(uptimes, default=0))), 1
    lasted = times[-1] - times[0]
    if timedelta() < lead <= quiet_time(len(times) - 1, lasted, times)[0]:
        return lasted + lead, len(times)
    return lasted, len(times) - 1


def _quiet_before(investigation: Investigation, first: datetime) -> timedelta:
    """How long before the first crash the log of that host speaks for crashes, and tells of none."""
    host = next((crash.host for crash in investigation.stops if crash.time == first), None)
    start = investigation.span()[0] if investigation.times else first - LOOK_BACK
    parts = investigation.timeline.coverage(("bugcheck",), start, first, host).covered
    return first - parts[-1][0] if parts and parts[-1][1] >= first else timedelta()


def quiet_time(count: int, observed: timedelta, times: list[datetime]) -> tuple[timedelta, str]:
    """How long it must stay quiet, and words on bursts ("" without)."""
    factor = (1 - CONFIDENCE) ** (-1 / effective_count(count, times)) - 1
    return max(SHORTEST, observed * factor), ", in bursts" if burstiness(times) > BURSTS else ""


def burstiness(times: list[datetime]) -> float:
    """The squared coefficient of variation of the gaps: 1 for a Poisson process; 1 as well with too few to tell."""
    gaps = [(b - a).total_seconds() for a, b in pairwise(times)]
    return pvariance(gaps) / mean(gaps) ** 2 if len(gaps) >= LEAST_GAPS and mean(gaps) else 1.0


def effective_count(count: int, times: list[datetime]) -> float:
    """How many crashes of a Poisson process tell as much about the rate: fewer where they come in bursts."""
    return max(1.0, count / max(1.0, burstiness(times)))
