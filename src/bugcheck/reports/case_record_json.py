"""A case's store, and a look of its watch → JSON: `bugcheck.case-record/1` and `bugcheck.watch/1`.

Source: docs/reference/json.md.
"""

from __future__ import annotations

from typing import Any

from bugcheck.cases.recurrence import Recurrence
from bugcheck.cases.store import CaseStore
from bugcheck.cases.watch import WatchReport
from bugcheck.plans.plan import Treatment
from bugcheck.timestamps import format_utc


def record_json(store: CaseStore) -> dict[str, Any]:
    """What a case keeps: identity, custody, how hypotheses stood, decisions, what the watch met."""
    return {
        "schema": "bugcheck.case-record/1",
        "case": {"id": store.id, "folder": store.folder, "created": format_utc(store.created)},
        "custody": [
            {"time": format_utc(line.time), "what": line.what, "path": line.path, "sha256": line.sha256 or None}
            for line in store.custody()
        ],
        "runs": [
            {
                "number": run.number,
                "time": format_utc(run.time),
                "hypotheses": [
                    {"key": each.key, "title": each.title, "state": each.state, "log_odds": each.log_odds}
                    for each in run.standings
                ],
            }
            for run in store.runs()
        ],
        "decisions": [
            {
                "time": format_utc(each.time),
                "by": each.by or None,
                "text": each.text,
                "step": each.step,
                "treatment": each.treatment or None,
            }
            for each in store.decisions()
        ],
        "watched": [
            {"sha256": each.sha256, "path": each.path, "verdict": each.verdict, "kept": each.kept or None}
            for each in store.watched()
        ],
    }


def watch_json(store: CaseStore, report: WatchReport) -> dict[str, Any]:
    """One look of the watch."""
    watch = report.plan.watch
    return {
        "schema": "bugcheck.watch/1",
        "case": {"id": store.id, "folder": store.folder},
        "time": format_utc(report.time),
        "state": report.state,
        "new_crashes": [_recurrence(each) for each in report.new],
        "waiting": list(report.waiting),
        "step_taken": _step(report.taken),
        "next_step": _step(report.next_step),
        "if_recurs": _step(report.ready),
        "quiet_since": format_utc(watch.since),
        "quiet_until": format_utc(watch.until),
        "quiet_long_enough": report.is_over,
        "confidence": watch.confidence,
        "changes": list(report.changes),
    }


def _recurrence(each: Recurrence) -> dict[str, Any]:
    seen = each.seen
    return {
        "path": each.path,
        "sha256": each.sha256,
        "verdict": each.verdict,
        "why": each.why,
        "like": each.like or None,
        "after_step": each.after_step,
        "time": format_utc(seen.time) if seen else None,
        "bugcheck": f"{seen.code:#x}" if seen and seen.code is not None else None,
        "signature": seen.signature if seen else None,
        "headline": seen.headline if seen else None,
    }


def _step(step: Treatment | None) -> dict[str, Any] | None:
    if step is None:
        return None
    return {"step": step.step, "treatment": step.text, "target": step.target, "done": step.done or None}
