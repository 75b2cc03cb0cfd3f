"""Events deleted for their age: the horizon moves first, then what lies behind it goes.

Events go hour by hour, or with their week's partition once nobody needs that. Payload blocks go
with their week. What is said in words (previews, documents, quarantined items) goes with the
events; sums of sessions and hours outlive them, until a horizon of their own.
"""

import datetime
from collections.abc import Callable
from typing import Any

import psycopg
from django.db import OperationalError, transaction
from django.utils import timezone

from core.jobs import register_job, start_job
from core.models import Job, Project
from tracking.partitions import WEEK, drop_week, floor_week, hold_writers
from tracking.payloads import empty_stale_slots
from tracking.rules import change_rules
from tracking.staging import open_cursor

KIND = "retention"
ROWS = 1_000
EVENTS = 10_000
BLOCKS = 50
HOUR = datetime.timedelta(hours=1)

OLDEST = "SELECT min(occurred_at) FROM tracking_event WHERE project_id = %s AND occurred_at < %s"
DELETE_OF_HOUR = (
    "DELETE FROM tracking_event e USING (SELECT project_id, occurred_at, id FROM tracking_event"
    " WHERE project_id = %s AND occurred_at >= %s AND occurred_at < %s LIMIT %s) old"
    " WHERE e.project_id = old.project_id AND e.occurred_at = old.occurred_at AND e.id = old.id"
    " AND e.occurred_at >= %s AND e.occurred_at < %s"
)
# Whether a project that may keep events of this week has one.
IS_NEEDED = (
    "SELECT EXISTS (SELECT FROM core_project p CROSS JOIN LATERAL (SELECT FROM tracking_event e"
    " WHERE e.project_id = p.id AND e.occurred_at >= %(start)s AND e.occurred_at < %(end)s"
    " LIMIT 1) one WHERE p.events_from IS NULL OR p.events_from < %(end)s)"
)
DELETE_BLOCKS = (
    "DELETE FROM tracking_payload WHERE project_id = %s AND week < %s AND block_id IN"
    " (SELECT block_id FROM tracking_payload WHERE project_id = %s AND week < %s LIMIT %s)"
)
DELETE_STALE = "DELETE FROM tracking_staleslot WHERE project_id = %s AND week < %s"
CLEAR_TEXTS = (
    "UPDATE tracking_sessiontext t"
    " SET first_input = '', last_output = '', first_rank = NULL, last_rank = NULL"
    " FROM (SELECT s.session_id FROM tracking_session s"
    " JOIN tracking_sessiontext x USING (project_id, session_id) WHERE s.project_id = %s"
    " AND s.last_at < %s AND (x.first_input <> '' OR x.last_output <> '') LIMIT %s) old"
    " WHERE t.project_id = %s AND t.session_id = old.session_id"
)
OLD_DOCUMENTS = (
    "SELECT system, key FROM tracking_document WHERE project_id = %s AND last_at < %s LIMIT %s"
)
OF_DOCUMENTS = (
    "DELETE FROM {table} WHERE project_id = %s AND (system, key) IN"
    " (SELECT * FROM unnest(%s::text[], %s::text[]))"
)
DELETE_QUARANTINED = (
    "DELETE FROM tracking_quarantined WHERE id IN (SELECT id FROM tracking_quarantined"
    " WHERE project_id = %s AND received_at < %s LIMIT %s)"
)
DELETE_CLOCKS = "DELETE FROM tracking_eventclock WHERE project_id = %s AND occurred_at < %s"
OLD_SESSIONS = (
    "SELECT session_id FROM tracking_session WHERE project_id = %s AND last_at < %s LIMIT %s"
)
OF_SESSIONS = "DELETE FROM {table} WHERE project_id = %s AND session_id = ANY (%s)"
SESSION_TABLES = (
    "tracking_tracepart",
    "tracking_session",
    "tracking_sessiontext",
    "tracking_sessiontorefresh",
    "tracking_sessionnews",
    "tracking_sessionmetric",
    "tracking_armseen",
)
DELETE_TRACES = (
    "DELETE FROM tracking_trace t WHERE t.project_id = %s AND t.trace_id IN (SELECT o.trace_id"
    " FROM tracking_trace o WHERE o.project_id = %s AND o.first_at < %s AND o.last_at < %s"
    " AND NOT EXISTS (SELECT FROM tracking_tracepart p WHERE p.project_id = o.project_id"
    " AND p.trace_id = o.trace_id) LIMIT %s)"
)
DELETE_ROLLUPS = "DELETE FROM tracking_usagerollup WHERE project_id = %s AND hour < %s"

Horizons = dict[str, datetime.datetime]
Cursor = psycopg.Cursor[Any]
Phase = Callable[[Cursor, Job, Horizons], int]
"""Does a bounded piece of work and returns how many rows it dealt with: 0 when nothing is left."""


def floor_hour(at: datetime.datetime) -> datetime.datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def start_retention() -> int:
    """Queue the work of all projects that keep events for a while only; return how many."""
    projects = Project.objects.filter(retention_days__isnull=False)
    return len([start_job(project, KIND, {}) for project in projects])


