"""Lists of drivers → is a driver in a state by name?

Source: the lists `drivers_seen` draws on.
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, fails, fits, holds, issue_test, untested
from bugcheck.known_issues.drivers_seen import DriverSeen, drivers_seen, lists_drivers
from bugcheck.known_issues.situation import Situation


@issue_test("driver", "state")
def driver_state(values: Values, situation: Situation) -> Outcome:
    """A driver is in a state by name: "loaded", "unloaded", "installed", "on disk"."""
    names, states = values.texts("driver"), values.texts("state")
    seen: list[DriverSeen] = drivers_seen(situation, names)
    found = next((each for each in seen if fits(each.state, states)), None)
    if found:
        return holds(f"{found.name}: {found.state}", (found.cited,))
    if seen or lists_drivers(situation):
        return fails(f"{' or '.join(names)} is not {' or '.join(states)}", tuple(each.cited for each in seen[:1]))
    return untested(f"the state of {' or '.join(names)}: no list of drivers")
