"""Hosts and their clocks → every stored event's UTC time, and duplicates told apart from repetitions.

Source: SQLite's window functions.

Folklore: one happening stands in System.evtx, in its text export and in the export of a forwarding collector.  Equal
records of one file are repetitions and stay; the n-th of one file and the n-th of another are one.
"""

from __future__ import annotations

from datetime import timedelta

from bugcheck.timeline.hosts import Host
from bugcheck.timeline.store import EventStore, moment_of

BUCKET = 900_000_000
"""Microseconds within which no zone changes its offset: a quarter of an hour."""


def settle_times(store: EventStore, hosts: list[Host]) -> None:
    """Set `utc` of all events and spans, inside `writing()`."""
    database = store.database
    for host in hosts:
        skew = round(host.skew * 1_000_000)
        database.execute("UPDATE events SET utc=raw-? WHERE host=? AND local=0", (skew, host.name))
        database.execute(
            "UPDATE spans SET utc_start=start-?,utc_finish=finish-? WHERE host=? AND local=0", (skew, skew, host.name)
        )
        database.execute("CREATE TEMP TABLE IF NOT EXISTS shifts(bucket INTEGER PRIMARY KEY, shift INTEGER)")
        database.execute("DELETE FROM shifts")
        rows = database.execute(
            "SELECT DISTINCT raw/? FROM events WHERE host=? AND local=1 UNION "
            "SELECT start/? FROM spans WHERE host=? AND local=1 UNION "
            "SELECT finish/? FROM spans WHERE host=? AND local=1",
            (BUCKET, host.name) * 3,
        ).fetchall()
        database.executemany(
            "INSERT INTO shifts VALUES(?,?)", [(bucket, _shift(bucket * BUCKET, host) + skew) for (bucket,) in rows]
        )
        database.execute(
            "UPDATE events SET utc=raw-(SELECT shift FROM shifts WHERE bucket=raw/?) WHERE host=? AND local=1",
            (BUCKET, host.name),
        )
        database.execute(
            "UPDATE spans SET utc_start=start-(SELECT shift FROM shifts WHERE bucket=start/?),"
            "utc_finish=finish-(SELECT shift FROM shifts WHERE bucket=finish/?) WHERE host=? AND local=1",
            (BUCKET, BUCKET, host.name),
        )
    _of_nobody(store, hosts)
    database.execute("CREATE INDEX IF NOT EXISTS events_by_kind ON events(kind,utc)")
    database.execute("CREATE INDEX IF NOT EXISTS events_by_time ON events(utc)")


def _of_nobody(store: EventStore, hosts: list[Host]) -> None:
    """Read a wall clock nobody owns (a person's notes, say) as that of the host that failed, else of the only host."""
    failed = [host for host in hosts if host.role == "failed"] or hosts
    zones = failed[:1]
    columns = (("events", "utc", "raw"), ("spans", "utc_start", "start"), ("spans", "utc_finish", "finish"))
    for table, target, source in columns:
        store.database.execute(f"UPDATE {table} SET {target}={source} WHERE host='' AND local=0")
        rows = store.database.execute(
            f"SELECT DISTINCT {source}/? FROM {table} WHERE host='' AND local=1", (BUCKET,)
        ).fetchall()
        for (bucket,) in rows:
            shift = _shift(bucket * BUCKET, zones[0]) if zones else 0
            store.database.execute(
                f"UPDATE {table} SET {target}={source}-? WHERE host='' AND local=1 AND {source}/?=?",
                (shift, BUCKET, bucket),
            )


def _shift(stamp: int, host: Host) -> int:
    """Local minus UTC at a wall-clock time, in microseconds."""
    wall = moment_of(stamp).replace(tzinfo=host.zone)
    offset = wall.utcoffset() or timedelta()
    return offset // timedelta(microseconds=1)


def mark_twins(store: EventStore) -> int:
    """Mark events that stand in several files, inside `writing()`; returns how many are marked.

    Two events are one when host, second, code and source agree and they are the n-th such of their files.
    """
    database = store.database
    database.execute("UPDATE events SET twin=NULL WHERE twin IS NOT NULL")
    database.execute("CREATE TEMP TABLE IF NOT EXISTS twins(id INTEGER PRIMARY KEY, first INTEGER)")
    database.execute("DELETE FROM twins")
    database.execute(
        """
        INSERT INTO twins
        WITH keyed AS (
            SELECT id, evidence, host, utc/1000000 AS second, code, lower(source) AS source FROM events
            WHERE code IS NOT NULL),
        several AS (
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
    database.execute(
        "UPDATE events SET twin=(SELECT first FROM twins WHERE twins.id=events.id) WHERE id IN (SELECT id FROM twins)"
    )
    (count,) = database.execute("SELECT COUNT(*) FROM twins").fetchone()
    return count
