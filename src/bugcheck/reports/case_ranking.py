"""Weighed hypotheses → a ranking: every hypothesis in order, how it stands, its log-odds as a bar, what decided it.

Source: `hypotheses.hypothesis`.
"""

from __future__ import annotations

from bugcheck.cases.investigate import Case
from bugcheck.hypotheses.hypothesis import Hypothesis, State
from bugcheck.reports.case_matrix import hypothesis_anchor
from bugcheck.reports.case_words import Words, counted
from bugcheck.reports.page import Link, Rank, Ranking
from bugcheck.reports.spoken import Say

MOST_RANKED = 40
SCALE = 6.0
"""Log-odds that fill a bar: 400 to 1."""


def hypothesis_ranking(case: Case, words: Words, say: Say = str) -> Ranking | None:
    """All hypotheses in order of support; None without any."""
    found = case.weighed.hypotheses
    if not found:
        return None
    rows = tuple(_rank(case, each, number, words, say) for number, each in enumerate(found[:MOST_RANKED], 1))
    heads = (words["hypothesis"], words["state"], words["log-odds"], words["decided by"])
    note = counted(words, "hypotheses cut", len(found) - MOST_RANKED) if found[MOST_RANKED:] else ""
    return Ranking(words["ranking"], heads, rows, note)


def _rank(case: Case, each: Hypothesis, number: int, words: Words, say: Say) -> Rank:
    link = Link(each.title, hypothesis_anchor(each, case), f"{number}")
    why = say(each.decided_by) or next((one.told for one in each.predictions), "")
    tone = {State.SUPPORTED: "supported", State.ELIMINATED: "eliminated"}.get(each.state, "")
    return Rank(link, words[each.state.value], f"{each.log_odds:+.1f}", each.log_odds / SCALE, why, tone)
