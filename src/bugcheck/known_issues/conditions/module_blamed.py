"""The verdict → does it blame one of some modules?

Source: the verdict of the analysed dump, or what a log tells of a crash.
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, fails, holds, issue_test, untested
from bugcheck.known_issues.crash_tests import NO_CRASH
from bugcheck.known_issues.drivers_seen import stem
from bugcheck.known_issues.situation import Situation

_NO_MODULE = ("hardware", "configuration")
"""Categories of a verdict that clear every module."""


@issue_test("module", specific=True)
def module_blamed(values: Values, situation: Situation) -> Outcome:
    """The verdict blames one of these modules."""
    crash, names = situation.crash, values.texts("module")
    if crash is None or not crash.level:
        return untested(f"whether {' or '.join(names)} is to blame: {NO_CRASH if crash is None else 'no analysis'}")
    blamed = crash.image or crash.module
    if blamed is None and crash.level != "none" and crash.category in _NO_MODULE:
        return fails(f"{crash.category} is blamed, not {' or '.join(names)}", crash.cite("verdict"))
    if blamed is None:
        return untested(f"whether {' or '.join(names)} is to blame: the analysis blames no module")
    guilty = {stem(each) for each in (crash.image, crash.module) if each}
    cited = crash.cite("verdict")
    if guilty & set(map(stem, names)):
        return holds(f"{blamed} is blamed ({crash.level} confidence)", cited)
    return fails(f"{blamed} is blamed, not {' or '.join(names)}", cited)
