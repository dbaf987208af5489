"""Facts of any kind → does one fit patterns?

Source: fact kinds of knowledge/fact_kinds.tsv.
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, fails, fits, holds, issue_test, untested
from bugcheck.known_issues.host_tests import WHOLE_LIST, told
from bugcheck.known_issues.situation import Situation


@issue_test("kind", may=("name", "value", "where"))
def fact(values: Values, situation: Situation) -> Outcome:
    """Any fact of a kind (knowledge/fact_kinds.tsv) whose name, value and fields fit patterns."""
    kind, names, wanted, where = (
        values.text("kind"),
        values.texts("name"),
        values.texts("value"),
        values.fields("where"),
    )
    listed = situation.facts(kind)
    for seen in listed:
        one = seen.fact
        if (
            (not names or fits(one.name, names))
            and (not wanted or fits(one.value, wanted))
            and all(fits(one.fields.get(name, ""), patterns) for name, patterns in where.items())
        ):
            return holds(f"{kind.replace('_', ' ')}: {told(seen)}", (seen.cited,))
    shown = f"{kind.replace('_', ' ')} {' or '.join((*names, *wanted))}".strip()
    if len(listed) < WHOLE_LIST:
        return untested(f"{shown}: nothing at hand tells")
    return fails(f"{shown} is not among the {len(listed)} listed", (listed[0].cited,))
