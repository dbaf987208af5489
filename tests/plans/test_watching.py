"""How long it must stay quiet, against the same worked out by hand and by throwing dice.

Source: a Poisson process whose rate has a Gamma(n, T) posterior stays quiet for t with the chance (T/(T+t))**n; bursts:
for a renewal process the variance of counts grows with the squared coefficient of variation of the gaps.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import quantiles

import pytest

from bugcheck.evidence.evidence import Event, Record, Span
from bugcheck.hypotheses.investigation import Investigation
from bugcheck.plans.watching import CONFIDENCE, Watch, burstiness, effective_count, quiet_time, watch_for
from tests.hypotheses.test_weighing import crash
from tests.timeline.cases import timeline_with

T = datetime(2024, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LOG = frozenset(["boot", "bugcheck"])


def watched(days: list[float], *, log_from: float | None = None, more: list[Record] | None = None) -> Watch:
    """The watch of a host that crashed on these days; `log_from`: its system log begins then."""
    seen = [crash(T + day * DAY, parameters=(1, 2, 3, number), uptime=3600.0) for number, day in enumerate(days)]
    files: dict[str, list[Record]] = {f"A/{number}.dmp": [each] for number, each in enumerate(seen)}
    if log_from is not None:
        files["A/system.log"] = [Span(T + log_from * DAY, T + days[-1] * DAY, LOG)]
    files["A/notes"] = more or []
    return watch_for(Investigation(timeline_with(files, hosts=dict.fromkeys(files, "A"))))


def test_the_storys_by_hand() -> None:
    """Four crashes in 30.3 days are three gaps: 30.3 d * (0.05**(-1/3) - 1) = 30.3 d * 1.7144 = 51.9 d."""
    watch = watched([0, 10, 22, 30.3])
    assert watch.quiet is not None
    assert watch.quiet / DAY == pytest.approx(30.3 * 1.7144, rel=1e-3)
    assert watch.until == T + 30.3 * DAY + watch.quiet
    assert watch.confidence == 0.95
    assert watch.basis.startswith("4 crashes in 30 d 7 h")


def test_the_formula_is_the_integral_over_all_rates() -> None:
    """Weigh exp(-rate t) by the Gamma density of the rate: 5 % remain after the time asked for."""
    count, observed = 3, 30.0
    times = [T + day * DAY for day in (0, 10, 20, 30)]
    quiet = quiet_time(count, observed * DAY, times)[0] / DAY
    step, total = 1e-4, 0.0
    for number in range(1, 20_000):
        rate = number * step
        density = observed**count * rate ** (count - 1) * math.exp(-rate * observed) / math.gamma(count)
        total += density * math.exp(-rate * quiet) * step
    assert total == pytest.approx(1 - CONFIDENCE, abs=2e-4)


def test_an_unfixed_system_is_quiet_so_long_in_one_case_of_twenty() -> None:
    """Throw dice: histories of four crashes at rates spread evenly in their logarithm, and how long the fifth takes."""
    dice, ratios = Random(17), list[float]()
    for _ in range(6000):
        rate = 10 ** dice.uniform(-2, 2)
        gaps = [dice.expovariate(rate) for _ in range(4)]
        ratios.append(gaps[3] / sum(gaps[:3]))
    asked = quiet_time(3, DAY, [T, T + DAY])[0] / DAY
    assert quantiles(ratios, n=20)[-1] == pytest.approx(asked, rel=0.15)


def test_bursts_carry_less_information() -> None:
    even, bursts = [T + day * DAY for day in (0, 1, 2, 3, 4)], [T + day * DAY for day in (0, 0.01, 0.02, 3.98, 4)]
    assert burstiness(even) == 0
    assert effective_count(4, even) == 4
    gaps = [0.01, 0.01, 3.96, 0.02]  # mean 1, variance 2.92: by hand
    assert burstiness(bursts) == pytest.approx(sum((gap - 1) ** 2 for gap in gaps) / 4, rel=1e-6)
    assert effective_count(4, bursts) == pytest.approx(4 / 2.92, rel=0.01)
    assert quiet_time(4, 4 * DAY, bursts)[0] > quiet_time(4, 4 * DAY, even)[0]
    assert quiet_time(4, 4 * DAY, bursts)[1] == ", in bursts"


def test_a_quiet_time_before_counts_unless_the_trouble_only_began_then() -> None:
    """Two gaps of ten days: 69 quiet days are the one case of twenty, so 31 before are nothing out of the ordinary."""
    assert watched([0, 10, 20]).basis.startswith("3 crashes in 20 d")
    assert watched([0, 10, 20], log_from=-5).basis.startswith("3 crashes in 25 d")
    assert watched([0, 10, 20], log_from=-31).basis.startswith("3 crashes in 51 d")
    dense = watched([0, 0.2, 0.4, 0.6], log_from=-31)
    assert dense.basis.startswith("4 crashes in 14 h"), "a month of quiet, then four in a day: it began"


def test_one_crash_after_a_month_of_quiet_is_too_rare_to_prove_a_fix() -> None:
    watch = watched([0], log_from=-31)
    assert watch.quiet == timedelta(days=365)
    assert watch.confidence == pytest.approx(1 - 31 / 396, abs=0.005)
    assert "too rare" in watch.basis


def test_what_was_done_starts_the_watch_anew() -> None:
    done = Event(T + 40 * DAY, "action", "replaced the cable", "[[action]] 1")
    watch = watched([0, 10, 20], more=[done])
    assert watch.since == T + 40 * DAY
    assert watch.until is not None
    assert watch.quiet is not None
    assert watch.until == watch.since + watch.quiet


def test_nothing_known() -> None:
    watch = watch_for(Investigation(timeline_with({})))
    assert (watch.quiet, watch.until) == (None, None)
    assert watched([0], log_from=None).quiet is not None, "its uptime is a time without a crash"
