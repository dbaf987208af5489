"""The kept analysis of a crash → its stack for the page of the case.

Source: `bugcheck.analysis/1` as the store keeps it; the folding is `page_stack.py`'s, from the same list of owners.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import groupby
from typing import Any, cast

from bugcheck.cases.investigate import Case
from bugcheck.findings.frame_owners import Owner, owner_of
from bugcheck.reports.case_words import Words, counted
from bugcheck.reports.page import Fold, Level, StackList
from bugcheck.reports.page_stack import KERNEL, LEAST_FOLDED, MAX_LEVELS, SCANNED
from bugcheck.reports.spoken import Say
from bugcheck.timeline.crashes import IncidentCrash


def telling_crash(case: Case) -> IncidentCrash | None:
    """The newest crash with a stack that blames what the first hypothesis does; else the newest with a stack."""
    found = [crash for crash in case.investigation.crashes if crash.number is not None and crash.seen is not None]
    drivers = [each.driver for each in case.weighed.hypotheses[:1] if each.driver]
    blaming = [crash for crash in found if crash.seen and (crash.seen.image or "").lower() in drivers]
    return next(iter((blaming or found)[::-1]), None)


def case_stack(case: Case, crash: IncidentCrash, words: Words, say: Say) -> StackList | None:
    """The stack of a crash; None when no analysis of it is kept, or it has none."""
    text = case.timeline.store.analyses().get(crash.number) if crash.number is not None else None
    if not text:
        return None
    analysis = cast("dict[str, Any]", json.loads(text))
    frames = cast("list[dict[str, Any]]", analysis.get("fault_stack") or analysis.get("stack") or [])
    blamed = crash.seen.module if crash.seen else None
    items: list[Level | Fold] = []
    for reason, group in groupby(frames[:MAX_LEVELS], key=_reason):
        levels = tuple(_level(frame, blamed, words, say) for frame in group)
        if levels[0].index and len(levels) >= LEAST_FOLDED.get(reason, MAX_LEVELS + 1):
            items.append(Fold(reason, levels, counted(words, "levels", len(levels)).format(say(reason))))
        else:
            items.extend(levels)
    return StackList(tuple(items), how=words["found how"]) if items else None


def _reason(frame: Mapping[str, Any]) -> str:
    if frame.get("trust") == "scan":
        return SCANNED
    module = frame.get("module")
    owner = owner_of(str(module), frame.get("symbol")) if module else Owner.SURE
    return KERNEL if owner in (Owner.IGNORE, Owner.STOP) else ""


def _level(frame: Mapping[str, Any], blamed: str | None, words: Words, say: Say) -> Level:
    details = [
        f"{frame['file']}:{frame['line']}" if frame.get("file") else "",
        words["inlined"] if frame.get("inline") else "",
        str(frame.get("warning") or ""),
    ]
    return Level(
        index=int(frame.get("index", 0)),
        place=str(frame.get("name") or frame.get("ip") or "?"),
        detail="   ".join(filter(None, details)),
        found_by=say(str(frame.get("trust", "")).replace("_", " ")),
        blamed=blamed is not None and frame.get("module") == blamed,
    )
