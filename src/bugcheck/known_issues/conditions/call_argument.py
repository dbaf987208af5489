"""The telling stack → has an argument of a function one of some values?

Source: the stack of an analysed 32-bit dump.
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, fails, holds, issue_test, untested
from bugcheck.known_issues.crash_tests import NO_CRASH, is_frame, nameless_module
from bugcheck.known_issues.situation import Situation


@issue_test("function", "number", "value", specific=True)
def call_argument(values: Values, situation: Situation) -> Outcome:
    """An argument (1 to 3) of a function on the stack has one of these values, as a 32-bit stack shows it."""
    crash, wanted, number = situation.crash, values.texts("function"), values.number("number") or 0
    shown = " or ".join(wanted)
    if crash is None or not crash.stack:
        return untested(f"argument {number} of {shown}: {NO_CRASH if crash is None else 'no stack'}")
    calls = [call for call in crash.stack if is_frame(call.name, wanted)]
    if not calls and crash.whole_stack and not nameless_module(crash, wanted):
        return fails(f"{shown} was not called: it is not on the stack", crash.cite("stack"))
    known = [call for call in calls if 1 <= number <= len(call.arguments)]
    if not known or crash.architecture != "x86":
        return untested(f"argument {number} of {shown}: the stack does not show it")
    value = known[0].arguments[number - 1]
    inside = value in values.numbers("value")
    return (holds if inside else fails)(f"argument {number} of {known[0].name} is {value:#x}", crash.cite("stack"))
