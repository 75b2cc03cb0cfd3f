"""Weekly partitions of the event and payload tables.

A partition is made in its own transaction as an ordinary table and then attached: ``PARTITION OF``
would take an exclusive lock on the parent and queue every reader behind it.
"""

import datetime

from django.db import connection, transaction
from psycopg import sql

PARENTS = {"tracking_event": "occurred_at", "tracking_payload": "week"}
WEEK = datetime.timedelta(days=7)
WEEK_US = 7 * 86_400_000_000
# 1970-01-01 was a Thursday: Monday-based weeks start four days later.
MONDAY_US = 4 * 86_400_000_000
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
AHEAD = 8
MICROSECOND = datetime.timedelta(microseconds=1)

_known: set[int] = set()


def week_of(us: int) -> int:
    """The Monday 00:00 UTC at or before a time, both in microseconds since 1970."""
    return us - (us - MONDAY_US) % WEEK_US


def ensure_weeks(weeks: set[int]) -> None:
    """Make the partitions of these weeks (Mondays, in microseconds) where they are missing."""
    missing = weeks - _known
    if not missing:
        return
    existing = existing_weeks()
    for week in sorted(missing - existing):
        _create(week)
    _known.update(existing | missing)


def ensure_ahead(now: datetime.datetime) -> None:
    """Keep partitions ready for the coming weeks."""
    this = week_of(int((now - EPOCH).total_seconds()) * 1_000_000)
    ensure_weeks({this + n * WEEK_US for n in range(-1, AHEAD + 1)})


def floor_week(at: datetime.datetime) -> datetime.datetime:
    """The Monday 00:00 UTC at or before a moment."""
    return EPOCH + datetime.timedelta(microseconds=week_of((at - EPOCH) // MICROSECOND))


def hold_writers() -> None:
    """Wait for whoever stores events, and let nobody begin until the transaction ends.

    Waits two seconds, then raises LockNotAvailable. Dropping a partition takes the same locks.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        for parent in PARENTS:
            cursor.execute(f"LOCK TABLE ONLY {parent} IN ACCESS EXCLUSIVE MODE")


def drop_week(week: datetime.datetime) -> None:
    """Drop the partitions of the week that begins at ``week``, in the caller's transaction.

    Waits two seconds for readers, then raises LockNotAvailable. Other processes may believe that
    the week is still there: what they would store in it meets an error that passes (faults).
    """
    start = (week - EPOCH) // MICROSECOND
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        for parent in PARENTS:
            name = sql.Identifier(f"{parent}_{_suffix(start)}")
            drop = sql.SQL("DROP TABLE IF EXISTS {}").format(name)
            cursor.execute(drop.as_string(cursor.cursor))
        cursor.execute("SET LOCAL lock_timeout = 0")
    _known.discard(start)


def existing_weeks() -> set[int]:
    """The weeks that both tables have a partition for."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = ANY (%s::regclass[])",
            [list(PARENTS)],
        )
        names = {name for (name,) in cursor.fetchall()}
    found = {name.rsplit("_", 1)[1] for name in names}
    return {
        _start_of(suffix)
        for suffix in found
        if all(f"{parent}_{suffix}" in names for parent in PARENTS)
    }


def forget() -> None:
    """Drop this process's knowledge of partitions (tests make new databases)."""
    _known.clear()


def _suffix(week: int) -> str:
    return (EPOCH + datetime.timedelta(microseconds=week)).strftime("%Y%m%d")


def _start_of(suffix: str) -> int:
    start = datetime.datetime.strptime(suffix, "%Y%m%d").replace(tzinfo=datetime.UTC)
    return int((start - EPOCH).total_seconds()) * 1_000_000


def _create(week: int) -> None:
    start = EPOCH + datetime.timedelta(microseconds=week)
    for parent, column in PARENTS.items():
        _create_one(parent, f"{parent}_{_suffix(week)}", column, start)


def _create_one(parent: str, name: str, column: str, start: datetime.datetime) -> None:
    names = {
        "parent": sql.Identifier(parent),
        "name": sql.Identifier(name),
        "bound": sql.Identifier(f"{name}_bound"),
        "column": sql.Identifier(column),
        "start": sql.Literal(start.isoformat()),
        "end": sql.Literal((start + WEEK).isoformat()),
    }
    # Attaching skips its scan when a CHECK proves the bounds; the CHECK is of no use afterwards.
    steps = (
        "CREATE TABLE {name} (LIKE {parent} INCLUDING ALL, CONSTRAINT {bound}"
        " CHECK ({column} >= {start} AND {column} < {end}))",
        "ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end})",
        "ALTER TABLE {name} DROP CONSTRAINT {bound}",
    )
    with transaction.atomic(durable=not connection.in_atomic_block), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        # Two processes may meet the same new week: the second waits here and finds the table.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [name])
        cursor.execute("SELECT to_regclass(%s)", [name])
        if cursor.fetchone() == (None,):
            for step in steps:
                cursor.execute(sql.SQL(step).format(**names).as_string(cursor.cursor))
