"""The findings of the analysis → does a rule say what a pattern asks for?

Source: the findings of the analysed dump.
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, fails, fits, holds, issue_test, untested
from bugcheck.known_issues.crash_tests import NO_CRASH
from bugcheck.known_issues.situation import Situation


@issue_test("rule", may=("says",))
def finding(values: Values, situation: Situation) -> Outcome:
    """The analysis has a finding of a rule, whose statement fits a pattern where one is given."""
    crash, rules, says = situation.crash, values.texts("rule"), values.texts("says")
    if crash is None or not crash.findings:
        return untested(f"the finding {' or '.join(rules)}: {NO_CRASH if crash is None else 'no analysis'}")
    for each in crash.findings:
        if fits(each.rule, rules) and (not says or fits(each.statement, says)):
            return holds(each.statement, crash.cite(f"finding {each.rule}"))
    return fails(f"the analysis has no finding {' or '.join(rules)} that says so", crash.cite("findings"))
