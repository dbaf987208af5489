"""What a person suspects in notes → a hypothesis like the others, with the events it expects.

Source: [[hypothesis]] in notes.toml, described in docs/reference/notes.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from bugcheck.hypotheses.hypothesis import Builder, Hypothesis, Prediction, hypothesis
from bugcheck.hypotheses.investigation import Investigation
from bugcheck.hypotheses.preceding import Sought, preceded
from bugcheck.hypotheses.predicting import after_action, checked, decided, untested
from bugcheck.timeline.store import PlacedFact

BEFORE = 60.0
LARGEST_WEIGHT, LARGEST_PRIOR, LONGEST = 4.0, 10.0, 31 * 24 * 60.0


@hypothesis("own")
def own(investigation: Investigation) -> Iterator[Hypothesis]:
    """A suspicion that a person wrote down, with what it lets expect."""
    for placed in investigation.facts("hypothesis"):
        fact = placed.fact
        predictions = Builder()
        for expected in investigation.facts("expectation", name=fact.name):
            predictions.add(_expected(investigation, expected))
        predictions.add(
            *checked(investigation, fact.name, topic="checked", expect="it is confirmed", weight=1.5, against=1.5)
        )
        predictions.add(*after_action(investigation, fact.name, weight=0.5, against=2.5))
        if not predictions.predictions:
            predictions.add(
                untested(
                    "own",
                    "something that would show it",
                    "what it lets expect",
                    "add `expects` to it in notes.toml, or a [[check]] about it",
                    1.0,
                    1.0,
                )
            )
        yield Hypothesis(
            fact.name,
            fact.name.replace("_", " "),
            fact.fields.get("subject", ""),
            fact.value,
            _number(fact.fields.get("prior", ""), -1.5, LARGEST_PRIOR),
            tuple(predictions.predictions),
            hosts=(placed.host,) if placed.host else (),
            treatments=tuple(fact.fields.get("treatments", "").splitlines()),
        )


def _expected(investigation: Investigation, placed: PlacedFact) -> Prediction:
    words = placed.fact.fields
    weight, minutes = (
        _number(words.get("weight", ""), 1.0, LARGEST_WEIGHT),
        _number(words.get("before_minutes", ""), BEFORE, LONGEST),
    )
    kind = placed.fact.value
    if kind == "bugcheck_code":
        codes = {f"{crash.code:#x}" for crash in investigation.crashes if crash.code is not None}
        wanted = words.get("equals", "").lower()
        if not codes:
            how = "add the system event log or a dump"
            return untested("own", f"bug check {wanted}", "no bug check is known", how, weight, weight)
        told = f"the bug checks are {', '.join(sorted(codes))}"
        return decided(
            "own", f"bug check {wanted}", told, wanted in codes, weight, weight, investigation.cite_crashes()
        )
    fields = {words["field"]: words["equals"]} if words.get("field") and words.get("equals") else None
    shown = kind.replace("_", " ")
    return preceded(
        investigation,
        Sought((kind,), shown, minutes, host=placed.host or None, fields=fields),
        topic=f"own: {kind}",
        expect=f"{shown} within {minutes:g} minutes before each crash",
        weight=weight,
        against=weight,
    )


def _number(text: str, default: float, largest: float) -> float:
    """Read a number of a person's, within limits."""
    try:
        number = float(text)
    except ValueError:
        return default
    return max(-largest, min(largest, number)) if isfinite(number) else default
