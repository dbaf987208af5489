"""The driver that crashed → whether it is one that looks at files while programs replace them.

Source: the classes of knowledge/drivers; the verdicts on the driver's file (`hypotheses.integrity`).

Folklore: a file that somebody changed may bear a watcher's name and do anything: what it does is unknown.
"""

from __future__ import annotations

from bugcheck.hypotheses.hypothesis import Prediction
from bugcheck.hypotheses.integrity import verdicts
from bugcheck.hypotheses.investigation import Investigation
from bugcheck.hypotheses.predicting import decided, untested
from bugcheck.knowledge.drivers import find_driver

WATCHERS = ("antivirus/security", "file-system filter")
"""Classes of drivers that look at files when programs replace them."""


def watching_driver(investigation: Investigation) -> tuple[str, str]:
    """Find (image, as shown) of the driver that crashed if it watches files and is its maker's; else ("", "")."""
    for image, shown, _ in investigation.blamed[:1]:
        facts, verdict = find_driver(image), verdicts(investigation, image)
        if facts and facts.driver_class in WATCHERS and not (verdict and (verdict.modified or verdict.patched)):
            return image, shown
    return "", ""


def watcher_crashed(investigation: Investigation) -> Prediction | None:
    """Predict that the driver that crashed most watches programs or files; None when no driver is blamed."""
    topic, expect = "who crashed", "the driver that crashed watches programs or files"
    for image, shown, crashes in investigation.blamed[:1]:
        facts = find_driver(image)
        kind = facts.driver_class if facts else "unknown"
        if kind == "unknown":
            return untested(topic, expect, f"what {shown} does", "", 0.7, 0.7)
        verdict = verdicts(investigation, image)
        if verdict is not None and (verdict.modified or verdict.patched):
            return decided(
                topic, expect, f"{verdict.words}: what it does is unknown", False, 0.7, 1.5, verdict.citations
            )
        holds = kind in WATCHERS
        told = f"{shown} belongs to {facts.product or kind}" if facts else shown
        told += ", which watches programs and files" if holds else f", a driver of class {kind}"
        return decided(topic, expect, told, holds, 0.7, 0.7, investigation.cite_crashes(crashes))
    return None
