"""An Investigation → Hypotheses in order of support, what tells them apart, and the test that would change the order.

Source: `hypothesis.py` for how one is weighed.  People's judgements come from their notes, and are kept with reasons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bugcheck.extensions import guarded
from bugcheck.gaps import Gap
from bugcheck.hypotheses.hypothesis import HYPOTHESES, Hypothesis, Judgement, Outcome, Prediction, State
from bugcheck.hypotheses.investigation import Investigation, cite_fact

TELLING = 0.5
"""Log-odds from which a piece of evidence is said to tell hypotheses apart."""
NEAR = 1.0
"""Log-odds below the first within which a hypothesis must be able to come for its test to be worth asking for."""
MOST_DISCRIMINATING = 8
WITHIN = 2.5
"""A test matters when its outcome could bring a hypothesis so near to the first."""
_ORDER = {State.SUPPORTED: 0, State.NOT_ELIMINATED: 1, State.UNTESTED: 2, State.ELIMINATED: 3}


@dataclass(frozen=True, slots=True)
class Discriminating:
    """A piece of evidence that tells hypotheses apart: what was found, and for and against whom it speaks (keys)."""

    told: str
    speaks_for: tuple[str, ...]
    speaks_against: tuple[str, ...]
    strength: float
    prediction: Prediction


@dataclass(frozen=True, slots=True)
class NextTest:
    """The test that would change most: what to look at, how, and what would change."""

    what: str
    how: str
    would_change: str
    hypothesis: str


@dataclass(frozen=True, slots=True)
class Weighed:
    """All hypotheses, in order of support.

    Attributes:
        hypotheses: supported ones first, then by log-odds. discriminating: strongest first.
        next_test: or None when nothing is untested. gaps: what went wrong.
    """

    hypotheses: tuple[Hypothesis, ...]
    discriminating: tuple[Discriminating, ...]
    next_test: NextTest | None
    gaps: tuple[Gap, ...]


def weigh(investigation: Investigation) -> Weighed:
    """Ask every rule for its hypotheses and weigh them; a rule that fails leaves a gap."""
    found: list[Hypothesis] = []
    gaps = [Gap(f"the hypothesis in {each.module}", each.error) for each in HYPOTHESES.broken]
    for rule in HYPOTHESES:
        for answer in guarded(lambda rule=rule: rule.propose(investigation), lambda words: Gap("", words)):
            if isinstance(answer, Gap):
                gaps.append(Gap(f"what the hypothesis {rule.name} would say", f"it failed: {answer.missing}"))
            else:
                found.append(_judged(investigation, answer))
    ordered = sorted(found, key=lambda each: (_ORDER[each.state], -each.log_odds, each.key))
    return Weighed(tuple(ordered), tuple(_discriminating(ordered)), _next_test(ordered), tuple(gaps))


def _judged(investigation: Investigation, hypothesis: Hypothesis) -> Hypothesis:
    """Add what people set in their notes."""
    judgements: list[Judgement] = []
    for placed in investigation.facts("judgement"):
        fact = placed.fact
        if fact.name not in (hypothesis.id, hypothesis.key):
            continue
        state = next((each for each in State if each.value == fact.fields.get("state")), None)
        by, reason = fact.fields.get("who", ""), fact.fields.get("reason", "")
        judgements.append(Judgement(by, reason, state, _number(fact.fields.get("add", "")), cite_fact(placed)))
    return replace(hypothesis, judgements=tuple(judgements)) if judgements else hypothesis


def _number(text: str) -> float:
    try:
        return max(-10.0, min(10.0, float(text)))
    except ValueError:
        return 0.0


def _discriminating(hypotheses: Sequence[Hypothesis]) -> list[Discriminating]:
    """Evidence on one topic that moves some hypotheses up and others down, or only some at all."""
    by_topic: dict[str, list[tuple[Hypothesis, Prediction]]] = {}
    for hypothesis in hypotheses:
        for prediction in hypothesis.counted:
            if abs(prediction.weight) >= TELLING:
                by_topic.setdefault(prediction.topic, []).append((hypothesis, prediction))
    found: list[Discriminating] = []
    for pairs in by_topic.values():
        strongest = max((prediction for _, prediction in pairs), key=lambda each: abs(each.weight))
        told = strongest.told
        speaks_for = tuple(dict.fromkeys(h.key for h, prediction in pairs if prediction.weight > 0))
        against = tuple(dict.fromkeys(h.key for h, prediction in pairs if prediction.weight < 0))
        if len({*speaks_for, *against}) < len(hypotheses):
            found.append(Discriminating(told, speaks_for, against, abs(strongest.weight), strongest))
    alive = [each.key for each in hypotheses if each.state is not State.ELIMINATED]

    def order(each: Discriminating) -> tuple[bool, bool, float, str]:
        parts = {each.speaks_for: each.speaks_against, each.speaks_against: each.speaks_for}
        first = any(alive[0] in one and any(key in other for key in alive[1:]) for one, other in parts.items() if alive)
        return not first, not (each.prediction.necessary and each.speaks_against), -each.strength, each.told

    return sorted(found, key=order)[:MOST_DISCRIMINATING]


def _next_test(hypotheses: Sequence[Hypothesis]) -> NextTest | None:
    """The untested prediction whose outcome would move the order or a state most."""
    best: tuple[float, NextTest] | None = None
    alive = [each for each in hypotheses if each.state is not State.ELIMINATED]
    best_odds = max((each.log_odds for each in alive), default=0.0)
    for hypothesis in alive:
        for prediction in hypothesis.predictions:
            if prediction.outcome is not Outcome.UNTESTED or not prediction.remedy:
                continue
            if max(hypothesis.log_odds + prediction.if_observed, hypothesis.log_odds) < best_odds - NEAR:
                continue  # whatever came out of it, nobody would act on it
            gain, words = _would_change(hypothesis, prediction, alive)
            test = NextTest(prediction.told, prediction.remedy, words, hypothesis.key)
            if best is None or gain > best[0]:
                best = (gain, test)
    return best[1] if best else None


def _would_change(hypothesis: Hypothesis, prediction: Prediction, alive: Sequence[Hypothesis]) -> tuple[float, str]:
    def rank(odds: float) -> int:
        return sum(each.log_odds > odds for each in alive if each is not hypothesis)

    now = rank(hypothesis.log_odds)
    up, down = hypothesis.log_odds + prediction.if_observed, hypothesis.log_odds + prediction.if_contradicted
    moves_up, moves_down = now - rank(up), rank(down) - now
    swing = prediction.if_observed - prediction.if_contradicted
    eliminates = 1.0 if prediction.necessary else 0.0
    gain = 2.0 * (moves_up + moves_down) + swing + eliminates + (1.0 if now == 0 else 0.0)
    if up < max(each.log_odds for each in alive) - WITHIN:
        gain -= 100.0  # whatever came out, it would stay among the unlikely ones
    if prediction.necessary and down < up:
        return gain, f"if it is not so, {hypothesis.title} is eliminated; if it is, it goes to {up:+.1f}"
    if now and not rank(up):
        return gain, f"if it is so, {hypothesis.title} comes first ({up:+.1f})"
    if not now and rank(down):
        return gain, f"if it is not so, {hypothesis.title} no longer comes first ({down:+.1f})"
    return gain, f"{hypothesis.title} would go to {up:+.1f} or {down:+.1f}"
