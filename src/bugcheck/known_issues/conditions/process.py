"""The current process → is it one of some file names?

Source: the analysed dump, or what a log tells of a crash.
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, fails, fits, holds, issue_test, untested
from bugcheck.known_issues.crash_tests import NO_CRASH
from bugcheck.known_issues.situation import Situation


@issue_test("name")
def process(values: Values, situation: Situation) -> Outcome:
    """The current process is one of these file names."""
    crash, names = situation.crash, values.texts("name")
    if crash is None or not crash.process:
        return untested(f"whether {' or '.join(names)} was running: {NO_CRASH if crash is None else 'not known'}")
    # the kernel keeps 15 characters of a name
    inside = fits(crash.process, names) or fits(crash.process, tuple(name[:15] for name in names))
    sentence = f"the current process is {crash.process}" + ("" if inside else f", not {' or '.join(names)}")
    return (holds if inside else fails)(sentence, crash.cite("process"))
