"""A condition and a Situation → holds, fails or untested, with a sentence and where to check it.

A test is a function registered by name from a file of `conditions/`; conditions (data) name it and give it values.

Folklore: "not seen" is only "fails" where something would have shown it: a module list that is there without the
driver, a log that covers the minutes.  Everything else is untested, and the sentence says what would test it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any

from bugcheck.extensions import Registry
from bugcheck.known_issues.issue import Condition, Value, in_language
from bugcheck.known_issues.situation import Cited, Situation
from bugcheck.records import dataclass

_DURATION = re.compile(r"\s*(\d{1,6})\s*(seconds?|minutes?|hours?|days?|s|min|m|h|d)\s*")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
DEEPEST = 4
"""Levels of `any` and `all` inside each other."""


class State(Enum):
    """What came of a condition."""

    HOLDS = "holds"
    FAILS = "fails"
    UNTESTED = "untested"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a condition: its state, one clause that says so, and where to check it."""

    state: State
    sentence: str
    citations: tuple[Cited, ...] = ()


def holds(sentence: str, citations: tuple[Cited, ...] = ()) -> Outcome:
    """Say that a condition holds."""
    return Outcome(State.HOLDS, sentence, citations)


def fails(sentence: str, citations: tuple[Cited, ...] = ()) -> Outcome:
    """Say that the evidence shows otherwise."""
    return Outcome(State.FAILS, sentence, citations)


def untested(sentence: str) -> Outcome:
    """Say that nothing at hand tells, and what would."""
    return Outcome(State.UNTESTED, sentence)


class Values:
    """A condition's values, read by name and type."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = values

    def text(self, name: str) -> str:
        """A text, "" when it is not given; a number becomes its decimal text."""
        value = self._values.get(name, "")
        return str(value) if isinstance(value, (str, int, float)) else ""

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; a single one is a list of one."""
        value = self._values.get(name, ())
        many = value if isinstance(value, tuple) else (value,)
        return tuple(str(each) for each in many if isinstance(each, (str, int, float)))

    def number(self, name: str) -> int | None:
        """A whole number, decimal as a number, hexadecimal as a text."""
        numbers = self.numbers(name)
        return numbers[0] if numbers else None

    def numbers(self, name: str) -> tuple[int, ...]:
        """Whole numbers: numbers as they are, texts as hexadecimal."""
        found = [_number(each) for each in self.texts(name)] if name in self._values else []
        plain = self._values.get(name)
        if isinstance(plain, int) and not isinstance(plain, bool):
            return (plain,)
        if isinstance(plain, tuple):
            found = [each if isinstance(each, int) else _number(str(each)) for each in plain]
        return tuple(each for each in found if each is not None)

    def fields(self, name: str) -> dict[str, tuple[str, ...]]:
        """A table of lists of texts; a single one is a list of one."""
        value = self._values.get(name, {})
        return {key: Values(value).texts(key) for key in value} if isinstance(value, Mapping) else {}


def _number(text: str) -> int | None:
    try:
        return int(text.replace("`", ""), 16)
    except ValueError:
        return None


TestFunction = Callable[[Values, Situation], Outcome]


@dataclass(frozen=True, slots=True)
class IssueTest:
    """A registered test.

    Attributes:
        name: as conditions name it. what: one line for the catalog.
        needs, may: names of the values it must and may have.
        specific: holding, it points at one product or fault; otherwise many crashes share it.
        run: the test.
    """

    name: str
    what: str
    needs: tuple[str, ...]
    may: tuple[str, ...]
    specific: bool
    run: TestFunction


TESTS: Registry[IssueTest] = Registry("known issue test", "bugcheck.known_issues.conditions")


def issue_test(
    *needs: str, may: tuple[str, ...] = (), specific: bool = False
) -> Callable[[TestFunction], TestFunction]:
    """Register the decorated function as the test of its name."""

    def register(function: TestFunction) -> TestFunction:
        name = str(getattr(function, "__name__", "test"))
        what = (function.__doc__ or "").partition("\n")[0]
        TESTS.add(IssueTest(name, what, needs, may, specific, function))
        return function

    return register


def test_named(name: str) -> IssueTest | None:
    """Find a test; only its own file is loaded where it is named like it."""
    if name not in _INDEX:
        TESTS.load_one(name)
        _INDEX.update({test.name: test for test in TESTS.loaded()})
    if name not in _INDEX:
        _INDEX.update({test.name: test for test in TESTS})
    return _INDEX.get(name)


_INDEX: dict[str, IssueTest] = {}


def check(condition: Condition, situation: Situation, depth: int = 0) -> Outcome:
    """Test a condition."""
    outcome = _check(condition, situation, depth)
    if condition.negated and outcome.state is not State.UNTESTED:
        turned = State.FAILS if outcome.state is State.HOLDS else State.HOLDS
        outcome = Outcome(turned, outcome.sentence, outcome.citations)
    return outcome


def _check(condition: Condition, situation: Situation, depth: int) -> Outcome:
    if condition.test in ("any", "all"):
        return _combined(condition, situation, depth)
    if condition.test == "told":
        return untested(in_language(condition.says) or "nothing here can test it")
    test = test_named(condition.test)
    if test is None:
        return untested(f"this version of bugcheck has no test named {condition.test}")
    return test.run(Values(condition.values), situation)


def _combined(condition: Condition, situation: Situation, depth: int) -> Outcome:
    if depth >= DEEPEST:
        return untested(f"conditions inside each other more than {DEEPEST} deep are not followed")
    outcomes = [check(part, situation, depth + 1) for part in condition.parts]
    decisive, other = (State.HOLDS, State.FAILS) if condition.test == "any" else (State.FAILS, State.HOLDS)
    found = [each for each in outcomes if each.state is decisive]
    if found:
        return found[0]
    open_ones = [each for each in outcomes if each.state is State.UNTESTED]
    if open_ones or not outcomes:
        return untested("; ".join(each.sentence for each in open_ones) or "it has no parts")
    citations = tuple(cited for each in outcomes for cited in each.citations)
    return Outcome(other, "; ".join(each.sentence for each in outcomes), citations)


def is_specific(condition: Condition) -> bool:
    """Tell whether a condition, holding, points at one product or fault."""
    if condition.parts:
        return not condition.negated and any(is_specific(part) for part in condition.parts)
    test = test_named(condition.test)
    return test is not None and test.specific and not condition.negated


def duration(text: str) -> timedelta | None:
    """Read "10 minutes", "2 h", "30 d"; None for anything else."""
    found = _DURATION.fullmatch(text.casefold())
    return timedelta(seconds=_SECONDS[found[2][0]] * int(found[1])) if found else None


def fits(value: Any, patterns: tuple[str, ...]) -> bool:
    """Tell whether a text fits one of the patterns (`*`, `?`), in any case."""
    text = str(value).casefold()
    return any(fnmatchcase(text, pattern.casefold()) for pattern in patterns)
