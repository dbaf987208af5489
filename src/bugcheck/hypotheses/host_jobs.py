"""Scheduled tasks and records of their runs → whether jobs between two hosts come just before the crashes.

Source: schedules of tasks, run records in task and backup logs.

Folklore: a schedule is written in the host's local time, and so the crashes are compared with it in that time.
"""

from __future__ import annotations

import re
from datetime import timedelta

from bugcheck.hypotheses.hypothesis import Prediction
from bugcheck.hypotheses.investigation import MINUTE, Investigation
from bugcheck.hypotheses.predicting import cites_of, decided, preceded, untested
from bugcheck.timeline.hosts import Host
from bugcheck.timeline.store import PlacedFact
from bugcheck.timeline.timed_event import TimedEvent

JOBS = ("task_run", "file_copied", "backup")
BEFORE_JOB = 60
"""Minutes before a crash in which a job is looked for."""
_TIME_OF_DAY = re.compile(r"\b([01]?\d|2[0-3]):([0-5]\d)(?::[0-5]\d)?\b")


def task_concerns(task: PlacedFact, other: Host, failed: tuple[str, ...]) -> bool:
    """Tell whether a task copies between this host and one that failed."""
    text = " ".join((task.fact.value, *task.fact.fields.values())).lower()
    names = other.names if task.host in failed else {name.lower() for name in failed}
    copies = "\\\\" in text or any(word in text for word in ("copy", "backup", "ntbackup", "robocopy", "备份", "复制"))
    named = any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) for name in names)
    return (named or task.host == other.name) and copies


def run_concerns(event: TimedEvent, other: Host) -> bool:
    """Tell whether an event of a job is this host's or names it."""
    text = f"{event.text} {' '.join(event.fields.values())}".lower()
    named = any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) for name in other.names)
    return event.host == other.name or named


def job_ran(investigation: Investigation, other: Host) -> Prediction:
    """Predict, from the records of runs, that a job of this host runs before each crash."""
    return preceded(
        investigation,
        JOBS,
        topic="jobs",
        expect=f"a job or copy runs within {BEFORE_JOB} minutes before each crash",
        words=f"run of a job between {other.name} and the failed host",
        minutes=BEFORE_JOB,
        weight=1.8,
        against=2.5,
        only=lambda event: run_concerns(event, other),
        necessary=True,
        group="jobs",
        remedy="add the task scheduler's and backup logs of both hosts",
    )


def jobs_scheduled(investigation: Investigation, tasks: list[PlacedFact]) -> Prediction:
    """Predict, from the schedules of tasks, that most crashes come within an hour after one starts."""
    topic, expect = "jobs", "the crashes follow the jobs' schedule"
    schedules = {task.fact.name: _times(task) for task in tasks}
    starts = sorted({start for times in schedules.values() for start in times})
    if not starts or not investigation.times:
        missing = "at what times the jobs run" if not starts else "the time of no crash is known"
        return untested(topic, expect, missing, "add the output of: schtasks /query /fo csv /v", 1.8, 2.5)
    failed = investigation.timeline.host(investigation.failed[0])
    zone = failed.zone if failed else None
    walls = [time.astimezone(zone) for time in investigation.times]
    clocks = [timedelta(hours=wall.hour, minutes=wall.minute) for wall in walls]
    near = [
        clock for clock in clocks if any((clock - start) % timedelta(days=1) <= BEFORE_JOB * MINUTE for start in starts)
    ]
    holds = len(near) * 2 > len(clocks)
    at = ", ".join(sorted({f"{wall:%H:%M}" for wall in walls}))
    runs = ", ".join(f"{start.seconds // 3600:02}:{start.seconds // 60 % 60:02}" for start in starts)
    told = f"the jobs run at {runs}; the crashes were at {at}"
    return decided(topic, expect, told, holds, 1.8, 2.5, cites_of(tasks), necessary=True, group="jobs")


def _times(task: PlacedFact) -> list[timedelta]:
    """Times of day in a task's schedule, local."""
    texts = (task.fact.fields.get(name, "") for name in ("schedule", "start_time", "next_run"))
    for text in texts:
        if found := [timedelta(hours=int(hour), minutes=int(minute)) for hour, minute in _TIME_OF_DAY.findall(text)]:
            return found
    return []
