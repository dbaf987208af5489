"""Lists of services → is a service registered, with a start type or state?

Source: facts of kind `service` (knowledge/fact_kinds.tsv).
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, fits, issue_test
from bugcheck.known_issues.host_tests import presence
from bugcheck.known_issues.situation import Situation


@issue_test("service", may=("start_type", "state"))
def service_present(values: Values, situation: Situation) -> Outcome:
    """A service is registered (key or display name), with a start type or state where one is given."""
    names = values.texts("service")
    listed = situation.facts("service")
    found = [
        seen
        for seen in listed
        if (fits(seen.fact.name, names) or fits(seen.fact.fields.get("display_name", ""), names))
        and all(
            not values.texts(field) or fits(seen.fact.fields.get(field, seen.fact.value), values.texts(field))
            for field in ("start_type", "state")
        )
    ]
    return presence(found, listed, f"service {' or '.join(names)}")
