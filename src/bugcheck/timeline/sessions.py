"""Boots, shutdowns and crashes → boot sessions: when a host ran, and how each run ended.

Source: EventLog 6005 and 6009 mark a boot, 6006 a clean shutdown, 6008 and Kernel-Power 41 an unclean one (told at the
next boot); a dump tells the time of its stop and the uptime then.

Folklore: one boot leaves several records within a minute; they are one boot.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bugcheck.timeline.store import EventStore, moment_of

ONE_BOOT = timedelta(minutes=3)
"""Boot records closer than this are of one boot."""


@dataclass(frozen=True, slots=True)
class Session:
    """A run of a host: from its boot (None: before the evidence begins) to its end (None: it was still running).

    Attributes:
        ended: "crash", "shutdown", "lost" (an unclean end without a bug check) or "" when it is not known.
    """

    host: str
    start: datetime | None
    end: datetime | None
    ended: str


def boots_of(store: EventStore, host: str) -> list[datetime]:
    """When a host booted, oldest first: by its logs, and by the uptimes dumps tell."""
    rows = store.database.execute(
        "SELECT utc FROM events WHERE kind='boot' AND host=? AND twin IS NULL ORDER BY utc", (host,)
    )
    found = [moment_of(utc) for (utc,) in rows]
    seen = [crash.seen for crash in store.crashes() if crash.host == host]
    found += [each.time - timedelta(seconds=each.uptime) for each in seen if each.time and each.uptime]
    merged: list[datetime] = []
    for boot in sorted(found):
        if not merged or boot - merged[-1] > ONE_BOOT:
            merged.append(boot)
    return merged


def sessions_of(store: EventStore, host: str, crash_times: list[datetime]) -> list[Session]:
    """List a host's boot sessions, oldest first; `crash_times` are those of its crashes."""
    boots = boots_of(store, host)
    ends = {
        kind: [
            moment_of(utc)
            for (utc,) in store.database.execute(
                "SELECT utc FROM events WHERE kind=? AND host=? AND twin IS NULL ORDER BY utc", (kind, host)
            )
        ]
        for kind in ("clean_shutdown", "unexpected_shutdown")
    }
    starts: list[datetime | None] = [None, *boots]
    found: list[Session] = []
    for start, following in zip(starts, [*boots, None], strict=True):
        session = _session(host, start, following, crash_times, ends)
        if session.start or session.end:
            found.append(session)
    return found


def _session(
    host: str,
    start: datetime | None,
    following: datetime | None,
    crash_times: list[datetime],
    ends: dict[str, list[datetime]],
) -> Session:
    def inside(times: list[datetime]) -> list[datetime]:
        return [each for each in times if (not start or each >= start) and (not following or each <= following)]

    if crashes := inside(crash_times):
        return Session(host, start, crashes[-1], "crash")
    if clean := inside(ends["clean_shutdown"]):
        return Session(host, start, clean[-1], "shutdown")
    told_after = [each for each in ends["unexpected_shutdown"] if following and abs(each - following) <= ONE_BOOT * 2]
    return Session(host, start, following, "lost" if told_after else "")
