"""What another host does to the failed one → crashes at its times: services that talk to it, jobs that copy files.

Source: schedules and run records of tasks, connections in firewall logs, people's actions.

Folklore: a job that runs at 01:00 cannot explain crashes at 19:03; a service that talks all day explains any time, and
so none.
"""

from __future__ import annotations

from collections.abc import Iterator

from bugcheck.hypotheses.host_jobs import JOBS, job_ran, jobs_scheduled, run_concerns, task_concerns
from bugcheck.hypotheses.hypothesis import Builder, Hypothesis, Prediction, hypothesis
from bugcheck.hypotheses.investigation import Investigation
from bugcheck.hypotheses.preceding import Sought, preceded
from bugcheck.hypotheses.predicting import after_action, checked, network_on_stack
from bugcheck.timeline.hosts import Host

ID = "other_host_interaction"
NETWORK_MODULES = frozenset(
    ["tcpip", "afd", "netbt", "srv", "srv2", "srvnet", "mrxsmb", "rdbss", "ndis", "netio", "dns"]
)
BEFORE_FLOW = 10
"""Minutes before a crash in which a connection is looked for."""


@hypothesis(ID)
def other_host_interaction(investigation: Investigation) -> Iterator[Hypothesis]:
    """Services or jobs of another host bring the failed one down."""
    if not investigation.failed:
        return
    for host in investigation.others:
        yield from _jobs(investigation, host)
        yield _services(investigation, host)


def _jobs(investigation: Investigation, other: Host) -> Iterator[Hypothesis]:
    tasks = [task for task in investigation.facts("scheduled_task") if task_concerns(task, other, investigation.failed)]
    runs = [each for each in investigation.timeline.events(*JOBS, limit=2000) if run_concerns(each, other)]
    if not tasks and not runs:
        return
    predictions = Builder()
    predictions.add(job_ran(investigation, other, runs) if runs else None, jobs_scheduled(investigation, other, tasks))
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
        Sought(
            ("firewall_allow", "firewall_drop"),
            f"connection with {other.name}",
            BEFORE_FLOW,
            only=lambda event: (
                event.fields.get("source", "").lower() in names or event.fields.get("target", "").lower() in names
            ),
            told_by=("firewall_allow",),
        ),
        topic="connections before the crash",
        expect=f"something unusual from {other.name} in the minutes before each crash",
        weight=1.0,
        against=1.2,
        group="flows",
        remedy=f"add the firewall log of {investigation.failed[0]} with allowed connections",
    )


def _network_on_stack(investigation: Investigation) -> Prediction:
    return network_on_stack(
        investigation, NETWORK_MODULES, "network or file server code", where="the stack", weight=1.0, against=0.7
    )
