"""How the system stopped → by itself, or after it hung?

Source: the analysed dump, or what a log tells of a crash.
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, fails, fits, holds, issue_test, untested
from bugcheck.known_issues.crash_tests import NO_CRASH
from bugcheck.known_issues.situation import Situation


@issue_test("is")
def effect(values: Values, situation: Situation) -> Outcome:
    """The system stopped by itself ("crash"), or hung until somebody stopped it ("hang")."""
    crash, wanted = situation.crash, values.texts("is")
    if crash is None:
        return untested(f"whether the effect is a {' or '.join(wanted)}: {NO_CRASH}")
    inside = fits(crash.effect, wanted)
    sentence = f"the effect is a {crash.effect}" + ("" if inside else f", not a {' or '.join(wanted)}")
    return (holds if inside else fails)(sentence, crash.cite("bug check"))
