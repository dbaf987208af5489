"""The crash's bucket or signature → does it fit a pattern?

Source: the analysed dump, or what a log tells of a crash.
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, fails, fits, holds, issue_test, untested
from bugcheck.known_issues.crash_tests import NO_CRASH
from bugcheck.known_issues.situation import Situation


@issue_test("name", specific=True)
def bucket(values: Values, situation: Situation) -> Outcome:
    """The crash's bucket or signature fits a pattern ("*_SYMEFASI!*")."""
    crash, names = situation.crash, values.texts("name")
    known = [each for each in (crash.bucket, crash.signature) if each] if crash else []
    if crash is None or not known:
        return untested(f"whether the bucket is {' or '.join(names)}: {NO_CRASH if crash is None else 'none is known'}")
    found = next((each for each in known if fits(each, names)), None)
    if found:
        return holds(f"the bucket is {found}", crash.cite("bucket"))
    return fails(f"the bucket is {known[0]}", crash.cite("bucket"))
