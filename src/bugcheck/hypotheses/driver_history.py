"""Updates, display resets and treatments on the timeline → what they say of a driver that crashes.

Source: installations, the products' own logs, event 4101 of the display driver, people's actions.

Folklore: a defect strikes whenever its code is reached.  Where something always goes before, that something is part of
the cause, and treating it may be milder than taking the driver out.
"""

from __future__ import annotations

from dataclasses import replace

from bugcheck.hypotheses.hypothesis import Outcome, Prediction
from bugcheck.hypotheses.investigation import Investigation
from bugcheck.hypotheses.preceding import Sought, preceded
from bugcheck.hypotheses.predicting import after_action, untested
from bugcheck.knowledge.drivers import find_driver

UPDATES = ("antivirus_update", "software_installed", "software_removed", "driver_installed", "update_installed")
BEFORE, RESETS, JOBS = 15, 6 * 60, 60
"""Minutes before a crash in which an update, a reset of the display driver, a job is looked for."""
LEAST_SET_OFF, STRONG = 3, 0.6
"""Crashes from which it says something that an update or job goes before them, and how sure that must be."""


def treated(investigation: Investigation, hypothesis_id: str, shown: str) -> list[Prediction]:
    """What came after the driver was changed or taken out, or, while nobody did, that this is the test to make."""
    done = [*after_action(investigation, hypothesis_id, weight=0.5, against=2.0)]
    done += after_action(investigation, f"{hypothesis_id}:{shown}", weight=0.5, against=2.0)
    if done or investigation.actions(hypothesis_id) or investigation.actions(f"{hypothesis_id}:{shown}"):
        return done
    remedy = f"install another version of {shown}, or take it out, and wait for as long as the watch says"
    missing = f"whether the crashes end with another version of {shown}, or without it"
    return [untested("after treatment", "no crash once it is another version or gone", missing, remedy, 1.0, 2.0)]


def job_before(investigation: Investigation) -> Prediction | None:
    """A job of the host that runs before the crashes and not otherwise gives the driver its work; None without one."""
    found = preceded(
        investigation,
        Sought(("backup", "task_run"), "job or backup", JOBS),
        topic="job before the crash",
        expect="a job that gives the driver work runs before each crash",
        weight=0.8,
        against=0.0,
    )
    told = found.outcome is Outcome.OBSERVED and len(investigation.times) >= LEAST_SET_OFF and found.weight >= STRONG
    return found if told else None


def display_resets(investigation: Investigation, image: str) -> Prediction | None:
    """A display driver, or its card, that is about to crash the system is reset before as often as not."""
    facts = find_driver(image)
    if facts is None or facts.driver_class != "display":
        return None
    return preceded(
        investigation,
        Sought(("display_reset",), "reset of the display driver", RESETS, telling=0.6),
        topic="display resets",
        expect="resets of the display driver (event 4101) in the hours before each crash",
        weight=0.8,
        against=0.3,
        remedy="add the system event log",
    )


def set_off(investigation: Investigation) -> Prediction | None:
    """A defect that needs nothing to set it off strikes at any time; None unless an update goes before it each time."""
    topic, expect = "update before the crash", "the crashes come at any time, after nothing in particular"
    found = preceded(
        investigation, Sought(UPDATES, "an update", BEFORE), topic=topic, expect=expect, weight=1.5, against=0.0
    )
    if (
        len(investigation.times) < LEAST_SET_OFF
        or found.outcome is not Outcome.OBSERVED
        or found.weight < found.if_observed
    ):
        return None
    return replace(
        found, outcome=Outcome.CONTRADICTED, weight=-found.weight, if_observed=0.0, if_contradicted=-found.weight
    )
