"""A Case → the JSON contract `bugcheck.case/1`.

Source: docs/reference/json.md; numbers, times and addresses are written as in `bugcheck.analysis/1`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from bugcheck import __version__
from bugcheck.cases.investigate import Case
from bugcheck.evidence.evidence import Evidence
from bugcheck.gaps import Gap
from bugcheck.hypotheses.hypothesis import Cite, Hypothesis, Prediction
from bugcheck.hypotheses.investigation import IssueMatch
from bugcheck.plans.plan import Treatment
from bugcheck.timeline.crashes import IncidentCrash
from bugcheck.timeline.hosts import Host
from bugcheck.timestamps import format_utc

SCHEMA = "bugcheck.case/1"


def case_json(case: Case, case_id: str = "") -> dict[str, Any]:
    """Build the object; `case_id` is the case store's, "" without one."""
    analyses = case.timeline.store.analyses()
    weighed = case.weighed
    return {
        "schema": SCHEMA,
        "bugcheck_version": __version__,
        "case": {
            "id": case_id or None,
            "folder": case.folder,
            "title": case.title or None,
            "created": format_utc(case.created),
        },
        "hosts": [_host(host) for host in case.timeline.hosts],
        "crashes": [_crash(crash, analyses) for crash in case.timeline.crashes],
        "hypotheses": [_hypothesis(each) for each in weighed.hypotheses],
        "discriminating": [
            {
                "evidence": each.told,
                "separates": [*each.speaks_for, *each.speaks_against],
                "speaks_for": list(each.speaks_for),
                "speaks_against": list(each.speaks_against),
                "citations": _cites(each.prediction.citations),
            }
            for each in weighed.discriminating
        ],
        "next_test": {
            "what": weighed.next_test.what,
            "how": weighed.next_test.how,
            "would_change": weighed.next_test.would_change,
            "hypothesis": weighed.next_test.hypothesis,
        }
        if weighed.next_test
        else None,
        "known_issues": [_issue(issue) for issue in case.issues],
        "plan": [_step(step) for step in case.plan.steps],
        "watch": _watch(case),
        "evidence": [_evidence(each) for each in case.evidence],
        "gaps": [_gap(gap) for gap in case.gaps],
        "seconds": round(case.seconds, 3),
    }


def case_text(case: Case, case_id: str = "") -> str:
    """The object as one line of JSON."""
    return json.dumps(case_json(case, case_id), ensure_ascii=True) + "\n"


def _host(host: Host) -> dict[str, Any]:
    return {
        "name": host.name,
        "role": host.role,
        "os": host.os or None,
        "names": sorted(host.names),
        "time_zone": str(host.zone) if host.zone_source else None,
        "time_zone_source": host.zone_source or None,
        "clock_skew_seconds": host.skew,
        "clock_skew_source": host.skew_source or None,
    }


def _crash(crash: IncidentCrash, analyses: dict[int, str]) -> dict[str, Any]:
    seen = crash.seen
    text = analyses.get(crash.number) if crash.number is not None else None
    return {
        "host": crash.host or None,
        "time": format_utc(crash.time),
        "time_exact": crash.exact,
        "bugcheck": f"{crash.code:#x}" if crash.code is not None else None,
        "parameters": [f"{value:#x}" for value in crash.parameters],
        "signature": seen.signature if seen else None,
        "headline": seen.headline if seen else None,
        "level": seen.level if seen else None,
        "analysis": json.loads(text) if text else None,
        "sources": [source.evidence for source in crash.sources],
        "places": [{"evidence": source.evidence, "where": source.where} for source in crash.sources],
    }


def _hypothesis(each: Hypothesis) -> dict[str, Any]:
    return {
        "id": each.id,
        "key": each.key,
        "title": each.title,
        "subject": each.subject or None,
        "mechanism": each.mechanism,
        "state": each.state.value,
        "log_odds": each.log_odds,
        "prior": each.prior,
        "predictions": [_prediction(one, counted=one in each.counted) for one in each.predictions],
        "judgements": [
            {
                "by": one.by or None,
                "reason": one.reason,
                "state": one.state.value if one.state else None,
                "add": one.add,
                "at": one.at or None,
                "takes_back": one.takes_back,
                "withdrawn": one.withdrawn,
            }
            for one in each.judgements
        ],
        "decided_by": each.decided_by or None,
        "hosts": list(each.hosts),
    }


def _prediction(each: Prediction, *, counted: bool) -> dict[str, Any]:
    return {
        "topic": each.topic,
        "expect": each.expect,
        "window": [format_utc(moment) for moment in each.window] if each.window else None,
        "outcome": each.outcome.value,
        "told": each.told,
        "weight": each.weight,
        "counted": counted,
        "if_observed": each.if_observed,
        "if_contradicted": each.if_contradicted,
        "necessary": each.necessary,
        "group": each.group or None,
        "not_covered": [format_utc(moment) for moment in each.silent],
        "remedy": each.remedy or None,
        "citations": _cites(each.citations),
    }


def _cites(cites: tuple[Cite, ...]) -> list[dict[str, str]]:
    return [{"evidence": cite.evidence, "where": cite.where} for cite in cites]


def _issue(issue: IssueMatch) -> dict[str, Any]:
    return {
        "id": issue.id,
        "title": issue.title,
        "match": issue.kind,
        "holds": list(issue.holds),
        "fails": list(issue.fails),
        "untested": list(issue.untested),
        "treatments": list(issue.treatments),
        "sources": list(issue.sources),
    }


def _step(step: Treatment) -> dict[str, Any]:
    return {
        "step": step.step,
        "treatment": step.text,
        "target": step.target,
        "acts_on": step.acts_on,
        "cost": step.cost or None,
        "risk": step.risk,
        "undo": step.undo or None,
        "proves": step.proves or None,
        "source": step.source,
        "if_recurs": step.if_recurs,
        "done": step.done or None,
    }


def _watch(case: Case) -> dict[str, Any]:
    watch = case.plan.watch
    return {
        "quiet_seconds": watch.quiet.total_seconds() if watch.quiet else None,
        "since": format_utc(watch.since),
        "quiet_until": format_utc(watch.until),
        "confidence": watch.confidence,
        "basis": watch.basis,
    }


def _evidence(each: Evidence) -> dict[str, Any]:
    return {
        "id": each.id,
        "host": each.host or None,
        "path": each.path,
        "sha256": each.sha256 or None,
        "size": each.size,
        "kind": each.kind,
        "covers": list(_covers(each)),
        "events": each.events,
        "facts": each.facts,
        "quality": each.quality.value,
        "origin": each.origin,
        "notes": "; ".join(each.notes) or None,
    }


def _covers(each: Evidence) -> Iterator[str | None]:
    if each.spans:
        yield format_utc(min(span.start for span in each.spans))
        yield format_utc(max(span.end for span in each.spans))


def _gap(gap: Gap) -> dict[str, Any]:
    return {"what": gap.what, "missing": gap.missing, "remedy": gap.remedy or None, "damage": gap.damage}
