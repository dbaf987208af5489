"""Two million events of four hosts in one investigation, stage by stage: seconds of processor, peak memory, as JSON.

benchmarks/incident_rate.py [EVENTS]

The events are what a season of servers' logs looks like: logons, connections, services, jobs, updates; a third in the
hosts' own wall clock, a fifth of the logs a second time in a collector's export.  Half a dozen crashes lie in between.
Files go through the parsers elsewhere (evidence_rate.py, firewall_rate.py); here they start as records.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random

from bugcheck.api import known_issue_library
from bugcheck.evidence.evidence import CrashSeen, Event, Evidence, Fact, FindingSeen, ModuleSeen, Quality, Record, Span
from bugcheck.hypotheses.investigation import Investigation
from bugcheck.hypotheses.issues import issue_matches
from bugcheck.hypotheses.weighing import weigh
from bugcheck.plans.plan import make_plan
from bugcheck.timeline.store import EventStore
from bugcheck.timeline.timeline import Timeline

EVENTS = 2_000_000
START = datetime(2024, 3, 1, tzinfo=UTC)
LENGTH = timedelta(days=90)
HOSTS = ("FILE-1", "WEB-1", "MAIL-1", "DC-1")
KINDS = (
    ("firewall_drop", 30), ("firewall_allow", 20), ("logon", 15), ("logoff", 15), ("service_started", 6),
    ("service_stopped", 5), ("task_run", 4), ("antivirus_update", 2), ("disk_error", 1), ("", 2),
)  # fmt: skip
CRASHES = 6
A_FILE = 100_000
"""Events of one file."""


def records(random: Random, host: str, count: int, *, local: bool) -> Iterator[Event]:
    """Make events of one host, in order."""
    names, weights = zip(*KINDS, strict=True)
    step = LENGTH / count
    for number in range(count):
        moment = START + step * number + timedelta(microseconds=random.randrange(900_000))
        kind = random.choices(names, weights)[0]
        fields = {"user": f"user{random.randrange(400)}", "address": f"10.0.{number % 200}.{random.randrange(250)}"}
        if kind.startswith("firewall"):
            fields = {"protocol": "TCP", "source": fields["address"], "source_port": str(number % 60000),
                      "target": "10.0.0.1", "target_port": "445"}  # fmt: skip
        when = moment.replace(tzinfo=None) if local else moment
        code = 500 + len(kind) if not kind.startswith("firewall") else None
        yield Event(when, kind, f"{kind} number {number} of {host}", f"record {number}", "Log/Made", code, fields)


def crash(number: int) -> CrashSeen:
    """Make a crash of the first host."""
    moment = START + LENGTH * (number + 1) / (CRASHES + 1)
    module = ModuleSeen("badfw", "badfw.sys", "", 1, 0x10000, 0, "1.2")
    finding = FindingSeen("fault_place", "the fault lies in badfw.sys", 3.0, "driver", "badfw")
    stack = ("badfw!Filter+0x10", "tcpip!Receive+0x20")
    return CrashSeen(
        moment, 0xD1, "DRIVER_IRQL_NOT_LESS_OR_EQUAL", (0, 2, 0, 0xF0), "d1|badfw|read null", "", "badfw.sys", "high",
        0.9, "driver", "badfw", "badfw.sys", "System", 400_000.0, False, (module,), (), stack, (finding,), "the dump",
        host=HOSTS[0],
    )  # fmt: skip


def load(store: EventStore, events: int) -> int:
    """Fill the store, one transaction a file; returns the number of events."""
    total = 0
    shares = (0.4, 0.2, 0.2, 0.2)
    for host, share in zip(HOSTS, shares, strict=True):
        made = records(Random(host), host, int(events * share / 1.2), local=host == "MAIL-1")
        number = 0
        while batch := list(islice(made, A_FILE)):
            number += 1
            copies = 2 if number % 5 == 0 else 1
            for copy in range(copies):
                total += _file(store, f"{host}/System-{number}-{copy}.evtx", host, batch)
    for number in range(CRASHES):
        _file(store, f"{HOSTS[0]}/crash-{number}.dmp", HOSTS[0], [crash(number)])
    _file(store, "FILE-1/software.txt", HOSTS[0], [Fact("software", "Bad Firewall", "1.2", "line 1")])
    return total


def _file(store: EventStore, path: str, host: str, batch: Sequence[Record]) -> int:
    times = [each.time for each in batch if isinstance(each, Event)]
    spans = [Span(times[0], times[-1], frozenset(kind for kind, _ in KINDS if kind))] if times else []
    with store.writing():
        for record in [*batch, *spans]:
            store.add(path, record)
        store.finish(Evidence(path, host, path, path, 1, "made", Quality.COMPLETE, events=len(batch)))
    return len(batch)


def measure(events: int, folder: str) -> dict[str, float]:
    """Load, settle, compare, weigh and plan; seconds of processor of each stage and the peak of memory."""
    figures: dict[str, float] = {}
    started = time.process_time()

    def lap(name: str) -> None:
        nonlocal started
        now = time.process_time()
        figures[name], started = round(now - started, 2), now

    store = EventStore(str(Path(folder) / "timeline.sqlite"))
    figures["events"] = load(store, events)
    lap("load")
    timeline = Timeline(store)
    timeline.settle()
    lap("settle")
    timeline.settle()
    lap("settle_again")
    matches = tuple(issue_matches(timeline, known_issue_library().matches))
    lap("known_issues")
    investigation = Investigation(timeline, matches)
    weighed = weigh(investigation)
    lap("weigh")
    plan = make_plan(investigation, weighed)
    lap("plan")
    figures["steps"], figures["hypotheses"] = len(plan.steps), len(weighed.hypotheses)
    figures["gaps"] = len(weighed.gaps)
    figures["database_megabytes"] = round(Path(store.path).stat().st_size / 1e6)
    figures["megabytes"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return figures


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS, scratch)))
