"""Matches of one crash → those worth a line beside its verdict.

- a **match** whose bug check, access, call or parameters are the crash's own;
- what is **possible** and points at this fault, not merely at a product that is there;
- a **near miss** that blames the module the verdict blames and has a sign of the fault in common: the one a reader
  would find by himself and take for the answer.

Source: `matching.py` for what the three are.

Folklore: a list of everything that names the driver is what search engines give; nobody reads the third line.
"""

from __future__ import annotations

from collections.abc import Iterable

from bugcheck.known_issues.condition import State, is_specific
from bugcheck.known_issues.issue import Role
from bugcheck.known_issues.matching import MATCH, NEAR_MISS, Match

OF_THE_FAULT = frozenset(
    ["bugcheck", "parameter", "fault_kind", "call_argument", "control_code", "system_call", "frame_on_stack",
     "bucket", "finding"]
)  # fmt: skip
"""Tests that look at the fault itself, not at what is installed or loaded."""
MOST = 4


def worth_telling(matches: Iterable[Match]) -> list[Match]:
    """Keep what tells a reader something about this crash, in the order given."""
    return [each for each in matches if _tells(each)][:MOST]


def _tells(found: Match) -> bool:
    held = [each.condition for each in found.checked if each.state is State.HOLDS]
    if not any(condition.test in OF_THE_FAULT for condition in held):
        return False
    if found.kind == MATCH:
        return True
    if found.kind == NEAR_MISS:
        return any(condition.test == "module_blamed" and not condition.negated for condition in held)
    return any(condition.role is not Role.SCOPE and is_specific(condition) for condition in held)
