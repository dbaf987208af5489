"""A KnownIssue and a Situation → a Match: what holds, what fails, what is untested, and what that makes of it.

- **match**: nothing fails, and every sign and trigger holds.
- **possible**: nothing fails; every sign holds, or one that points at the product or fault, but something is untested.
- **near_miss**: it concerns this crash (the same module, function or request), yet a sign or a trigger fails.

Nothing else is worth a line: an issue whose scope fails is about somebody else, and one of which only the scope or
the bug check holds is about everybody.

Folklore: the near miss is what a search engine finds.  An entry that names the driver convinces a reader at once; told
side by side, what fits and what does not, it stops being an answer and becomes a question.
"""

from __future__ import annotations

from collections.abc import Iterable

from bugcheck.known_issues.condition import Outcome, State, check, is_specific
from bugcheck.known_issues.issue import Condition, KnownIssue, Role
from bugcheck.known_issues.situation import Situation
from bugcheck.records import dataclass

MATCH, POSSIBLE, NEAR_MISS = "match", "possible", "near_miss"
_RANK = {MATCH: 0, POSSIBLE: 1, NEAR_MISS: 2}
_SPECIFIC_WEIGHT = 2.0
_LEAST_HELD = 2
"""Conditions that must hold together where none of them points at one product or fault."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A condition and what came of it."""

    condition: Condition
    outcome: Outcome

    @property
    def state(self) -> State:
        """Holds, fails or untested."""
        return self.outcome.state

    @property
    def weight(self) -> float:
        """How much it says: what points at one product or fault counts double."""
        return _SPECIFIC_WEIGHT if is_specific(self.condition) or self.condition.test == "told" else 1.0


@dataclass(frozen=True, slots=True)
class Match:
    """What an issue has to do with a situation.

    Attributes:
        issue: the issue. kind: "match", "possible", "near_miss", or None when it has nothing to do with it.
        checked: every condition with its outcome, in the entry's order.
        score: 0 to 1, the share of what was asked that holds.
        because_of: id of the listed issue for which this one could be mistaken, when that is why it is shown, or "".
    """

    issue: KnownIssue
    kind: str | None
    checked: tuple[Checked, ...]
    score: float
    because_of: str = ""

    def _sentences(self, state: State) -> tuple[str, ...]:
        return tuple(each.outcome.sentence for each in self.checked if each.state is state)

    @property
    def holds(self) -> tuple[str, ...]:
        """What holds, in words."""
        return self._sentences(State.HOLDS)

    @property
    def fails(self) -> tuple[str, ...]:
        """What the evidence shows otherwise, in words."""
        return self._sentences(State.FAILS)

    @property
    def untested(self) -> tuple[str, ...]:
        """What nothing at hand tells, in words."""
        return self._sentences(State.UNTESTED)


def match(issue: KnownIssue, situation: Situation) -> Match:
    """Test an issue against a situation."""
    checked: list[Checked] = []
    for condition in sorted(issue.conditions, key=lambda each: each.role is not Role.SCOPE):
        checked.append(Checked(condition, check(condition, situation)))
        if condition.role is Role.SCOPE and checked[-1].state is State.FAILS:
            return Match(issue, None, tuple(checked), 0.0)
    order = {id(each.condition): each for each in checked}
    in_order = tuple(order[id(condition)] for condition in issue.conditions)
    return Match(issue, _kind(in_order), in_order, _score(in_order))


def _score(checked: tuple[Checked, ...]) -> float:
    total = sum(each.weight for each in checked)
    return sum(each.weight for each in checked if each.state is State.HOLDS) / total if total else 0.0


def _kind(checked: tuple[Checked, ...]) -> str | None:
    telling = [each for each in checked if each.condition.role is not Role.SCOPE]
    held = [each for each in checked if each.state is State.HOLDS]
    telling_held = [each for each in telling if each.state is State.HOLDS]
    if not telling_held:
        return None
    if all(each.state is State.HOLDS for each in checked):
        return MATCH
    pointed = any(is_specific(each.condition) for each in telling_held)
    if any(each.state is State.FAILS for each in telling):
        # a driver that is merely loaded, in a crash with a common code, is no near miss
        alike = any(is_specific(each.condition) for each in held) and len(telling_held) >= _LEAST_HELD
        return NEAR_MISS if pointed or alike else None
    signs = [each for each in telling if each.condition.role is Role.SIGN]
    complete = all(each.state is State.HOLDS for each in signs) and len(held) >= _LEAST_HELD
    return POSSIBLE if pointed or complete else None


def match_all(issues: Iterable[KnownIssue], situation: Situation) -> list[Match]:
    """Test issues; those that have to do with the situation, the best first.

    An issue that says it could be mistaken for a listed one is listed as a near miss as soon as anything beyond its
    scope holds, so that the reader meets the distinction before the confusion.
    """
    everything = [match(issue, situation) for issue in issues]
    listed = {each.issue.id: each for each in everything if each.kind}
    shown = list(listed.values())
    for each in everything:
        double = next((other for other in each.issue.near_miss_of if other in listed), "")
        telling = [one for one in each.checked if one.condition.role is not Role.SCOPE]
        failing = any(one.state is State.FAILS for one in telling)
        if each.kind is None and double and failing and any(one.state is State.HOLDS for one in telling):
            shown.append(Match(each.issue, NEAR_MISS, each.checked, each.score, double))
    return sorted(shown, key=lambda each: (_RANK[each.kind or NEAR_MISS], -each.score, each.issue.id))
