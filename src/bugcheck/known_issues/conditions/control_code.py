"""Device control requests on the stack → is one of them of some codes?

Source: the findings of the crash, which name the request.
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, fails, holds, issue_test, untested
from bugcheck.known_issues.crash_tests import NO_CRASH
from bugcheck.known_issues.situation import Situation


@issue_test("code", specific=True)
def control_code(values: Values, situation: Situation) -> Outcome:
    """The stack shows a device control request with one of these codes."""
    crash, codes = situation.crash, values.numbers("code")
    shown = " or ".join(f"{code:#010x}" for code in codes)
    if crash is None or not crash.control_codes:
        return untested(f"whether control code {shown} was sent: {NO_CRASH if crash is None else 'none was found'}")
    found = ", ".join(f"{code:#010x}" for code in crash.control_codes)
    inside = bool(set(codes) & set(crash.control_codes))
    sentence = f"control code {found} is on the stack" + ("" if inside else f", not {shown}")
    return (holds if inside else fails)(sentence, crash.cite("stack"))
