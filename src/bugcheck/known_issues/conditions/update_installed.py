"""Lists of updates → is a Windows update installed?

Source: facts of kind `update` (knowledge/fact_kinds.tsv).
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, issue_test
from bugcheck.known_issues.host_tests import presence
from bugcheck.known_issues.situation import Situation


@issue_test("update")
def update_installed(values: Values, situation: Situation) -> Outcome:
    """A Windows update is installed ("KB938648" or "938648")."""
    wanted = {each.upper().removeprefix("KB") for each in values.texts("update")}
    listed = situation.facts("update")
    found = [seen for seen in listed if seen.fact.name.upper().removeprefix("KB") in wanted]
    return presence(found, listed, f"update KB{' or KB'.join(sorted(wanted))}")
