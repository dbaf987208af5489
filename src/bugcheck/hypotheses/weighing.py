"""An Investigation → Hypotheses in order of support, what tells them apart, and the test that would change the order.

Source: `hypothesis.py` for how one is weighed.  People's judgements come from their notes, and are kept with reasons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp

from bugcheck.extensions import guarded
from bugcheck.gaps import Gap
from bugcheck.hypotheses.hypothesis import HYPOTHESES, Hypothesis, Judgement, Outcome, Prediction, State
from bugcheck.hypotheses.investigation import Investigation, cite_fact
from bugcheck.hypotheses.predicting import after_action

TELLING = 0.5
"""Log-odds from which a piece of evidence is said to tell hypotheses apart."""
AFTER, STEP_FAILED = "after treatment", 1.5
"""The topic of what comes after a treatment, and what a crash after a step of the plan says against its hypothesis."""
MOST_DISCRIMINATING = 8
LEAST_GAIN = 0.01
"""How much a test must be expected to change how likely a hypothesis is to be worth asking for."""
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
                found.append(_judged(investigation, _treated(investigation, answer)))
    ordered = sorted(found, key=lambda each: (_ORDER[each.state], -each.log_odds, each.key))
    return Weighed(tuple(ordered), tuple(_discriminating(ordered)), _next_test(ordered), tuple(gaps))


def _treated(investigation: Investigation, hypothesis: Hypothesis) -> Hypothesis:
    """Add what came after a step of the plan that acts on just this; a step may fail for other reasons as well."""
    if any(each.topic == AFTER and each.outcome is not Outcome.UNTESTED for each in hypothesis.predictions):
        return hypothesis  # its rule knows what the treatment means
    found = after_action(investigation, hypothesis.key, weight=0.5, against=STEP_FAILED, necessary=False)
    if not found:
        return hypothesis
    kept = [each for each in hypothesis.predictions if each.topic != AFTER or each.outcome is not Outcome.UNTESTED]
    return replace(hypothesis, predictions=(*kept, *found))


def _judged(investigation: Investigation, hypothesis: Hypothesis) -> Hypothesis:
    """Add what people set in their notes, in the order they said it; what was taken back is kept as such."""
    judgements: list[Judgement] = []
    for placed in investigation.facts("judgement"):
        fact = placed.fact
        if fact.name not in (hypothesis.id, hypothesis.key):
            continue
        state = next((each for each in State if each.value == fact.fields.get("state")), None)
        by, reason, at = (fact.fields.get(name, "") for name in ("who", "reason", "at"))
        add, back = _number(fact.fields.get("add", "")), fact.fields.get("withdraw", "").lower() == "true"
        judgements.append(Judgement(by, reason, state, add, cite_fact(placed), at, back))
    judgements.sort(key=lambda each: each.at)
    last = max((number for number, each in enumerate(judgements) if each.takes_back), default=0)
    judgements = [replace(each, withdrawn=number < last) for number, each in enumerate(judgements)]
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
    """What to look at or do next: what is expected to change most how likely a hypothesis is among those alive.

    One thing to add (a dump, a log) may test several predictions: they count together, and the weightiest names it.
    """
    alive = [each for each in hypotheses if each.state is not State.ELIMINATED]
    gains: dict[str, float] = {}
    weightiest: dict[str, tuple[float, NextTest]] = {}
    for hypothesis in alive:
        others = 1.0 + sum(exp(each.log_odds) for each in alive if each is not hypothesis)  # 1: none of them
        for prediction in hypothesis.predictions:
            if prediction.outcome is not Outcome.UNTESTED or not prediction.remedy:
                continue
            gain = _expected_change(hypothesis.log_odds, others, prediction)
            words = _would_change(hypothesis, prediction, alive)
            test = NextTest(prediction.told, prediction.remedy, words, hypothesis.key)
            gains[test.how] = gains.get(test.how, 0.0) + gain
            if test.how not in weightiest or gain > weightiest[test.how][0]:
                weightiest[test.how] = (gain, test)
    best = max(gains, key=lambda how: gains[how], default="")
    return weightiest[best][1] if gains.get(best, 0.0) >= LEAST_GAIN else None


def _expected_change(log_odds: float, others: float, prediction: Prediction) -> float:
    """How far a test is expected to move how likely a hypothesis is; `others`: the odds of all others together.

    A weight is the logarithm of how much likelier an outcome is if the hypothesis is true than if not.  The two weights
    of a prediction therefore fix how likely it is in both cases: x if not, e**a x if so, with
    (1 - e**a x) / (1 - x) = e**-b.
    """

    def share(odds: float) -> float:
        return odds / (odds + others)

    now = share(exp(log_odds))
    up, down = exp(prediction.if_observed), exp(prediction.if_contradicted)
    otherwise = (1 - down) / (up - down) if up > 1 > down else 0.5
    likely = now * min(1.0, up * otherwise) + (1 - now) * otherwise
    lower = 0.0 if prediction.necessary else share(exp(log_odds) * down)
    return likely * abs(share(exp(log_odds) * up) - now) + (1 - likely) * abs(lower - now)


def _would_change(hypothesis: Hypothesis, prediction: Prediction, alive: Sequence[Hypothesis]) -> str:
    def rank(odds: float) -> int:
        return sum(each.log_odds > odds for each in alive if each is not hypothesis)

    now = rank(hypothesis.log_odds)
    up, down = hypothesis.log_odds + prediction.if_observed, hypothesis.log_odds + prediction.if_contradicted
    if prediction.necessary and down < up:
        return f"if it is not so, {hypothesis.title} is eliminated; if it is, it goes to {up:+.1f}"
    if now and not rank(up):
        return f"if it is so, {hypothesis.title} comes first ({up:+.1f})"
    if not now and rank(down):
        return f"if it is not so, {hypothesis.title} no longer comes first ({down:+.1f})"
    return f"{hypothesis.title} would go to {up:+.1f} or {down:+.1f}"
