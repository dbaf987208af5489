"""A Plan → text and back, and what people decided shown in it: steps that are done, from when the watch counts.

Source: `plans.plan`.  The plan of the last investigation is kept, so that a look of the watch that finds nothing costs
nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from bugcheck.cases.store import CaseStore, Decision
from bugcheck.plans.plan import Plan, Treatment
from bugcheck.plans.watching import Watch


def plan_text(plan: Plan) -> str:
    """Write a plan down."""
    watch = plan.watch
    return json.dumps(
        {
            "steps": [asdict(step) for step in plan.steps],
            "quiet": watch.quiet.total_seconds() if watch.quiet else None,
            "since": watch.since.isoformat() if watch.since else None,
            "confidence": watch.confidence,
            "basis": watch.basis,
        }
    )


def kept_plan(store: CaseStore) -> Plan | None:
    """The plan of a case's last investigation, None before the first."""
    text = store.plan()
    if not text:
        return None
    values = json.loads(text)
    quiet = timedelta(seconds=values["quiet"]) if values["quiet"] is not None else None
    since = datetime.fromisoformat(values["since"]) if values["since"] else None
    until = since + quiet if since and quiet else None
    steps = tuple(Treatment(**step) for step in values["steps"])
    return Plan(steps, Watch(quiet, since, until, values["confidence"], values["basis"]))


def with_decisions(plan: Plan, decisions: Sequence[Decision]) -> Plan:
    """Mark the steps that people decided to have taken; the watch counts from the last of them."""
    taken = {each.treatment: each for each in decisions if each.treatment}
    steps = tuple(replace(step, done=_told(taken[step.text])) if step.text in taken else step for step in plan.steps)
    last = max((each.time for each in taken.values()), default=None)
    watch = plan.watch
    if last is not None and (watch.since is None or last > watch.since):
        watch = replace(watch, since=last, until=last + watch.quiet if watch.quiet else None)
    return Plan(steps, watch)


def with_promise(plan: Plan, before: Plan | None, decisions: Sequence[Decision]) -> Plan:
    """Keep the steps that were taken, and behind them the one that stood ready, whatever new evidence does to the rest.

    It was said what comes if it crashes again; a step whose hypothesis fell stays in the plan as what was done.
    """
    taken = [each.treatment for each in decisions if each.treatment]
    if before is None or not taken:
        return plan
    done = [step for step in before.steps if step.text in taken]
    last = max((step.step for step in done), default=0)
    ready = next((step.text for step in before.steps if step.text not in taken and step.step > last), "")
    done += [step for step in plan.steps if step.text in taken and step.text not in [each.text for each in done]]
    rest = [step for step in plan.steps if step.text not in taken]
    rest.sort(key=lambda step: step.text != ready)  # stable: only the promised one moves
    ordered = [*done, *rest]
    steps = tuple(
        replace(step, step=number, if_recurs=number + 1 if number < len(ordered) else None)
        for number, step in enumerate(ordered, 1)
    )
    return replace(plan, steps=steps)


def _told(decision: Decision) -> str:
    by = f"{decision.by}, " if decision.by else ""
    return f"{decision.text} ({by}{decision.time:%Y-%m-%d %H:%M} UTC)"


def step_taken(plan: Plan) -> Treatment | None:
    """The last step that is done, None when none is."""
    return next((step for step in reversed(plan.steps) if step.done), None)


def next_step(plan: Plan) -> Treatment | None:
    """The step to take now: the first not done behind the last that is, else the first not done at all."""
    last = step_taken(plan)
    behind = [step for step in plan.steps if not step.done and (last is None or step.step > last.step)]
    return next(iter(behind), None) or next((step for step in plan.steps if not step.done), None)
