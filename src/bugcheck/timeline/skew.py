"""Events that two hosts saw of one happening → how far apart their clocks are.

Source: statistics only.  A connection that both ends' firewalls logged, and a logon over the network that one host
records and the other one's connection log shows, happen at one time; the median of the differences is the skew.

Folklore: few hosts keep logs that can be paired.  Then no skew is claimed, and the clocks are taken as right.  Domain
members are kept within five minutes of each other by Kerberos, so only such differences are believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from bugcheck.timeline.hosts import Host
from bugcheck.timeline.store import EventStore

LARGEST = 600.0
"""Seconds beyond which two records are not taken for one happening."""
LARGEST_MICROSECONDS = round(LARGEST * 1_000_000)
LEAST_PAIRS, MOST_PAIRS = 5, 5000
MOST_FLOWS = 50_000
SPREAD = 0.25
"""The middle half of the differences must lie within this part of the median, or within SURE_SPREAD seconds."""
SURE_SPREAD = 3.0
SMALLEST = 2.0
"""Seconds below which clocks are taken as equal."""
_LOGGED = "kind IN ('firewall_allow','firewall_drop')"
_FLOW = "||'|'||".join(
    f"json_extract(fields,'$.{name}')" for name in ("protocol", "source", "source_port", "target", "target_port")
)


@dataclass(frozen=True, slots=True)
class Skew:
    """How many seconds a host's clock is ahead of the reference host's, and what shows it."""

    seconds: float
    source: str


def estimate_skews(store: EventStore, hosts: list[Host]) -> dict[str, Skew]:
    """Estimate the skews of hosts that no person gave one for, against the first host that failed.

    A host without enough pairs is left out.
    """
    reference = next((host for host in hosts if host.role == "failed"), hosts[0] if hosts else None)
    if reference is None:
        return {}
    found: dict[str, Skew] = {}
    for host in hosts:
        if host is reference or host.skew_source:
            continue
        differences = _differences(store, reference.name, host.name)
        if (seconds := believable(differences)) is not None and abs(seconds) >= SMALLEST:
            found[host.name] = Skew(seconds, f"{len(differences)} connections that {reference.name} logged too")
    return found


def believable(differences: list[float]) -> float | None:
    """The median of differences, None when they are too few or too scattered to be one clock's skew."""
    if len(differences) < LEAST_PAIRS:
        return None
    ordered = sorted(differences)
    quarter = len(ordered) // 4
    middle = median(ordered)
    spread = ordered[-1 - quarter] - ordered[quarter]
    return round(middle, 1) if spread <= max(SURE_SPREAD, SPREAD * abs(middle)) else None


def _differences(store: EventStore, reference: str, other: str) -> list[float]:
    """Seconds by which `other` is ahead, for each flow that both logged exactly once within LARGEST.

    Looked at is the time from where both logs speak to where one of them has shown MOST_FLOWS.
    """
    bounds = [_logged(store, host) for host in (reference, other)]
    if None in bounds:
        return []
    known = [each for each in bounds if each]
    start = max(first for first, _ in known) - LARGEST_MICROSECONDS
    ends = [_after(store, host, start) for host in (reference, other)]
    end = min(*ends, *(last + LARGEST_MICROSECONDS for _, last in known))
    rows = store.database.execute(
        f"""
        WITH flows AS (
            SELECT host, utc, {_FLOW} AS flow FROM events
            WHERE {_LOGGED} AND host IN (?,?) AND utc BETWEEN ? AND ? AND fields IS NOT NULL),
        lone AS MATERIALIZED (
            SELECT host, flow, MIN(utc) AS utc FROM flows WHERE flow IS NOT NULL GROUP BY 1,2 HAVING COUNT(*)=1)
        SELECT (theirs.utc-ours.utc)/1000000.0 FROM lone ours JOIN lone theirs ON ours.flow=theirs.flow
        WHERE ours.host=? AND theirs.host=? AND ABS(theirs.utc-ours.utc)<=? LIMIT ?
        """,
        (reference, other, start, end, reference, other, LARGEST_MICROSECONDS, MOST_PAIRS),
    )
    return [difference for (difference,) in rows]


def _logged(store: EventStore, host: str) -> tuple[int, int] | None:
    """From when to when a host's firewall has logged."""
    first, last = store.database.execute(
        f"SELECT MIN(utc),MAX(utc) FROM events WHERE {_LOGGED} AND host=?", (host,)
    ).fetchone()
    return (first, last) if first is not None else None


def _after(store: EventStore, host: str, start: int) -> int:
    """When a host's firewall had logged MOST_FLOWS since a time."""
    row = store.database.execute(
        f"SELECT utc FROM events WHERE {_LOGGED} AND host=? AND utc>=? ORDER BY utc LIMIT 1 OFFSET ?",
        (host, start, MOST_FLOWS),
    ).fetchone()
    return row[0] if row else 1 << 62
