"""Somebody outside attacks → unusual traffic in the minutes before each crash, network code on the stack.

Source: firewall and intrusion logs; known vulnerabilities with a remote trigger.

Folklore: "no attack in the log" is worth what the log covers: a log of drops alone says nothing of what was let in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_address, ip_network

from bugcheck.hypotheses.hypothesis import Builder, Hypothesis, Outcome, Prediction, hypothesis
from bugcheck.hypotheses.investigation import MINUTE, Investigation
from bugcheck.hypotheses.predicting import checked, decided, preceded, untested
from bugcheck.timeline.timed_event import TimedEvent

ID = "remote_attack"
BEFORE, BEFORE_LOGONS = 15, 60
TRAFFIC = ("firewall_allow", "firewall_drop")
"""What a firewall's log tells; an intrusion sensor's list alone does not speak for ordinary connections."""
REMOTE_MODULES = frozenset(
    ["tcpip", "tcpip6", "afd", "netbt", "srv", "srv2", "srvnet", "ndis", "netio", "http", "rdpwd"]
)


_INSIDE = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.168.0.0/16", "224.0.0.0/3", "::/127", "fc00::/7", "fe80::/10", "ff00::/8"),
    )
)
"""Addresses of no stranger: private (RFC 1918, 4193), shared (6598), link-local (3927, 4291), multicast, reserved."""


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
        ("attack",),
        topic="attack before the crash",
        expect="an attack in the minutes before each crash",
        words="attack that a sensor recognised",
        minutes=BEFORE,
        weight=2.2,
        against=1.5,
        host=investigation.failed[0],
        necessary=not _logs_connections(investigation),
        group="traffic",
        remedy=f"add the firewall's or intrusion sensor's log of {investigation.failed[0]}",
    )


def _logs_connections(investigation: Investigation) -> bool:
    return investigation.timeline.count("firewall_allow", "firewall_drop", host=investigation.failed[0]) > 0


def _strangers(investigation: Investigation) -> Prediction:
    """Traffic with addresses that are neither local nor hosts of the incident, nor usual for this host."""
    failed, timeline = investigation.failed[0], investigation.timeline
    usual = _usual_peers(investigation)

    def only(event: TimedEvent) -> bool:
        source = event.fields.get("source", "")
        return _is_outside(source) and source not in usual

    topic, expect = "traffic from strangers", "connections or probes from unknown addresses before each crash"
    words = "traffic from an unusual address"
    remedy = f"add the firewall log of {failed} for those minutes"
    windows = [(time - BEFORE * MINUTE, time) for time in investigation.times]
    told = [window for window in windows if timeline.coverage(TRAFFIC, *window, failed).whole]
    prediction = preceded(
        investigation,
        (*TRAFFIC, "attack"),
        topic=topic,
        expect=expect,
        words=words,
        minutes=BEFORE,
        weight=1.5,
        against=1.5,
        host=failed,
        only=only,
        necessary=_allowed_everywhere(investigation, told),
        group="traffic",
        remedy=remedy,
    )
    if prediction.outcome is not Outcome.CONTRADICTED:
        return prediction
    if not told:
        crashes = "the crash" if len(windows) == 1 else f"the {len(windows)} crashes"
        missing = f"nothing speaks for the {BEFORE} minutes before {crashes}: {words}"
        return untested(topic, expect, missing, remedy, 1.5, 1.5)
    total = sum(timeline.count(*TRAFFIC, host=failed, start=start, end=end) for start, end in windows)
    more = f": {total:,} connections, all with known or local addresses" if total else ""
    return replace(prediction, told=f"{prediction.told}{more}")


def _allowed_everywhere(investigation: Investigation, told: list[tuple[datetime, datetime]]) -> bool:
    """Whether allowed connections are logged wherever dropped ones are: a log of drops alone eliminates nothing."""
    timeline, failed = investigation.timeline, investigation.failed[0]
    return bool(told) and all(timeline.coverage(TRAFFIC[:1], *window, failed).whole for window in told)


def _usual_peers(investigation: Investigation) -> frozenset[str]:
    """Addresses that this host exchanged packets with on several days, away from the crashes."""
    days: dict[str, set[int]] = {}
    start, end = investigation.span()
    events = investigation.timeline.events(
        "firewall_allow", host=investigation.failed[0], start=start, end=end, limit=200_000
    )
    for event in events:
        if any(time - BEFORE * MINUTE <= event.time <= time for time in investigation.times):
            continue
        for name in ("source", "target"):
            days.setdefault(event.fields.get(name, ""), set()).add(event.time.toordinal())
    return frozenset(address for address, seen in days.items() if len(seen) >= 2)


def _is_outside(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return not any(address in network for network in _INSIDE if network.version == address.version)


def _failed_logons(investigation: Investigation) -> Prediction:
    return preceded(
        investigation,
        ("logon_failed",),
        topic="failed logons",
        expect="failed logons in the hour before each crash",
        words="failed logon",
        minutes=BEFORE_LOGONS,
        weight=0.7,
        against=0.3,
        host=investigation.failed[0],
        remedy=f"add the security event log of {investigation.failed[0]}",
    )


def _stack(investigation: Investigation) -> Prediction:
    topic, expect = "network on the stack", "network code is on the crashed stack"
    stacks = [seen.stack for seen in investigation.seen if len(seen.stack) >= 3]
    if not stacks:
        return untested(topic, expect, "the stack of no crash is known", "add a dump, with symbols", 1.2, 0.7)
    found = {place.partition("!")[0].partition("+")[0].lower() for stack in stacks for place in stack} & REMOTE_MODULES
    told = f"{', '.join(sorted(found))} on the stack" if found else "no network code is on the crashed stack"
    return decided(topic, expect, told, bool(found), 1.2, 0.7, investigation.cite_crashes())


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
