"""Something that was installed or changed shortly before → the first crash follows it, and there was none before.

Source: installations and updates in event logs, setupapi and registry; time stamps of drivers.

Folklore: on patch days everything is recently changed.  A change counts by what it touches: a driver that is on the
crashed stack weighs more than an update of an office program.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from math import log10

from bugcheck.hypotheses.hypothesis import Builder, Cite, Hypothesis, Prediction, hypothesis
from bugcheck.hypotheses.investigation import Investigation, cite_event
from bugcheck.hypotheses.preceding import speaks_for
from bugcheck.hypotheses.predicting import DUMP, VERIFIER, after_action, checked, decided, untested
from bugcheck.timeline.periodicity import precedence
from bugcheck.timeline.timed_event import TimedEvent
from bugcheck.timestamps import format_span

ID = "recent_change"
CHANGES = ("driver_installed", "update_installed", "software_installed", "software_removed", "service_installed")
WHOLE = {"driver_installed": "drivers", "update_installed": "updates", "software_installed": "programs"}
"""What files must speak for before their silence means that nothing was installed."""
RECENT, QUIET = timedelta(days=7), timedelta(days=30)
MOST = 500
SOON, LONG, MOST_WEIGHT = timedelta(hours=1), timedelta(days=90), 2.0
"""A change nearer than this is as near; how far back changes are counted; what soon after one adds at most."""


@hypothesis(ID)
def recent_change(investigation: Investigation) -> Iterator[Hypothesis]:
    """Something that was installed or updated shortly before the first crash brings the system down."""
    if not investigation.times:
        return
    first, host = investigation.times[0], investigation.failed[0]
    changes = list(investigation.timeline.events(*CHANGES, host=host, start=first - RECENT, end=first, limit=MOST))
    concerned = [change for change in changes if _touches(investigation, change)]
    predictions = Builder()
    predictions.add(
        _changed(investigation, changes, host),
        _concerned(investigation, changes, concerned),
        _quiet(investigation, host),
    )
    predictions.add(*after_action(investigation, ID, weight=0.5, against=2.5))
    predictions.add(
        *checked(investigation, ID, topic="change undone", expect="the change is to blame", weight=1.5, against=1.5)
    )
    weightiest = sorted(concerned or changes, key=lambda each: each.kind == "driver_installed")
    what = weightiest[-1].text if changes else ""
    yield Hypothesis(
        ID,
        "a recent installation or update",
        what[:120],
        "what was installed or updated shortly before the first crash does not work on this system",
        -1.4,
        tuple(predictions.predictions),
        hosts=(host,),
    )


def _changed(investigation: Investigation, changes: list[TimedEvent], host: str) -> Prediction:
    topic, expect = "change before the first crash", "something was installed in the week before the first crash"
    first = investigation.times[0]
    if changes:
        return _soon_after(investigation, changes, topic, expect, host)
    told_of = {kind: speaks_for(investigation, (kind,), first - RECENT, first, (host,)) for kind in WHOLE}
    silent = [WHOLE[kind] for kind, (covered, _) in told_of.items() if not covered]
    remedy = "add the event logs (System, Application, Setup) and C:/Windows/inf/setupapi logs of that week"
    if len(silent) == len(WHOLE):
        missing = f"what was installed on {host or 'the host'} in the week before the first crash"
        return untested(topic, expect, missing, remedy, 0.9, 1.5)
    cites = [Cite(file, "what it covers") for _, files in told_of.values() for file in files]
    shown = [WHOLE[kind] for kind, (covered, _) in told_of.items() if covered]
    told = f"the records cover the week before and show no installation of {' or '.join(shown)}"
    if not silent:
        return decided(topic, expect, told, False, 0.9, 1.5, cites, necessary=True)
    told = f"{told}; nothing speaks for {' or '.join(silent)}"
    found = decided(topic, expect, told, False, 0.9, 1.5, cites, share=len(shown) / len(WHOLE) / 2)
    return replace(found, remedy=remedy)


def _soon_after(
    investigation: Investigation, changes: list[TimedEvent], topic: str, expect: str, host: str
) -> Prediction:
    """A first crash soon after a change, held against how much of the time before lies as soon after one anyway."""
    first, last = investigation.times[0], changes[-1]
    ago = first - last.time
    span = investigation.timeline.coverage(CHANGES, first - LONG, first, host).covered
    start = min(span[0][0], changes[0].time) if span else changes[0].time
    times = investigation.timeline.times(*CHANGES, host=host, start=start, end=first)
    chance = precedence([first], times, max(ago, SOON), (start, first)).expected
    more = f", and {len(changes) - 1} more" if len(changes) > 1 else ""
    told = f"{format_span(ago.total_seconds())} before the first crash: {last.text}{more}"
    weight = round(max(0.1, min(MOST_WEIGHT, -0.9 * log10(max(chance, 1e-6)))), 2)
    told = f"{told}; {chance:.1%} of the time before lies as soon after a change"
    return decided(topic, expect, told, True, weight, 1.5, [cite_event(last)])


def _touches(investigation: Investigation, change: TimedEvent) -> bool:
    text = f"{change.text} {' '.join(change.fields.values())}".lower()
    for image, _, _ in investigation.blamed:
        module = investigation.module(image)
        product = module.product.lower() if module else ""
        if image in text or image.removesuffix(".sys") in text.split() or (len(product) > 4 and product in text):
            return True
    return False


def _concerned(
    investigation: Investigation, changes: list[TimedEvent], concerned: list[TimedEvent]
) -> Prediction | None:
    topic, expect = "change of what crashed", "the change concerns the driver that crashed"
    if not changes:
        return None
    if not investigation.blamed:
        return untested(topic, expect, "no driver is blamed", VERIFIER if investigation.seen else DUMP, 1.8, 0.6)
    if concerned:
        return decided(topic, expect, concerned[-1].text, True, 1.8, 0.6, [cite_event(concerned[-1])])
    told = f"none of {len(changes)} changes concerns {investigation.blamed[0][1]}"
    return decided(topic, expect, told, False, 1.8, 0.6, [cite_event(change) for change in changes[-3:]])


def _quiet(investigation: Investigation, host: str) -> Prediction:
    """No crash for a month before the change: only where the logs reach back so far."""
    topic, expect = "quiet before", "the system ran without a crash for a month before"
    first = investigation.times[0]
    covered, files = speaks_for(investigation, ("boot", "bugcheck"), first - QUIET, first - timedelta(hours=1), (host,))
    if covered:
        told = "the log covers the month before the first crash and shows none"
        return decided(topic, expect, told, True, 0.5, 1.0, [Cite(file, "what it covers") for file in files])
    return untested(
        topic,
        expect,
        "a system log that reaches back a month before the first crash",
        "add older system event logs",
        0.5,
        1.0,
    )
