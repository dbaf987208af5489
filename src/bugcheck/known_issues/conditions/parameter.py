"""A parameter of the bug check → is it one of some values, or near null?

Source: the analysed dump, or what a log tells of a crash.
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, fails, holds, issue_test, untested
from bugcheck.known_issues.crash_tests import NO_CRASH
from bugcheck.known_issues.situation import Situation


@issue_test("number", may=("value", "near"))
def parameter(values: Values, situation: Situation) -> Outcome:
    """A parameter of the bug check (1 to 4) is one of some values, or near null (near = "null")."""
    crash, number = situation.crash, values.number("number") or 0
    if crash is None or not 1 <= number <= len(crash.parameters):
        return untested(f"parameter {number} of the bug check: {NO_CRASH if crash is None else 'not known'}")
    value, wanted = crash.parameters[number - 1], values.numbers("value")
    inside = value in wanted or (values.text("near") == "null" and value < 0x1_0000)
    return (holds if inside else fails)(f"parameter {number} is {value:#x}", crash.cite(f"parameter {number}"))
