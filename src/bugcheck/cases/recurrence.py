"""A new crash and those of the case → the same crash again, another one, or a stop the case already knows.

Source: the signature of `verdict.signature`, which outlives a new build; where it differs, blame and stack, as
`verdict.comparison` weighs them.

Folklore: a treatment that fails shows the same crash; one that uncovers the next fault, or a second fault that was
there all along, shows another.  They ask for different answers, and "it crashed again" hides which it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bugcheck.evidence.evidence import CrashSeen
from bugcheck.timeline.store import StoredCrash

SAME, ANOTHER, KNOWN = "same_crash", "another_crash", "known"
ON_PURPOSE, UNREADABLE, NO_DUMP, PENDING = "on_purpose", "unreadable", "no_dump", "pending"
LEVELS, ALIKE = 8, 3
"""How many levels of two stacks are compared, and how many functions must be in both."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """What the watch says of one new dump.

    Attributes:
        path: of the file. sha256: of it. verdict: one of the words above.
        seen: what the dump shows, None when it could not be read. like: evidence id of the crash it is like, or "".
        why: the verdict's reason, a clause. after_step: it happened after the last step of the plan was taken; None
            when no step was, or the dump tells no time.
    """

    path: str
    sha256: str
    verdict: str
    seen: CrashSeen | None
    like: str
    why: str
    after_step: bool | None


def judge(
    path: str,
    sha256: str,
    new: StoredCrash,
    known: Sequence[StoredCrash],
    taken: datetime | None,
    told_by: frozenset[str] = frozenset(),
) -> Recurrence:
    """Compare a crash with those known; `taken`: when the last step of the plan was, `told_by`: what else shows it."""
    seen = new.seen
    after = seen.time > taken if seen.time and taken else None
    already = next((each for each in known if each.evidence in told_by), None)
    if already is not None:
        return Recurrence(path, sha256, KNOWN, seen, already.evidence, "the case has another file of this stop", after)
    if seen.manual:
        return Recurrence(path, sha256, ON_PURPOSE, seen, "", "the system was stopped on purpose", after)
    for each in reversed(known):
        if not each.seen.manual and (why := likeness(seen, each.seen)):
            return Recurrence(path, sha256, SAME, seen, each.evidence, why, after)
    why = "no crash of the case is like it" if known else "the case has no crash to compare it with"
    return Recurrence(path, sha256, ANOTHER, seen, "", why, after)


def likeness(first: CrashSeen, second: CrashSeen) -> str:
    """Why two crashes are the same, a clause; "" when they are not."""
    if first.code != second.code:
        return ""
    if first.signature and first.signature == second.signature:
        return f"the same signature, {first.signature}"
    if first.bucket and first.bucket == second.bucket:
        return f"the same bucket, {first.bucket}"
    if not first.image or (first.image or "").lower() != (second.image or "").lower():
        return ""
    shared = [name for name in _functions(first) if name in set(_functions(second))]
    if len(shared) < ALIKE:
        return ""
    return f"the same bug check put down to {first.image}, with {len(shared)} functions of the stack in common"


def _functions(seen: CrashSeen) -> list[str]:
    """Functions of the stack's innermost levels; a level without a name tells nothing."""
    names = [name.partition("+")[0].lower() for name in seen.stack[:LEVELS]]
    return list(dict.fromkeys(name for name in names if "!" in name))
