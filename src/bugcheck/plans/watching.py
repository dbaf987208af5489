"""The crash history → how long it must stay quiet before a fix counts.

Source: with n crashes in a time T at an unknown constant rate, the chance that the unfixed system stays quiet for t is
(T/(T+t))**n (the predictive distribution of a Poisson process whose rate has a Gamma(n, T) posterior).  The quiet time
asked for makes that chance 5 %.  Crashes that come in bursts carry less information: n is then divided by their index
of dispersion.

Folklore: "it has not crashed since Tuesday" is believed after two days by everybody, whatever its rate was.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import mean, pvariance

from bugcheck.hypotheses.investigation import Investigation
from bugcheck.timestamps import format_span

CONFIDENCE = 0.95
LONGEST = timedelta(days=365)
SHORTEST = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Watch:
    """How long to watch.

    Attributes:
        quiet: how long it must stay quiet, None when the history gives no rate.
        since: from when it counts: the last crash, or the last thing done after it.
        until: since + quiet. confidence: 0.95. basis: why so long, a sentence.
    """

    quiet: timedelta | None
    since: datetime | None
    until: datetime | None
    confidence: float
    basis: str


def watch_for(investigation: Investigation) -> Watch:
    """Work out the watch from the crashes and from what people did after the last one."""
    times = investigation.times
    if not times:
        return Watch(None, None, None, CONFIDENCE, "the time of no crash is known")
    acted = [event.time for event in investigation.timeline.events("action", start=times[-1])]
    since = max([times[-1], *acted])
    observed, count = _history(investigation, times)
    if observed <= timedelta():
        return Watch(None, since, None, CONFIDENCE, "one crash alone tells no rate; note how long it ran well before")
    quiet, bursts = quiet_time(count, observed, times)
    crashes = f"{len(times)} crash{'es' * (len(times) > 1)} in {format_span(observed.total_seconds())}"
    basis = f"{crashes}{bursts}: unfixed, it would stay quiet so long in {1 - CONFIDENCE:.0%} of cases"
    if quiet > LONGEST:
        return Watch(LONGEST, since, since + LONGEST, CONFIDENCE, f"{crashes}: too rare to prove a fix by waiting")
    return Watch(quiet, since, since + quiet, CONFIDENCE, basis)


def _history(investigation: Investigation, times: list[datetime]) -> tuple[timedelta, int]:
    """How long was looked, and how many crashes there were in it."""
    if len(times) > 1:
        start, _ = investigation.span()
        whole = investigation.timeline.coverage(("boot", "bugcheck"), start, times[-1], investigation.failed[0])
        return (times[-1] - start if whole.whole else times[-1] - times[0]), (
            len(times) if whole.whole else len(times) - 1
        )
    uptimes = [seen.uptime for seen in investigation.seen if seen.uptime]
    return timedelta(seconds=max(uptimes, default=0)), 1


def quiet_time(count: int, observed: timedelta, times: list[datetime]) -> tuple[timedelta, str]:
    """How long it must stay quiet, and words on bursts ("" without)."""
    gaps = [(b - a).total_seconds() for a, b in pairwise(times)]
    dispersion = pvariance(gaps) / mean(gaps) ** 2 if len(gaps) >= 3 and mean(gaps) else 1.0
    effective = max(1.0, count / max(1.0, dispersion))
    factor = (1 - CONFIDENCE) ** (-1 / effective) - 1
    quiet = max(SHORTEST, observed * factor)
    return quiet, ", in bursts" if dispersion > 1.5 else ""
