"""Scheduled tasks and records of their runs → whether jobs between two hosts come just before the crashes.

Source: schedules of tasks, run records in task and backup logs.

Folklore: a schedule is written in the host's local time, and so the crashes are compared with it in that time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta, tzinfo

from bugcheck.hypotheses.hypothesis import Prediction
from bugcheck.hypotheses.investigation import MINUTE, Investigation
from bugcheck.hypotheses.preceding import Sought, preceded
from bugcheck.hypotheses.predicting import cites_of, decided, untested
from bugcheck.timeline.hosts import Host
from bugcheck.timeline.store import PlacedFact
from bugcheck.timeline.timed_event import TimedEvent

JOBS = ("task_run", "file_copied", "backup")
BEFORE_JOB = 60
"""Minutes before a crash in which a job is looked for."""
DAY = timedelta(days=1)
_REPEATING = ("hour", "minut", "idle", "logon", "startup", "start up", "stunde", "heure", "小时", "分钟", "分鐘")
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


def job_ran(investigation: Investigation, other: Host, runs: Sequence[TimedEvent]) -> Prediction:
    """Predict, from the records of runs, that a job of this host runs before each crash.

    Only records of the kind that told of the runs, on the hosts that told of them, speak by their silence.
    """
    return preceded(
        investigation,
        Sought(
            JOBS,
            f"run of a job between {other.name} and the failed host",
            BEFORE_JOB,
            host=None,
            only=lambda event: run_concerns(event, other),
            told_by=tuple(dict.fromkeys(each.kind for each in runs)),
            told_of=tuple(dict.fromkeys(each.host for each in runs)),
        ),
        topic="jobs",
        expect=f"a job or copy runs within {BEFORE_JOB} minutes before each crash",
        weight=1.8,
        against=2.5,
        necessary=True,
        group="jobs",
        remedy="add the task scheduler's and backup logs of both hosts",
    )


def jobs_scheduled(investigation: Investigation, other: Host, tasks: Sequence[PlacedFact]) -> Prediction:
    """Predict, from the schedules of tasks, that most crashes come within an hour after one starts.

    It rules them out only when the tasks of both hosts are listed, and each tells its one start a day.
    """
    topic, expect = "jobs", "the crashes follow the jobs' schedule"
    clocks = {task.fact.name: _times(task) for task in tasks}
    starts = sorted({start for times in clocks.values() for start in times})
    how = "add the output of: schtasks /query /fo csv /v"
    if not starts or not investigation.times:
        missing = "at what times the jobs run" if not starts else "the time of no crash is known"
        return untested(topic, expect, missing, how, 1.8, 2.5)
    walls = [time.astimezone(_zone(investigation, host)) for time, host in investigation.dated]
    near = sum(
        any((timedelta(hours=wall.hour, minutes=wall.minute) - start) % DAY <= BEFORE_JOB * MINUTE for start in starts)
        for wall in walls
    )
    holds = near * 2 > len(walls)
    at = ", ".join(sorted({f"{wall:%H:%M}" for wall in walls}))
    told = f"the jobs run at {', '.join(_clock(start) for start in starts)}; the crashes were at {at}"
    unlisted = [name for name in (other.name, investigation.failed[0]) if not _lists_tasks(investigation, name)]
    unclear = [task.fact.name for task in tasks if not clocks[task.fact.name] or _repeats(task)]
    if unlisted and not holds:
        told += f"; the tasks of {' and '.join(unlisted)} are not listed"
    if unclear and not holds:
        told += f"; {unclear[0]} runs at other times too"
    found = decided(
        topic,
        expect,
        told,
        holds,
        1.8,
        2.5,
        cites_of(tasks),
        necessary=not near and not unlisted and not unclear,
        group="jobs",
        share=1.0 if holds or not (unlisted or unclear) else 0.4,
    )
    return replace(found, remedy=how) if unlisted and not holds else found


def _zone(investigation: Investigation, name: str) -> tzinfo | None:
    host = investigation.timeline.host(name)
    return host.zone if host else None


def _clock(start: timedelta) -> str:
    return f"{start.seconds // 3600:02}:{start.seconds // 60 % 60:02}"


def _lists_tasks(investigation: Investigation, host: str) -> bool:
    return bool(investigation.facts("scheduled_task", host=host))


def _repeats(task: PlacedFact) -> bool:
    """Tell whether a task runs more than once a day, or for a long time, by what its schedule says."""
    told = " ".join(value for name, value in task.fact.fields.items() if name in ("schedule", "repeat")).lower()
    return any(word in told for word in _REPEATING)


def _times(task: PlacedFact) -> list[timedelta]:
    """Times of day in a task's schedule, local."""
    texts = (task.fact.fields.get(name, "") for name in ("schedule", "start_time", "next_run"))
    for text in texts:
        if found := [timedelta(hours=int(hour), minutes=int(minute)) for hour, minute in _TIME_OF_DAY.findall(text)]:
            return found
    return []
