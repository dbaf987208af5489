"""Lists of drivers → was one of some drivers loaded?

Source: the lists `drivers_seen` draws on.
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, fails, holds, issue_test, untested
from bugcheck.known_issues.drivers_seen import drivers_seen, lists_drivers
from bugcheck.known_issues.situation import Situation

_STATES = {"loaded": "was loaded", "unloaded": "had been loaded and unloaded again", "installed": "is installed"}


@issue_test("driver", specific=True)
def driver_loaded(values: Values, situation: Situation) -> Outcome:
    """One of the drivers was loaded (or, without a crash's list, is installed)."""
    names = values.texts("driver")
    found = [each for each in drivers_seen(situation, names) if each.state in _STATES]
    loaded = [each for each in found if each.state != "installed"]
    listed = lists_drivers(situation)
    if loaded or (found and not (situation.crash and "loaded at" in listed)):
        best = (loaded or found)[0]
        return holds(f"{best.name} {_STATES[best.state]}", (best.cited,))
    shown = " or ".join(names)
    if not listed:
        return untested(f"whether {shown} was loaded: no list of drivers")
    note = "; it is installed, though" if found else ""
    return fails(f"{shown} is not among {listed}{note}", situation.crash.cite("modules") if situation.crash else ())
