"""Weighed hypotheses → how sure the first one is, as a number and in the words a verdict on a dump uses.

Source: the log-odds of `hypotheses.weighing`; the words and their limits are `verdict.blame`'s, so that "high" means
the same on both pages.

The number is the first one's share of all odds that are not eliminated, with even odds (1) for a cause nobody has
thought of.  It is no measured rate: real incidents with a known cause are too few to measure one.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

from bugcheck.hypotheses.hypothesis import Hypothesis, State
from bugcheck.verdict.blame import level_of

UNTHOUGHT = 1.0
"""Odds of a cause that is among no hypotheses."""
_MOST = 30.0


def confidence_of(hypotheses: Sequence[Hypothesis]) -> float | None:
    """The first supported one's share of the odds; None when none is supported."""
    alive = [each for each in hypotheses if each.state in (State.SUPPORTED, State.NOT_ELIMINATED)]
    if not alive or alive[0].state is not State.SUPPORTED:
        return None
    odds = [exp(max(-_MOST, min(_MOST, each.log_odds))) for each in alive]
    return odds[0] / (sum(odds) + UNTHOUGHT)


def level_word(confidence: float) -> str:
    """high, medium, low or none: what a verdict calls so much confidence."""
    return level_of(confidence)
