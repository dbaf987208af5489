"""Settings → has one of them one of some values?

Source: facts of kinds `setting`, `memory_setting` and `crash_control` (knowledge/fact_kinds.tsv).
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, fails, fits, holds, issue_test, untested
from bugcheck.known_issues.situation import Situation

_SETTINGS = ("setting", "memory_setting", "crash_control")


@issue_test("name", may=("value", "kind"))
def setting_is(values: Values, situation: Situation) -> Outcome:
    """A setting (memory, crash control or any) has one of these values; without values, it is set at all."""
    names, wanted = values.texts("name"), values.texts("value")
    kinds = values.texts("kind") or _SETTINGS
    found = [seen for kind in kinds for seen in situation.facts(kind) if fits(seen.fact.name, names)]
    if not found:
        return untested(f"the setting {' or '.join(names)}: not known")
    inside = next((seen for seen in found if not wanted or fits(seen.fact.value, wanted)), None)
    shown = inside or found[0]
    return (holds if inside else fails)(f"{shown.fact.name} is {shown.fact.value or 'set'}", (shown.cited,))
