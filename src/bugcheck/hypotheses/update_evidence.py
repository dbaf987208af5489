"""Updates and logons on the timeline → whether one product was reaching the other just before each crash.

Source: the products' own logs, installations in event logs, network logons in the security event log.
"""

from __future__ import annotations

from dataclasses import replace

from bugcheck.hypotheses.hypothesis import Outcome, Prediction
from bugcheck.hypotheses.investigation import Investigation
from bugcheck.hypotheses.preceding import Sought, preceded
from bugcheck.hypotheses.predicting import untested
from bugcheck.hypotheses.products import SecurityProduct, family_of
from bugcheck.timeline.timed_event import TimedEvent

UPDATES = ("antivirus_update", "software_installed", "software_removed", "antivirus_update_failed", "software_failed")
SCANNERS, MOST_EVENTS = ("antivirus_state", "antivirus_scan", "antivirus_detection"), 50_000
"""Kinds by which a log shows whose it is."""
BEFORE = 15
"""Minutes before a crash in which an update or a logon is looked for."""


def updates_before(investigation: Investigation, products: tuple[SecurityProduct, SecurityProduct]) -> Prediction:
    """Predict an update of one of two products, on their hosts, before each crash."""
    names = tuple(product.family for product in products)
    hosts = {product.host for product in products}

    def only(event: TimedEvent) -> bool:
        return event.host in hosts and _family(event) in names

    remedy = "add the products' own logs and the application event log of those hosts"
    found = preceded(
        investigation,
        Sought(
            UPDATES,
            f"update of {' or '.join(dict.fromkeys(product.name for product in products))}",
            BEFORE,
            host=None,
            only=only,
            told_by=UPDATES[:1],
        ),
        topic="update before the crash",
        expect="an update of the products before each crash",
        weight=2.0,
        against=1.5,
        group="update",
        remedy=remedy,
    )
    if found.outcome is Outcome.CONTRADICTED and not _mentioned(investigation, names, found):
        shown = " or ".join(dict.fromkeys(product.name for product in products))
        missing = f"no log at hand tells of {shown}: another product's log is silent on it anyway"
        return untested(found.topic, found.expect, missing, remedy, found.if_observed, -found.if_contradicted)
    return found


def _mentioned(investigation: Investigation, families: tuple[str, ...], found: Prediction) -> bool:
    """Tell whether a file whose silence counts ever speaks of one of these products."""
    files = {cite.evidence for cite in found.citations}
    events = investigation.timeline.events(*UPDATES, *SCANNERS, limit=MOST_EVENTS)
    told = (each for each in events if each.evidence in files)
    return any(_family(each) in families for each in told)


def _family(event: TimedEvent) -> str:
    found = family_of(f"{event.fields.get('product', '')} {event.source} {event.text}")
    return found[0] if found else ""


def logon_before(investigation: Investigation, ours: SecurityProduct, theirs: SecurityProduct) -> Prediction:
    """Predict a logon from the host of the one product to the host of the other before each crash."""
    other = investigation.timeline.host(theirs.host)
    names = other.names if other else frozenset([theirs.host.lower()])

    def only(event: TimedEvent) -> bool:
        fields = (event.fields.get(name, "") for name in ("workstation", "address", "user"))
        return any(
            value.lower().strip("\\").rstrip("$").partition(".")[0] in names or value in names for value in fields
        )

    prediction = preceded(
        investigation,
        Sought(("logon",), f"logon from {theirs.host}", BEFORE, host=ours.host, only=only),
        topic="logon before the crash",
        expect=f"a logon from {theirs.host} before each crash",
        weight=0.8,
        against=0.7,
        group="logon",
        remedy=f"add the security event log of {ours.host}",
    )
    if prediction.outcome is not Outcome.OBSERVED:
        return prediction
    nearest = [investigation.timeline.before(time, "logon", host=ours.host) for time in investigation.times]
    theirs_only = all(each is not None and only(each) for each in nearest)
    told = f"{prediction.told}; nobody else's came nearer to any crash" if theirs_only else prediction.told
    return replace(prediction, told=told)
