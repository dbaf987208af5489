"""Version resources of drivers → does a driver's version lie in a range?

Source: the lists `drivers_seen` draws on.
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, fails, holds, issue_test, untested
from bugcheck.known_issues.drivers_seen import drivers_seen
from bugcheck.known_issues.situation import Situation
from bugcheck.known_issues.versions import in_range


@issue_test("driver", "version", specific=True)
def driver_version(values: Values, situation: Situation) -> Outcome:
    """A driver's file version lies in a range (">=62.26, <62.27")."""
    names, wanted = values.texts("driver"), values.text("version")
    versions = [each for each in drivers_seen(situation, names) if each.version]
    judged = [(each, in_range(each.version, wanted)) for each in versions]
    if not any(answer is not None for _, answer in judged):
        return untested(f"the version of {' or '.join(names)} (affected: {wanted}): no version resource at hand")
    best, inside = next((pair for pair in judged if pair[1]), next(pair for pair in judged if pair[1] is not None))
    sentence = f"{best.name} has version {best.version}, which is {'' if inside else 'not '}in {wanted}"
    return (holds if inside else fails)(sentence, (best.cited,))
