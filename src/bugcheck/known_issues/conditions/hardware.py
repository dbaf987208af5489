"""Facts about hardware → does a piece of it fit a pattern?

Source: facts of kind `hardware` (knowledge/fact_kinds.tsv).
"""

from __future__ import annotations

from bugcheck.known_issues.condition import Outcome, Values, fails, fits, holds, issue_test, untested
from bugcheck.known_issues.situation import SeenFact, Situation


@issue_test("what", "is")
def hardware(values: Values, situation: Situation) -> Outcome:
    """A piece of hardware (system, board, bios, cpu, memory, disk, display) fits a pattern ("*VMware*")."""
    kinds, wanted = values.texts("what"), values.texts("is")
    listed = [seen for seen in situation.facts("hardware") if fits(seen.fact.name, kinds)]
    if not listed:
        return untested(f"whether the {' or '.join(kinds)} is {' or '.join(wanted)}: not known")
    found = next((seen for seen in listed if _is_hardware(seen, wanted)), None)
    shown = found or listed[0]
    return (holds if found else fails)(f"{shown.fact.name} is {shown.fact.value}", (shown.cited,))


def _is_hardware(seen: SeenFact, wanted: tuple[str, ...]) -> bool:
    return any(fits(text, wanted) for text in (seen.fact.value, *seen.fact.fields.values()))
