"""Connections in firewall logs → which addresses are usual for a host, and which are strangers'.

Source: firewall logs; the address blocks of RFC 1918, 3927, 4193, 4291 and 6598.

Folklore: a peer of one day may be the attacker; one that is seen on several days away from the crashes is usual.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from bugcheck.hypotheses.investigation import MINUTE, Investigation

TRAFFIC = ("firewall_allow", "firewall_drop")
"""What a firewall's log tells; an intrusion sensor's list alone does not speak for ordinary connections."""
_INSIDE = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.168.0.0/16", "224.0.0.0/3", "::/127", "fc00::/7", "fe80::/10", "ff00::/8"),
    )
)
"""Addresses of no stranger: private (RFC 1918, 4193), shared (6598), link-local (3927, 4291), multicast, reserved."""


def usual_peers(investigation: Investigation, minutes: int) -> frozenset[str]:
    """Find the addresses this host exchanged packets with on several days, outside the minutes before the crashes."""
    days: dict[str, set[int]] = {}
    start, end = investigation.span()
    events = investigation.timeline.events(
        "firewall_allow", host=investigation.failed[0], start=start, end=end, limit=200_000
    )
    for event in events:
        if any(time - minutes * MINUTE <= event.time <= time for time in investigation.times):
            continue
        for name in ("source", "target"):
            days.setdefault(event.fields.get(name, ""), set()).add(event.time.toordinal())
    return frozenset(address for address, seen in days.items() if len(seen) >= 2)


def is_outside(text: str) -> bool:
    """Tell whether a text is an address of the internet at large; a name is not."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return not any(address in network for network in _INSIDE if network.version == address.version)
