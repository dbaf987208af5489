"""Something runs out (pool, handles, stack, disk) → warnings before, crashes after much the same uptime.

Source: srv 2019/2020, Resource-Exhaustion 2004, system events 26 and 2013; the finding on stack usage.

Folklore: a leak shows in uptimes: it takes about as long each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from statistics import mean, pstdev

from bugcheck.hypotheses.hypothesis import Builder, Hypothesis, Prediction, hypothesis
from bugcheck.hypotheses.investigation import Investigation
from bugcheck.hypotheses.preceding import Sought, preceded
from bugcheck.hypotheses.predicting import checked, decided, found_in_dumps, untested
from bugcheck.timeline.periodicity import clock_pattern

ID = "resource_exhaustion"
DAY = 60 * 24
SAVRT_EVENT, SYSTEM_LOG = 1005, ("boot",)
"""The event of TECH99708, and what tells that the log it stands in speaks for a time."""
FOLLOWS = 0.05
"""Chance below which crashes follow the time of day."""


@hypothesis(ID)
def resource_exhaustion(investigation: Investigation) -> Iterator[Hypothesis]:
    """Pool, handles, kernel stack or disk space run out."""
    if not investigation.crashes:
        return
    predictions = Builder()
    predictions.add(
        preceded(
            investigation,
            Sought(("memory_low",), "warning of shortage", DAY),
            topic="warnings of shortage",
            expect="a warning of shortage in the day before each crash",
            weight=1.8,
            against=0.8,
            remedy="add the system event log",
        ),
        _uptimes(investigation),
        _skipped_scans(investigation),
        found_in_dumps(
            investigation,
            ("stack_exhaustion",),
            topic="kernel stack",
            expect="the kernel stack is nearly used up",
            weight=2.0,
            against=0.5,
            shows=lambda seen: seen.format.startswith("kernel_"),
            only=lambda _, finding: finding.weight > 0,
        ),
    )
    predictions.add(
        *checked(investigation, ID, topic="resources checked", expect="something runs out", weight=1.5, against=1.2)
    )
    yield Hypothesis(
        ID,
        "exhausted resources",
        "",
        "a leak or overload uses up pool, handles, kernel stack or disk space until something essential fails",
        -1.8,
        tuple(predictions.predictions),
        hosts=investigation.failed[:1],
    )


def _skipped_scans(investigation: Investigation) -> Prediction | None:
    """Symantec's Auto-Protect tells of a short kernel stack before it comes to a double fault; None where it is not."""
    if investigation.module("savrt.sys") is None:
        return None
    return preceded(
        investigation,
        Sought(
            ("antivirus_state",),
            "SAVRT event 1005 (a scan skipped for want of kernel stack)",
            DAY,
            only=lambda event: event.code == SAVRT_EVENT and "savrt" in event.source.lower(),
            told_by=SYSTEM_LOG,
        ),
        topic="kernel stack warnings",
        expect="Auto-Protect tells of a short kernel stack in the day before each crash",
        weight=1.5,
        against=0.4,
        remedy="add the system event log, as far back as the first crash",
    )


def _uptimes(investigation: Investigation) -> Prediction:
    topic, expect = "uptime at the crash", "the crashes come after much the same uptime"
    uptimes = [seen.uptime for seen in investigation.seen if seen.uptime]
    if len(uptimes) < 3:
        return untested(
            topic, expect, "the uptime at fewer than three crashes is known", "keep further dumps", 1.0, 0.6
        )
    average = mean(uptimes)
    holds = average > 3600 and pstdev(uptimes) < 0.25 * average
    hours = ", ".join(f"{uptime / 3600:.1f} h" for uptime in uptimes[:6])
    told = f"uptimes at the crashes: {hours}"
    cites = investigation.cite_crashes()
    failed = investigation.timeline.host(investigation.failed[0])
    clock = clock_pattern(investigation.times, failed.zone if failed else UTC)
    if holds and clock is not None and clock.chance < FOLLOWS:
        told = f"{told}, but they follow the clock, which explains them as well"
        return decided(topic, expect, told, True, 1.0, 0.6, cites, share=0.2)
    return decided(topic, expect, told, holds, 1.0, 0.6, cites)
