"""Hosts and their clocks → every stored event's UTC time, and duplicates told apart from repetitions.

Source: SQLite's window functions.

Folklore: one happening stands in System.evtx, in its text export and in the export of a forwarding collector.  Equal
records of one file are repetitions and stay; the n-th of one file and the n-th of another are one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bugcheck.timeline.hosts import Host
from bugcheck.timeline.store import EventStore, moment_of

BUCKET = 900_000_000
"""Microseconds within which no zone changes its offset: a quarter of an hour."""


def settle_times(store: EventStore, hosts: list[Host]) -> None:
    """Set `utc` of all events and spans, inside `writing()`.

    A wall clock nobody owns (a person's notes, say) is read as that of the host that failed, else of the only host.
    """
    for host in hosts:
        _settle(store, host.name, host, round(host.skew * 1_000_000))
    failed = [host for host in hosts if host.role == "failed"] or hosts
    _settle(store, "", failed[0] if failed else None, 0)
    store.database.execute("CREATE INDEX IF NOT EXISTS events_by_kind ON events(kind,utc)")
    store.database.execute("CREATE INDEX IF NOT EXISTS events_by_time ON events(utc)")


def _settle(store: EventStore, name: str, clock: Host | None, skew: int) -> None:
    """Set the times of one host's records; only what changes is written."""
    database = store.database
    shares = database.execute(
        "SELECT shares.rowid,first,last,local,skew FROM shares JOIN evidence ON id=evidence WHERE shares.host=?",
        (name,),
    ).fetchall()
    for row, first, last, _, _ in (each for each in shares if not each[3] and each[4] != skew):
        where = "id BETWEEN ? AND ? AND host=? AND local=0"
        database.execute(f"UPDATE events SET utc=raw-? WHERE {where}", (skew, first, last, name))
        database.execute("UPDATE shares SET skew=? WHERE rowid=?", (skew, row))
    files = sorted({(first, last) for _, first, last, local, _ in shares if local})
    _set_shifts(store, name, clock, skew, files)
    for first, last in files:
        database.execute(
            "UPDATE events SET utc=raw-shift FROM shifts WHERE id BETWEEN ? AND ? AND host=? AND local=1 "
            "AND bucket=raw/? AND utc IS NOT raw-shift",
            (first, last, name, BUCKET),
        )
    database.execute(
        "UPDATE spans SET utc_start=start-?,utc_finish=finish-? WHERE host=? AND local=0", (skew, skew, name)
    )
    database.execute(
        "UPDATE spans SET utc_start=start-(SELECT shift FROM shifts WHERE bucket=start/?),"
        "utc_finish=finish-(SELECT shift FROM shifts WHERE bucket=finish/?) WHERE host=? AND local=1",
        (BUCKET, BUCKET, name),
    )


def _set_shifts(store: EventStore, name: str, clock: Host | None, skew: int, files: list[tuple[int, int]]) -> None:
    """List local minus UTC for every quarter of an hour that a host's local times lie in."""
    database = store.database
    database.execute("CREATE TEMP TABLE IF NOT EXISTS shifts(bucket INTEGER PRIMARY KEY, shift INTEGER)")
    database.execute("DELETE FROM shifts")
    buckets: set[int] = set()
    for first, last in files:
        statement = "SELECT DISTINCT raw/? FROM events WHERE id BETWEEN ? AND ? AND host=? AND local=1"
        buckets.update(each for (each,) in database.execute(statement, (BUCKET, first, last, name)))
    for column in ("start", "finish"):
        statement = f"SELECT DISTINCT {column}/? FROM spans WHERE host=? AND local=1"
        buckets.update(each for (each,) in database.execute(statement, (BUCKET, name)))
    database.executemany(
        "INSERT INTO shifts VALUES(?,?)",
        [(bucket, (_shift(bucket * BUCKET, clock) if clock else 0) + skew) for bucket in buckets],
    )


def _shift(stamp: int, host: Host) -> int:
    """Local minus UTC at a wall-clock time, in microseconds."""
    wall = moment_of(stamp).replace(tzinfo=host.zone)
    offset = wall.utcoffset() or timedelta()
    return offset // timedelta(microseconds=1)


def mark_twins(store: EventStore) -> int:
    """Mark events that stand in several files, inside `writing()`; returns how many are marked.

    Two events are one when host, second, code and source agree and they are the n-th such of their files.  Only where
    two files speak of one time can there be any.
    """
    database = store.database
    database.execute("UPDATE events SET twin=NULL WHERE twin IS NOT NULL")
    for name in ("keyed", "twins"):
        database.execute(f"DROP TABLE IF EXISTS temp.{name}")
    database.execute("CREATE TEMP TABLE keyed(id INTEGER PRIMARY KEY, evidence, host, second, code, source)")
    for first, last, low, high in _shared_times(store):
        database.execute(
            "INSERT INTO keyed SELECT id,evidence,host,utc/1000000,code,lower(source) FROM events "
            "WHERE id BETWEEN ? AND ? AND utc BETWEEN ? AND ? AND code IS NOT NULL",
            (first, last, low, high),
        )
    database.execute("CREATE TEMP TABLE twins(id INTEGER PRIMARY KEY, first INTEGER)")
    database.execute(
        """
        INSERT INTO twins
        WITH several AS (
            SELECT host, second, code, source FROM keyed GROUP BY 1,2,3,4 HAVING COUNT(DISTINCT evidence)>1),
        numbered AS (
            SELECT id, host, second, code, source,
                ROW_NUMBER() OVER (PARTITION BY host, second, code, source, evidence ORDER BY id) AS nth
            FROM keyed JOIN several USING (host, second, code, source)),
        paired AS (
            SELECT id, MIN(id) OVER (PARTITION BY host, second, code, source, nth) AS first FROM numbered)
        SELECT id, first FROM paired WHERE id<>first
        """
    )
    database.execute("UPDATE events SET twin=twins.first FROM twins WHERE twins.id=events.id")
    (count,) = database.execute("SELECT COUNT(*) FROM twins").fetchone()
    return count


def _shared_times(store: EventStore) -> Iterator[tuple[int, int, int, int]]:
    """For each file that speaks of a time another one speaks of too: its events' numbers, and that time."""
    files = store.database.execute(
        "SELECT first,last,(SELECT MIN(+utc) FROM events WHERE events.id BETWEEN first AND last),"
        "(SELECT MAX(+utc) FROM events WHERE events.id BETWEEN first AND last) FROM evidence "
        "WHERE last>=first AND kind NOT IN ('notes','notes_text')"
    ).fetchall()
    known = [(low, high, first, last) for first, last, low, high in files if low is not None]
    for low, high, first, last in known:
        others = [(max(low, a) - 1_000_000, min(high, b) + 1_000_000) for a, b, other, _ in known if other != first]
        shared = [(a, b) for a, b in others if a <= b]
        if shared:
            yield first, last, min(a for a, _ in shared), max(b for _, b in shared)
