"""What another host does to the failed one → crashes at its times: services that talk to it, jobs that copy files.

Source: schedules and run records of tasks, connections in firewall logs, people's actions.

Folklore: a job that runs at 01:00 cannot explain crashes at 19:03; a service that talks all day explains any time, and
so none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from bugcheck.hypotheses.hypothesis import Builder, Hypothesis, Prediction, hypothesis
from bugcheck.hypotheses.investigation import MINUTE, Investigation
from bugcheck.hypotheses.predicting import after_action, checked, cites_of, decided, preceded, untested
from bugcheck.timeline.hosts import Host
from bugcheck.timeline.store import PlacedFact
from bugcheck.timeline.timed_event import TimedEvent

ID = "other_host_interaction"
JOBS = ("task_run", "file_copied", "backup")
NETWORK_MODULES = frozenset(
    ["tcpip", "afd", "netbt", "srv", "srv2", "srvnet", "mrxsmb", "rdbss", "ndis", "netio", "dns"]
)
BEFORE_JOB, BEFORE_FLOW = 60, 10
_TIME_OF_DAY = re.compile(r"\b([01]?\d|2[0-3]):([0-5]\d)(?::[0-5]\d)?\b")


@hypothesis(ID)
def other_host_interaction(investigation: Investigation) -> Iterator[Hypothesis]:
    """Services or jobs of another host bring the failed one down."""
    if not investigation.failed:
        return
    for host in investigation.others:
        yield from _jobs(investigation, host)
        yield _services(investigation, host)


def _jobs(investigation: Investigation, other: Host) -> Iterator[Hypothesis]:
    tasks = [task for task in investigation.facts("scheduled_task") if _concerns(task, other, investigation.failed)]
    runs = [each for each in investigation.timeline.events(*JOBS, limit=2000) if _run_concerns(each, other)]
    if not tasks and not runs:
        return
    predictions = Builder()
    predictions.add(_by_run(investigation, other) if runs else None, _by_schedule(investigation, tasks))
    predictions.add(*after_action(investigation, f"{ID}:jobs", weight=0.5, against=2.5))
    predictions.add(*after_action(investigation, ID, weight=0.5, against=3.0))
    yield Hypothesis(
        ID,
        f"jobs and file copies between {other.name} and the failed host",
        f"jobs with {other.name}",
        f"a job or copy between {other.name} and {investigation.failed[0]} runs into something that stops the system",
        -1.6,
        tuple(predictions.predictions),
        hosts=(other.name, *investigation.failed[:1]),
    )


def _concerns(task: PlacedFact, other: Host, failed: tuple[str, ...]) -> bool:
    text = " ".join((task.fact.value, *task.fact.fields.values())).lower()
    names = other.names if task.host in failed else {name.lower() for name in failed}
    copies = "\\\\" in text or any(word in text for word in ("copy", "backup", "ntbackup", "robocopy", "备份", "复制"))
    named = any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) for name in names)
    return (named or task.host == other.name) and copies


def _run_concerns(event: TimedEvent, other: Host) -> bool:
    text = f"{event.text} {' '.join(event.fields.values())}".lower()
    named = any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) for name in other.names)
    return event.host == other.name or named


def _by_run(investigation: Investigation, other: Host) -> Prediction:
    return preceded(
        investigation,
        JOBS,
        topic="jobs",
        expect=f"a job or copy runs within {BEFORE_JOB} minutes before each crash",
        words=f"run of a job between {other.name} and the failed host",
        minutes=BEFORE_JOB,
        weight=1.8,
        against=2.5,
        only=lambda event: _run_concerns(event, other),
        necessary=True,
        group="jobs",
        remedy="add the task scheduler's and backup logs of both hosts",
    )


def _by_schedule(investigation: Investigation, tasks: list[PlacedFact]) -> Prediction:
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


def _services(investigation: Investigation, other: Host) -> Hypothesis:
    predictions = Builder()
    predictions.add(_flows(investigation, other), _network_on_stack(investigation))
    predictions.add(*after_action(investigation, f"{ID}:services", weight=0.5, against=3.0))
    predictions.add(*after_action(investigation, ID, weight=0.5, against=3.0))
    predictions.add(
        *checked(
            investigation,
            ID,
            topic="other host checked",
            expect="a disturbance by the other host",
            weight=1.0,
            against=1.0,
        )
    )
    services = ", ".join(sorted(_network_services(investigation, other))[:4])
    what = f"services of {other.name}" + (f" ({services})" if services else "")
    return Hypothesis(
        ID,
        what,
        f"services of {other.name}",
        f"requests or replies of {what} hit a fault in how {investigation.failed[0]} handles them",
        -1.6,
        tuple(predictions.predictions),
        hosts=(other.name, *investigation.failed[:1]),
    )


def _network_services(investigation: Investigation, other: Host) -> set[str]:
    known = {
        "dns": "DNS",
        "dhcpserver": "DHCP",
        "wins": "WINS",
        "w32time": "time",
        "ntfrs": "file replication",
        "dfsr": "file replication",
        "lanmanserver": "file shares",
        "spooler": "printing",
    }
    return {
        known[each.fact.name.lower()]
        for each in investigation.facts("service", host=other.name)
        if each.fact.name.lower() in known
    }


def _flows(investigation: Investigation, other: Host) -> Prediction:
    names = other.names
    return preceded(
        investigation,
        ("firewall_allow", "firewall_drop"),
        topic="connections before the crash",
        expect=f"something unusual from {other.name} in the minutes before each crash",
        words=f"connection with {other.name}",
        minutes=BEFORE_FLOW,
        weight=1.0,
        against=1.2,
        host=investigation.failed[0],
        only=lambda event: (
            event.fields.get("source", "").lower() in names or event.fields.get("target", "").lower() in names
        ),
        group="flows",
        remedy=f"add the firewall log of {investigation.failed[0]} with allowed connections",
    )


def _network_on_stack(investigation: Investigation) -> Prediction:
    topic, expect = "network on the stack", "network or file server code is on the crashed stack"
    stacks = [seen.stack for seen in investigation.seen if len(seen.stack) >= 3]
    if not stacks:
        return untested(topic, expect, "the stack of no crash is known", "add a dump, with symbols", 1.0, 0.7)
    found = {place.partition("!")[0].partition("+")[0].lower() for stack in stacks for place in stack} & NETWORK_MODULES
    told = f"{', '.join(sorted(found))} on the stack" if found else "no network or file server code is on the stack"
    return decided(topic, expect, told, bool(found), 1.0, 0.7, investigation.cite_crashes())
