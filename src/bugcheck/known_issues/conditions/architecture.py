"""The processor architecture of Windows → is it one of some?

Source: the analysed dump, or what a log tells of a crash.
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, fails, fits, holds, issue_test, untested
from bugcheck.known_issues.situation import Situation


@issue_test("is")
def architecture(values: Values, situation: Situation) -> Outcome:
    """The Windows is "x86", "x64" or "arm64"."""
    wanted = values.texts("is")
    crash = situation.crash
    if crash is None or not crash.architecture:
        return untested(f"whether Windows is {' or '.join(wanted)}: not known")
    return (holds if fits(crash.architecture, wanted) else fails)(
        f"Windows is {crash.architecture}", crash.cite("header")
    )
