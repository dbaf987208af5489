"""Facts of a host → what several tests on them share: is something in a list, and how is it told?

Source: facts of evidence parsers (knowledge/fact_kinds.tsv).
"""

from __future__ import annotations

from collections.abc import Sequence

from bugcheck.known_issues.condition import Outcome, fails, holds, untested
from bugcheck.known_issues.situation import SeenFact

WHOLE_LIST = 5
"""Entries from which a list of software, services or updates counts as the whole of it."""


def told(seen: SeenFact) -> str:
    """Tell a fact as its name and value: "Symantec Endpoint Protection 11.0"."""
    return f"{seen.fact.name} {seen.fact.value}".strip()


def presence(found: Sequence[SeenFact], listed: Sequence[SeenFact], what: str) -> Outcome:
    """Tell whether something was found in a list; not found, it is only missing from a list that is whole."""
    if found:
        return holds(f"{what}: {told(found[0])}", (found[0].cited,))
    if len(listed) < WHOLE_LIST:
        return untested(f"{what}: no list that would name it")
    return fails(f"{what} is not among the {len(listed)} listed", (listed[0].cited,))
