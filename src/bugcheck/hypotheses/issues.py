"""Known issues compared with every crash of the timeline → what hypotheses want to know of each that fits, or nearly.

Source: `known_issues.matching`.

Folklore: an issue may fit one crash of five; it is told once, by the crash it fits best.
"""

from __future__ import annotations

from collections.abc import Callable

from bugcheck.hypotheses.investigation import IssueMatch
from bugcheck.known_issues.from_timeline import situation_of
from bugcheck.known_issues.issue import in_language
from bugcheck.known_issues.matching import Match
from bugcheck.known_issues.situation import Situation
from bugcheck.timeline.timeline import Timeline

MOST_CRASHES = 50
Matcher = Callable[[Situation], list[Match]]
"""Compares all known issues with a situation: a library's `matches`."""
_RANK = {"match": 0, "possible": 1, "near_miss": 2}


def issue_matches(timeline: Timeline, matcher: Matcher, language: str = "en") -> list[IssueMatch]:
    """Compare known issues with the crashes, the newest first; the best comparison of each counts."""
    best: dict[str, Match] = {}
    for crash in [each for each in reversed(timeline.crashes) if each.is_crash][:MOST_CRASHES]:
        for found in matcher(situation_of(timeline, crash)):
            before = best.get(found.issue.id)
            if before is None or _order(found) < _order(before):
                best[found.issue.id] = found
    return [_told(match, language) for match in sorted(best.values(), key=_order)]


def _order(match: Match) -> tuple[int, int, int, float, str]:
    """Matches first; of possible ones and near misses those of which most holds."""
    rank = _RANK.get(match.kind or "", 3)
    return min(rank, 1), -len(match.holds) if rank else 0, rank, -match.score, match.issue.id


def _told(match: Match, language: str) -> IssueMatch:
    issue = match.issue
    return IssueMatch(
        issue.id,
        in_language(issue.title, language),
        match.kind or "",
        driver=issue.drivers[0].lower() if issue.drivers else "",
        product=issue.products[0] if issue.products else "",
        holds=match.holds,
        fails=match.fails,
        untested=match.untested,
        treatments=tuple(in_language(each.text, language) for each in issue.treatments),
        sources=tuple(each.url or each.name for each in issue.sources),
        effect=issue.effect,
        category=issue.kind,
    )