def do_step(job: Job) -> bool:
    """One step: the horizon first, then phase by phase what lies behind it."""
    with open_cursor() as cursor:
        if not job.place:
            horizons = _move_horizon(cursor, job.project, timezone.now())
            if not horizons:
                return True
            job.place = {
                "phase": 0,
                "horizons": {name: at.isoformat() for name, at in horizons.items()},
            }
            return False
        horizons = {
            name: datetime.datetime.fromisoformat(at) for name, at in job.place["horizons"].items()
        }
        name, phase = PHASES[job.place["phase"]]
        if phase in ALONE:
            change_rules(cursor, job.project_id)
        n_rows = phase(cursor, job, horizons) if name in horizons else 0
        job.n_done += n_rows
        what = phase.__name__.lstrip("_")
        job.result = {**job.result, what: job.result.get(what, 0) + n_rows}
        if not n_rows:
            job.place = {**job.place, "phase": job.place["phase"] + 1}
    return bool(job.place["phase"] == len(PHASES))


def _move_horizon(cursor: Cursor, project: Project, now: datetime.datetime) -> Horizons:
    """Refuse what is too old from now on. Whoever stores events at this moment is waited for."""
    project.refresh_from_db()
    if project.retention_days is None:
        return {}
    change_rules(cursor, project.pk)
    wanted = floor_hour(now - datetime.timedelta(days=project.retention_days))
    events = max(wanted, project.events_from or wanted)
    Project.objects.filter(pk=project.pk).update(events_from=events)
    horizons = {"events": events}
    if project.summary_days is not None:
        horizons["summaries"] = floor_hour(now - datetime.timedelta(days=project.summary_days))
    return horizons


def _events(cursor: Cursor, job: Job, horizons: Horizons) -> int:
    """Of the oldest hour that holds events, or the whole week when nobody needs it."""
    horizon = horizons["events"]
    row = cursor.execute(OLDEST, (job.project_id, horizon)).fetchone()
    oldest = row[0] if row else None
    if oldest is None:
        return 0
    week = floor_week(oldest)
    if week + WEEK <= horizon and _drop_unneeded(cursor, week):
        return 1
    start = floor_hour(oldest)
    end = min(start + HOUR, horizon)
    cursor.execute(DELETE_OF_HOUR, (job.project_id, start, end, EVENTS, start, end))
    return cursor.rowcount


def _drop_unneeded(cursor: Cursor, week: datetime.datetime) -> bool:
    """Drop the week's partitions, if every project that has events in it has passed it."""
    if _is_needed(cursor, week):
        return False
    try:
        with transaction.atomic():
            hold_writers()
            # Another project may have stored an event of that week since.
            if _is_needed(cursor, week):
                transaction.set_rollback(True)  # which lets the writers go on
                return False
            drop_week(week)
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            return False  # readers that take long: hour by hour, then
        raise
    return True


def _is_needed(cursor: Cursor, week: datetime.datetime) -> bool:
    row = cursor.execute(IS_NEEDED, {"start": week, "end": week + WEEK}).fetchone()
    return row is None or bool(row[0])


def _blocks(cursor: Cursor, job: Job, horizons: Horizons) -> int:
    week = floor_week(horizons["events"])
    where = (job.project_id, week)
    cursor.execute(DELETE_BLOCKS, (*where, *where, BLOCKS * 10))
    n_blocks = cursor.rowcount
    cursor.execute(DELETE_STALE, where)
    return n_blocks


def _replaced(cursor: Cursor, job: Job, horizons: Horizons) -> int:
    return empty_stale_slots(cursor, job.project_id, limit=BLOCKS)


def _texts(cursor: Cursor, job: Job, horizons: Horizons) -> int:
    values = (job.project_id, horizons["events"], ROWS, job.project_id)
    return cursor.execute(CLEAR_TEXTS, values).rowcount


def _documents(cursor: Cursor, job: Job, horizons: Horizons) -> int:
    values = (job.project_id, horizons["events"], ROWS)
    rows = cursor.execute(OLD_DOCUMENTS, values).fetchall()
    if rows:
        systems, keys = map(list, zip(*rows, strict=True))
        for table in ("tracking_documentpart", "tracking_document"):
            cursor.execute(OF_DOCUMENTS.format(table=table), (job.project_id, systems, keys))
    return len(rows)


def _quarantined(cursor: Cursor, job: Job, horizons: Horizons) -> int:
    values = (job.project_id, horizons["events"], ROWS)
    return cursor.execute(DELETE_QUARANTINED, values).rowcount


def _clocks(cursor: Cursor, job: Job, horizons: Horizons) -> int:
    return cursor.execute(DELETE_CLOCKS, (job.project_id, horizons["events"])).rowcount


def _sessions(cursor: Cursor, job: Job, horizons: Horizons) -> int:
    values = (job.project_id, horizons["summaries"], ROWS)
    ids = [row[0] for row in cursor.execute(OLD_SESSIONS, values)]
    for table in SESSION_TABLES if ids else ():
        cursor.execute(OF_SESSIONS.format(table=table), (job.project_id, ids))
    return len(ids)


def _traces(cursor: Cursor, job: Job, horizons: Horizons) -> int:
    horizon = horizons["summaries"]
    values = (job.project_id, job.project_id, horizon, horizon, ROWS)
    return cursor.execute(DELETE_TRACES, values).rowcount


def _hours(cursor: Cursor, job: Job, horizons: Horizons) -> int:
    return cursor.execute(DELETE_ROLLUPS, (job.project_id, horizons["summaries"])).rowcount


PHASES: list[tuple[str, Phase]] = [
    ("events", _events),
    ("events", _blocks),
    ("events", _replaced),
    ("events", _texts),
    ("events", _documents),
    ("events", _quarantined),
    ("events", _clocks),
    ("summaries", _sessions),
    ("summaries", _traces),
    ("summaries", _hours),
]

# What ingestion may add to at that moment, however old it is: nobody stores events meanwhile.
ALONE = {_documents, _sessions, _traces}

register_job(KIND, do_step)
