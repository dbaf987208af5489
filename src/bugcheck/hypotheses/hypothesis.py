"""A possible cause → what it predicts, what became of each prediction, and how it stands: the types and the registry.

A hypothesis is weighed by its predictions alone.  Each says what is expected, where one would see it, and what seeing
it, or seeing that it is not so, adds to the log-odds (natural logarithm; 0.7 doubles the odds, 2.3 makes them tenfold).
All weights are in the open: prior + contributions = log-odds, by hand.

Source: Good, "Probability and the Weighing of Evidence" (1950), for adding weights of evidence.  Folklore: a matrix of
hypotheses and evidence that ends in a winner raises confidence, not accuracy (studies of "analysis of competing
hypotheses"); so the states below say what is eliminated and by what, and a gap stays a gap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

from bugcheck.extensions import Registry

if TYPE_CHECKING:
    from bugcheck.hypotheses.investigation import Investigation


class Outcome(Enum):
    """What became of a prediction."""

    OBSERVED = "observed"
    CONTRADICTED = "contradicted"
    UNTESTED = "untested"


class State(Enum):
    """How a hypothesis stands."""

    SUPPORTED = "supported"
    NOT_ELIMINATED = "not_eliminated"
    ELIMINATED = "eliminated"
    UNTESTED = "untested"


@dataclass(frozen=True, slots=True)
class Cite:
    """Where a statement can be checked: an evidence id ("" for what the analysis of a crash says) and a place in it."""

    evidence: str
    where: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a hypothesis expects, and what was found.

    Attributes:
        topic: what is looked at, the same word in all hypotheses that look at it ("attack before the crash").
        expect: what is expected, a clause ("an attack in the minutes before each crash").
        outcome: what became of it. told: what was found, a sentence; for an untested one what is missing.
        weight: added to the log-odds; 0 for an untested one.
        if_observed, if_contradicted: what it would add at most.
        necessary: the hypothesis is eliminated when this is contradicted.
        group: predictions of one group rest on the same observation: only the strongest counts.
        window: the time that was looked at, UTC. citations: where to check it. remedy: how to get what is missing.
        silent: times of crashes that nothing speaks for, while something does for others; UTC.
    """

    topic: str
    expect: str
    outcome: Outcome
    told: str
    weight: float
    if_observed: float
    if_contradicted: float
    necessary: bool = False
    group: str = ""
    window: tuple[datetime, datetime] | None = None
    citations: tuple[Cite, ...] = ()
    remedy: str = ""
    silent: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a person set, and why.

    Attributes:
        by, reason: who and why. state: it is set to, or None. add: to the log-odds.
        citation: where it stands. at: when it was said, ISO, or "".
        takes_back: it withdraws what was set before. withdrawn: it counts no longer.
    """

    by: str
    reason: str
    state: State | None = None
    add: float = 0.0
    citation: Cite | None = None
    at: str = ""
    takes_back: bool = False
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A possible cause.

    Attributes:
        id: the rule's name, or a person's own. subject: what it is about ("RapDrv.sys", "B").
        title: in a few words, mechanism: how it would lead to the crashes, a sentence.
        prior: log-odds before any evidence. predictions: in the order they are told.
        judgements: what people set, withdrawn ones too, oldest first. treatments: what a person says would help.
        hosts: machines it concerns. driver: file name of a driver it accuses, lower case, or "".
        products: product names it is about.
    """

    id: str
    title: str
    subject: str
    mechanism: str
    prior: float
    predictions: tuple[Prediction, ...]
    judgements: tuple[Judgement, ...] = ()
    hosts: tuple[str, ...] = ()
    driver: str = ""
    products: tuple[str, ...] = ()
    treatments: tuple[str, ...] = ()

    @property
    def standing_judgements(self) -> tuple[Judgement, ...]:
        """What people set and nobody took back."""
        return tuple(each for each in self.judgements if not (each.withdrawn or each.takes_back))

    @property
    def key(self) -> str:
        """What tells it from others of the same rule."""
        return f"{self.id}:{self.subject}" if self.subject else self.id

    @property
    def counted(self) -> tuple[Prediction, ...]:
        """The predictions that count: of each group only the one with the strongest weight."""
        best: dict[str, Prediction] = {}
        for each in self.predictions:
            key = each.group or f"\0{id(each)}"
            if key not in best or abs(each.weight) > abs(best[key].weight):
                best[key] = each
        return tuple(each for each in self.predictions if each in best.values())

    @property
    def log_odds(self) -> float:
        """Prior, counted contributions and what people added."""
        total = (
            self.prior + sum(each.weight for each in self.counted) + sum(each.add for each in self.standing_judgements)
        )
        return round(total, 2)

    @property
    def eliminated_by(self) -> Prediction | None:
        """The contradicted necessary prediction that eliminates it, the weightiest, or None."""
        return next(iter(self.broken), None)

    @property
    def broken(self) -> list[Prediction]:
        """The contradicted necessary predictions, the weightiest first."""
        broken = [each for each in self.predictions if each.necessary and each.outcome is Outcome.CONTRADICTED]
        return sorted(broken, key=lambda each: each.weight)

    @property
    def state(self) -> State:
        """How it stands: a person's word first, then what eliminates it, then its log-odds."""
        said = [each.state for each in self.standing_judgements if each.state]
        if said:
            return said[-1]
        if self.eliminated_by is not None:
            return State.ELIMINATED
        if all(each.outcome is Outcome.UNTESTED for each in self.predictions):
            return State.UNTESTED
        return State.SUPPORTED if self.log_odds >= SUPPORTED and self.is_seen else State.NOT_ELIMINATED

    @property
    def is_seen(self) -> bool:
        """Whether anything it predicts was observed at all."""
        return any(each.outcome is Outcome.OBSERVED and each.weight > 0 for each in self.predictions)

    @property
    def decided_by(self) -> str:
        """What its state rests on most, a sentence."""
        said = [each for each in self.standing_judgements if each.state]
        if said:
            return f"{said[-1].by or 'a person'}: {said[-1].reason}"
        if self.eliminated_by is not None:
            return "; ".join(dict.fromkeys(each.told for each in self.broken[:MOST_REASONS]))
        strongest = max(self.counted, key=lambda each: abs(each.weight), default=None)
        if strongest is None or not strongest.weight:
            return ""
        against = min(self.counted, key=lambda each: each.weight)
        if strongest.weight > 0 and against.weight <= -1 and self.state is State.NOT_ELIMINATED:
            return f"against it: {against.told}"
        return strongest.told


MOST_REASONS = 2
SUPPORTED = 1.0
"""Log-odds from which a hypothesis counts as supported."""
HypothesisFunction = Callable[["Investigation"], Iterable[Hypothesis]]


@dataclass(frozen=True, slots=True)
class HypothesisRule:
    """A registered rule: the id of the hypotheses it makes, the function, one line for the catalog."""

    name: str
    propose: HypothesisFunction
    what: str


HYPOTHESES: Registry[HypothesisRule] = Registry("hypothesis", "bugcheck.hypotheses.rules")


def hypothesis(name: str) -> Callable[[HypothesisFunction], HypothesisFunction]:
    """Register the decorated generator as the rule that proposes hypotheses of this id."""

    def register(propose: HypothesisFunction) -> HypothesisFunction:
        HYPOTHESES.add(HypothesisRule(name, propose, (propose.__doc__ or "").partition("\n")[0]))
        return propose

    return register


@dataclass(slots=True)
class Builder:
    """Predictions being collected for one hypothesis."""

    predictions: list[Prediction] = field(default_factory=list[Prediction])

    def add(self, *predictions: Prediction | None) -> None:
        """Take predictions; None is none."""
        self.predictions += [each for each in predictions if each is not None]
