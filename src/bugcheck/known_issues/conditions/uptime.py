"""How long the system had been running → less or more than some time?

Source: the analysed dump, or what a log tells of a crash.
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, duration, fails, holds, issue_test, untested
from bugcheck.known_issues.crash_tests import NO_CRASH
from bugcheck.known_issues.situation import Situation


@issue_test(may=("below", "above"))
def uptime(values: Values, situation: Situation) -> Outcome:
    """The system had been running for less than (below) or more than (above) some time ("10 minutes")."""
    crash, below, above = situation.crash, duration(values.text("below")), duration(values.text("above"))
    if crash is None or crash.uptime is None:
        return untested(f"how long the system had been running: {NO_CRASH if crash is None else 'not known'}")
    seconds = crash.uptime
    inside = (not below or seconds < below.total_seconds()) and (not above or seconds > above.total_seconds())
    wanted = " ".join(f"{name} {values.text(name)}" for name in ("below", "above") if values.text(name))
    sentence = f"the system had been running for {seconds / 60:,.0f} minutes" + ("" if inside else f", not {wanted}")
    return (holds if inside else fails)(sentence, crash.cite("header"))
