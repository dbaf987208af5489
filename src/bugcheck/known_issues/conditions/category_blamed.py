"""The verdict → does it blame a kind of thing?

Source: the verdict of the analysed dump, or what a log tells of a crash.
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, fails, fits, holds, issue_test, untested
from bugcheck.known_issues.crash_tests import NO_CRASH
from bugcheck.known_issues.situation import Situation


@issue_test("category")
def category_blamed(values: Values, situation: Situation) -> Outcome:
    """The verdict blames this kind of thing: driver, hardware, software, corruption, configuration."""
    crash, wanted = situation.crash, values.texts("category")
    if crash is None or crash.level in ("", "none"):
        return untested(f"whether {' or '.join(wanted)} is to blame: {NO_CRASH if crash is None else 'no verdict'}")
    return (holds if fits(crash.category, wanted) else fails)(f"{crash.category} is blamed", crash.cite("verdict"))
