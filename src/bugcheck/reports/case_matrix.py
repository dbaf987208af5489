"""Weighed hypotheses → a matrix: what was looked at, by hypothesis, with every weight and their sum.

Source: `hypotheses.hypothesis`: prior + counted weights + what people added = log-odds, by hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bugcheck.cases.investigate import Case
from bugcheck.hypotheses.hypothesis import Hypothesis, Outcome, Prediction
from bugcheck.reports.case_words import Words, counted
from bugcheck.reports.page import Link, Matrix, MatrixCell, MatrixRow, anchor_of

MOST_COLUMNS, LONGEST_TITLE = 12, 60
"""Hypotheses that have a column, and characters of their titles there; the ranking has all."""


def hypothesis_anchor(hypothesis: Hypothesis, case: Case) -> str:
    """The anchor of a hypothesis on the page: by its number, for two names may differ in signs alone."""
    return anchor_of("hypothesis", f"{case.weighed.hypotheses.index(hypothesis) + 1}")


def evidence_matrix(case: Case, words: Words) -> Matrix | None:
    """The first hypotheses against all that was looked at for them; None without any."""
    shown = case.weighed.hypotheses[:MOST_COLUMNS]
    if not shown:
        return None
    columns = tuple(
        Link(_short(each.title), hypothesis_anchor(each, case), f"{number}") for number, each in enumerate(shown, 1)
    )
    rows = [
        MatrixRow(words["prior"], tuple(_number(each.prior) for each in shown)),
        *_topics(case, shown, words),
        MatrixRow(words["the rest"], tuple(_rest(case, each) for each in shown), tone="rest"),
    ]
    if any(each.judgements for each in shown):
        added = tuple(_number(sum(one.add for one in each.standing_judgements)) for each in shown)
        rows.append(MatrixRow(words["people added"], added))
    rows.append(MatrixRow(words["log-odds"], tuple(_number(each.log_odds) for each in shown), tone="sum"))
    more = len(case.weighed.hypotheses) - len(shown)
    note = counted(words, "columns cut", more) if more else ""
    return Matrix(words["matrix help"], words["looked at"], columns, tuple(rows), note)


def _short(title: str) -> str:
    return title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1].rsplit(" ", 1)[0] + " …"


def _number(value: float) -> MatrixCell:
    return MatrixCell("", "", f"{value:+.2f}")


def _topics(case: Case, shown: Sequence[Hypothesis], words: Words) -> Iterator[MatrixRow]:
    apart = {each.prediction.topic for each in case.weighed.discriminating}
    topics = dict.fromkeys(one.topic for each in shown for one in each.predictions)
    ordered = sorted(topics, key=lambda topic: (topic not in apart, -_decided(shown, topic)))
    for topic in ordered:
        if not _decided(shown, topic):
            continue
        cells = tuple(_cell([one for one in each.predictions if one.topic == topic], each, words) for each in shown)
        yield MatrixRow(topic, cells, "◆" if topic in apart else "", "" if topic in apart else "more")
    untested = [sum(one.outcome is Outcome.UNTESTED for one in each.predictions) for each in shown]
    if any(untested):
        cells = tuple(
            MatrixCell(words["untested"], "untested", f"{number}") if number else MatrixCell("") for number in untested
        )
        yield MatrixRow(words["untested rest"], cells, tone="more")


def _rest(case: Case, hypothesis: Hypothesis) -> MatrixCell:
    """What all that tells nothing apart adds up to: on paper it stands for its rows."""
    apart = {each.prediction.topic for each in case.weighed.discriminating}
    return _number(sum(one.weight for one in hypothesis.counted if one.topic not in apart))


def _decided(shown: Sequence[Hypothesis], topic: str) -> int:
    """How many hypotheses something was found for or against on a topic."""
    return sum(one.topic == topic and one.outcome is not Outcome.UNTESTED for each in shown for one in each.predictions)


def _cell(found: Sequence[Prediction], hypothesis: Hypothesis, words: Words) -> MatrixCell:
    decided = [one for one in found if one.outcome is not Outcome.UNTESTED]
    if not decided:
        return MatrixCell("")
    weights = [f"{one.weight:+.2f}" if one in hypothesis.counted else f"({one.weight:+.2f})" for one in decided]
    strongest = max(decided, key=lambda one: abs(one.weight))
    return MatrixCell(words[strongest.outcome.value], strongest.outcome.value, " ".join(weights))
