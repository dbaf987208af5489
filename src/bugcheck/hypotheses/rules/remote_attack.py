"""Somebody outside attacks → unusual traffic in the minutes before each crash, network code on the stack.

Source: firewall and intrusion logs; known vulnerabilities with a remote trigger.

Folklore: "no attack in the log" is worth what the log covers: a log of drops alone says nothing of what was let in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bugcheck.hypotheses.hypothesis import Builder, Hypothesis, Outcome, Prediction, hypothesis
from bugcheck.hypotheses.investigation import MINUTE, Investigation
from bugcheck.hypotheses.preceding import Sought, preceded
from bugcheck.hypotheses.predicting import checked, decided, network_on_stack
from bugcheck.hypotheses.traffic import TRAFFIC, is_outside, usual_peers
from bugcheck.timeline.timed_event import TimedEvent

ID = "remote_attack"
BEFORE, BEFORE_LOGONS = 15, 60
REMOTE_MODULES = frozenset(
    ["tcpip", "tcpip6", "afd", "netbt", "srv", "srv2", "srvnet", "ndis", "netio", "http", "rdpwd"]
)


@hypothesis(ID)
def remote_attack(investigation: Investigation) -> Iterator[Hypothesis]:
    """An attack from outside brings the system down."""
    if not investigation.crashes:
        return
    predictions = Builder()
    predictions.add(_attacks(investigation), _strangers(investigation), _failed_logons(investigation))
    predictions.add(_stack(investigation), _vulnerable(investigation))
    predictions.add(
        *checked(investigation, ID, topic="attack checked", expect="signs of an attack", weight=1.2, against=1.2)
    )
    yield Hypothesis(
        ID,
        "an attack from outside",
        "",
        "somebody sends what the network code or a service cannot handle, or breaks in and disturbs the system",
        -2.2,
        tuple(predictions.predictions),
        hosts=investigation.failed[:1],
    )


def _attacks(investigation: Investigation) -> Prediction:
    return preceded(
        investigation,
        Sought(("attack",), "attack that a sensor recognised", BEFORE),
        topic="attack before the crash",
        expect="an attack in the minutes before each crash",
        weight=2.2,
        against=1.5,
        necessary=not _logs_connections(investigation),
        group="traffic",
        remedy=f"add the firewall's or intrusion sensor's log of {investigation.failed[0]}",
    )


def _logs_connections(investigation: Investigation) -> bool:
    return investigation.timeline.count("firewall_allow", "firewall_drop", host=investigation.failed[0]) > 0


def _strangers(investigation: Investigation) -> Prediction:
    """Traffic with addresses that are neither local nor hosts of the incident, nor usual for this host.

    A log of dropped packets alone says nothing of what was let in, so only one of allowed connections rules it out.
    """
    failed, timeline = investigation.failed[0], investigation.timeline
    usual = usual_peers(investigation, BEFORE)

    def only(event: TimedEvent) -> bool:
        source = event.fields.get("source", "")
        return is_outside(source) and source not in usual

    windows = [(time - BEFORE * MINUTE, time) for time in investigation.times]
    allowed = any(timeline.coverage(TRAFFIC[:1], *window, failed).whole for window in windows)
    kinds = TRAFFIC[:1] if allowed else TRAFFIC[1:]
    words = "traffic from an unusual address"
    prediction = preceded(
        investigation,
        Sought((*TRAFFIC, "attack"), words, BEFORE, only=only, told_by=kinds),
        topic="traffic from strangers",
        expect="connections or probes from unknown addresses before each crash",
        weight=1.5,
        against=1.5 if allowed else 0.5,
        necessary=allowed,
        group="traffic",
        remedy=f"add the firewall log of {failed} for those minutes",
    )
    if prediction.outcome is not Outcome.CONTRADICTED:
        return prediction
    told = [window for window in windows if timeline.coverage(kinds, *window, failed).whole]
    total = sum(timeline.count(*TRAFFIC, host=failed, start=start, end=end) for start, end in told)
    flows = "1 connection" if total == 1 else f"{total:,} connections"
    more = f" ({flows}, all with known or local addresses)" if total else ""
    more = more if allowed else f"{more}; what was let in is not logged"
    return replace(prediction, told=f"{prediction.told}{more}")


def _failed_logons(investigation: Investigation) -> Prediction:
    return preceded(
        investigation,
        Sought(("logon_failed",), "failed logon", BEFORE_LOGONS),
        topic="failed logons",
        expect="failed logons in the hour before each crash",
        weight=0.7,
        against=0.3,
        remedy=f"add the security event log of {investigation.failed[0]}",
    )


def _stack(investigation: Investigation) -> Prediction:
    return network_on_stack(
        investigation, REMOTE_MODULES, "network code", where="the crashed stack", weight=1.2, against=0.7
    )


def _vulnerable(investigation: Investigation) -> Prediction | None:
    matches = [issue for issue in investigation.issues if issue.effect in ("code", "remote", "crash_remote")]
    fits = [issue for issue in matches if issue.kind == "match"]
    if fits:
        return decided(
            "known issue",
            "a vulnerability that can be reached from outside fits",
            f"{fits[0].id}: {fits[0].title}",
            True,
            1.2,
            0.0,
        )
    return None
