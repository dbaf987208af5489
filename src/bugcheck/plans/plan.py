"""Weighed hypotheses → a Plan: treatments in order of least harm, each with its way back and what it would prove.

Source: knowledge/treatments.toml, and the treatments of known issues that match or nearly do.

Folklore: the treatment that ends all of a class of crashes for good (take the driver out) usually costs protection or a
function.  What is tried first is what costs least and still proves something; the drastic step stands ready behind it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, cast

from bugcheck.hypotheses.hypothesis import Hypothesis, Outcome, State
from bugcheck.hypotheses.investigation import Investigation, IssueMatch
from bugcheck.hypotheses.weighing import Weighed
from bugcheck.knowledge.drivers import find_driver
from bugcheck.knowledge.tables import table
from bugcheck.plans.watching import Watch, watch_for

MOST_STEPS = 8
OURS, NOTES = "bugcheck", "notes"
"""Sources of a treatment: our own advice, and what a person notes with a suspicion."""
ALIVE = 2.5
"""A hypothesis not eliminated is treated when its log-odds are at most so much below the first's."""


_TEXTS = ("text", "target", "undo", "proves", "cost", "risk")


@dataclass(frozen=True, slots=True)
class Treatment:
    """Something to do.

    Attributes:
        step: number in the plan, from 1. text: what to do, a clause. target: where.
        acts_on: key of the hypothesis it is about. title: of that hypothesis.
        cost, risk: in words. harm: 0 (only looks) to 3 (loses protection or data).
        undo: the way back. proves: what its outcome would show.
        source: where the advice comes from. if_recurs: the step to take when it crashes again, or None.
        done: what a person notes to have done of it, or "".
    """

    step: int
    text: str
    target: str
    acts_on: str
    title: str
    cost: str
    risk: str
    harm: int
    undo: str
    proves: str
    source: str
    if_recurs: int | None = None
    done: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in order, and how long to watch after the first step."""

    steps: tuple[Treatment, ...]
    watch: Watch


@cache
def _advice() -> list[dict[str, Any]]:
    return tomllib.loads(table("treatments.toml").decode())["treatment"]


def make_plan(investigation: Investigation, weighed: Weighed) -> Plan:
    """Put the treatments of what is not eliminated in order: the best supported first, in each the least harmful."""
    chosen = _worth_treating(weighed.hypotheses)
    found = [each for hypothesis in chosen for each in _treatments(investigation, hypothesis)]
    once = {each.text: each for each in reversed(found)}
    ordered = _in_order(list(once.values()), chosen)[:MOST_STEPS]
    steps = tuple(
        replace(each, step=number, if_recurs=number + 1 if number < len(ordered) else None)
        for number, each in enumerate(ordered, 1)
    )
    return Plan(steps, watch_for(investigation))


def _worth_treating(hypotheses: Sequence[Hypothesis]) -> list[Hypothesis]:
    alive = [each for each in hypotheses if each.state in (State.SUPPORTED, State.NOT_ELIMINATED) and _is_named(each)]
    if not alive:
        return []
    best = max(each.log_odds for each in alive)
    return [each for each in alive if each.state is State.SUPPORTED or each.log_odds >= best - ALIVE]


def _is_named(hypothesis: Hypothesis) -> bool:
    """Tell whether anything observed, or a person, speaks for it."""
    return hypothesis.is_seen or any(each.state is State.SUPPORTED for each in hypothesis.standing_judgements)


def _in_order(treatments: list[Treatment], hypotheses: Sequence[Hypothesis]) -> list[Treatment]:
    """Least harm first; among equals the better supported hypothesis's, and of these our own advice."""
    rank = {hypothesis.key: number for number, hypothesis in enumerate(hypotheses)}
    return sorted(treatments, key=lambda each: (each.harm, rank[each.acts_on], each.source != OURS, each.text))


def _treatments(investigation: Investigation, hypothesis: Hypothesis) -> Iterator[Treatment]:
    words = _words(investigation, hypothesis)
    shape = "versions" if len(set(hypothesis.hosts)) > 1 else "one host"
    for row in _advice_for(hypothesis, shape):
        texts = {name: cast("str", row[name]).format(**words) for name in _TEXTS}
        yield _treatment(hypothesis, texts, int(row["harm"]), OURS)
    for text in hypothesis.treatments:
        texts = {**dict.fromkeys(_TEXTS, ""), "text": text, "target": words["host"], "risk": "not told"}
        yield _treatment(hypothesis, texts, 1, NOTES)
    for issue in _issues(investigation, hypothesis):
        for text in issue.treatments[:2]:
            told = f"{text} ({issue.product})" if issue.product and issue.product not in text else text
            texts = {**dict.fromkeys(_TEXTS, ""), "text": told, "target": words["host"], "risk": "see its source"}
            yield _treatment(hypothesis, texts, 2, issue.id)


def _advice_for(hypothesis: Hypothesis, shape: str) -> list[dict[str, Any]]:
    """The rows about a hypothesis; what is said of its driver by name stands for what is said of any driver."""
    observed = {each.topic for each in hypothesis.predictions if each.outcome is Outcome.OBSERVED}
    rows = [
        row
        for row in _advice()
        if hypothesis.id in row["hypothesis"].split()
        and row.get("shape", shape) == shape
        and (hypothesis.driver or not row.get("part"))
        and row.get("driver", hypothesis.driver) == hypothesis.driver
        and (not row.get("when") or observed & set(row["when"]))
        and row.get("unless", "-") not in observed
    ]
    named = {row["part"] for row in rows if "driver" in row}
    return [row for row in rows if row.get("text") and ("driver" in row or row.get("part") not in named)]


def _treatment(hypothesis: Hypothesis, texts: dict[str, str], harm: int, source: str) -> Treatment:
    return Treatment(
        0,
        texts["text"],
        texts["target"],
        hypothesis.key,
        hypothesis.title,
        texts["cost"],
        texts["risk"],
        harm,
        texts["undo"],
        texts["proves"],
        source,
    )


def _issues(investigation: Investigation, hypothesis: Hypothesis) -> list[IssueMatch]:
    if not hypothesis.driver:
        return []
    about = [issue for issue in investigation.issues if issue.driver == hypothesis.driver and issue.treatments]
    return [issue for issue in about if issue.kind == "match"][:2]


def _words(investigation: Investigation, hypothesis: Hypothesis) -> dict[str, str]:
    host = investigation.failed[0] if investigation.failed else ""
    others = [each for each in hypothesis.hosts if each != host]
    products = hypothesis.products
    return {
        "subject": hypothesis.subject or hypothesis.title,
        "title": hypothesis.title,
        "driver": _shown(investigation, hypothesis.driver),
        "product": _product(hypothesis),
        "products_other": products[-1] if products else "the product",
        "host": host or "the failed host",
        "other": others[0] if others else "the other host",
    }


def _shown(investigation: Investigation, image: str) -> str:
    return next((shown for each, shown, _ in investigation.blamed if each == image), image)


def _product(hypothesis: Hypothesis) -> str:
    """What the accused driver belongs to."""
    facts = find_driver(hypothesis.driver) if hypothesis.driver else None
    if facts is not None and facts.product:
        return facts.product
    return hypothesis.products[0] if hypothesis.products else f"the product of {hypothesis.subject}"
