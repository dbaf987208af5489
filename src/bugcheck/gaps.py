"""What could not be answered → a Gap: the question, what was missing, and how to get it.

Gaps are made at every stage, from the reader that meets a cut-off list to the rule that lacks symbols, so the type
lives in the ground (ADR 0002).
"""

from __future__ import annotations

from bugcheck.records import dataclass


@dataclass(frozen=True, slots=True)
class Gap:
    """A question without an answer.

    Attributes:
        what: what is not known ("names in nt").
        missing: what would be needed for it ("ntkrnlmp.pdb {GUID} age 1").
        remedy: the command or action that would get it, or "" when nothing can.
        damage: True when the file itself is truncated or corrupt here, rather than merely silent.
    """

    what: str
    missing: str
    remedy: str = ""
    damage: bool = False
