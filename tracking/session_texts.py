"""What lists show and search of a session: previews and facets, refreshed beside the digest.

Built whole from the events each time, so any change of a session comes out right. A session is
refreshed at most once in ten seconds, however fast it grows.
"""

import datetime
import logging
import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import psycopg
from django.db import transaction

from tracking.adapters.dialects.message_events import EVENT_NAMES
from tracking.events import Payload
from tracking.faults import is_transient
from tracking.glimpses import TRIED, Dimensions, Glimpse, Place
from tracking.payloads import load_payloads
from tracking.previews import input_preview, output_preview
from tracking.rules import hold_rules
from tracking.staging import Stage, clear_stages, open_cursor, pg_texts, prepare_stages
from tracking.tied_rows import PROMPT_KEY, PROMPT_VERSION

logger = logging.getLogger(__name__)
SESSIONS_AT_ONCE = 200
AT_MOST_EVERY = datetime.timedelta(seconds=10)
LEASE = datetime.timedelta(seconds=60)
# While spans wait to be digested the texts let them go first, though not for longer than this.
PATIENCE = datetime.timedelta(seconds=20)
BACKLOG_AGE = datetime.timedelta(seconds=1)
FACETS_KEPT = 200
CHUNK = 1_000
MESSAGE_POINTS = sorted(EVENT_NAMES)

DUE = (
    "SELECT q.project_id, q.session_id, t.refreshed_at FROM tracking_sessiontorefresh q"
    " LEFT JOIN tracking_sessiontext t USING (project_id, session_id)"
    " WHERE q.due_at <= %s ORDER BY q.due_at LIMIT %s FOR UPDATE OF q SKIP LOCKED"
)
BACKLOG = (
    "SELECT EXISTS (SELECT FROM tracking_inboxbatch WHERE received_at < %s AND attempts < 2"
    " AND (lease_owner <> '' OR lease_until < %s))"
)
POSTPONE = (
    "UPDATE tracking_sessiontorefresh q SET due_at = k.due_at"
    " FROM unnest(%s::text[], %s::timestamptz[]) k (session_id, due_at)"
    " WHERE q.project_id = %s AND q.session_id = k.session_id"
)
# A session that grew since the lease has an earlier due_at again, and stays.
DONE = (
    "DELETE FROM tracking_sessiontorefresh"
    " WHERE project_id = %s AND session_id = ANY (%s) AND due_at = %s"
)
EVENTS = (
    "SELECT p.session_id, e.duration_us IS NULL AND e.name = ANY (%s),"
    f" e.kind, e.duration_us IS NOT NULL, e.model, e.provider, {PROMPT_KEY},"
    f" {PROMPT_VERSION}, e.environment, e.config_key, e.error_type, e.run_id, e.finish_reason,"
    " array_to_json(e.tags)::text, array_to_json(e.warnings)::text, e.arms::text,"
    " e.metadata::text, e.occurred_at, e.block_id, e.block_ix"
    " FROM tracking_tracepart p"
    " JOIN tracking_event e ON e.project_id = p.project_id AND e.trace_id = p.trace_id"
    " AND e.session_own = p.session_own AND e.occurred_at BETWEEN %s AND %s"
    " WHERE p.project_id = %s AND p.session_id = ANY (%s)"
    # Scores are no activity: whether one lies between these times is luck.
    " AND NOT (e.operation = 'score' AND e.duration_us IS NULL)"
)
SPAN = (
    "SELECT min(first_at), max(last_at) FROM tracking_session"
    " WHERE project_id = %s AND session_id = ANY (%s)"
)
TEXTS = Stage(
    "stage_text",
    {"session_id": "text", "first_input": "text", "last_output": "text", "facets": "text[]"},
    is_rare=True,
)
SAVE = (
    f"INSERT INTO tracking_sessiontext (project_id, refreshed_at, {TEXTS.names})"
    f" SELECT %s, %s, {TEXTS.names} FROM stage_text ORDER BY session_id"
    " ON CONFLICT (project_id, session_id) DO UPDATE SET"
    " refreshed_at = excluded.refreshed_at, first_input = excluded.first_input,"
    " last_output = excluded.last_output, facets = excluded.facets"
)


class Leased(NamedTuple):
    n_seen: int
    projects: dict[int, list[str]]


def refresh_due_sessions(*, now: datetime.datetime, seconds: float = math.inf) -> int:
    """Refresh the sessions whose turn it is, for about so long, and return how many."""
    prepare_stages(TEXTS, usual=False)
    n_refreshed, until = 0, time.monotonic() + seconds
    while time.monotonic() < until and (leased := lease_due(now)).n_seen:
        refresh_leased(leased, now)
        n_refreshed += leased.n_seen
    return n_refreshed


def lease_due(now: datetime.datetime) -> Leased:
    """Lease some sessions in a transaction of its own: what is digested meanwhile shows by another
    due_at, and no digest waits for a refresh."""
    projects: dict[int, list[str]] = {}
    due: dict[int, dict[str, datetime.datetime]] = {}
    with transaction.atomic(), open_cursor() as cursor:
        due_since = now - PATIENCE if _is_behind(cursor, now) else now
        rows = cursor.execute(DUE, (due_since, SESSIONS_AT_ONCE)).fetchall()
        for project_id, session_id, refreshed_at in rows:
            is_early = refreshed_at is not None and refreshed_at > now - AT_MOST_EVERY
            due_at = refreshed_at + AT_MOST_EVERY if is_early else now + LEASE
            due.setdefault(project_id, {})[session_id] = due_at
            if not is_early:
                projects.setdefault(project_id, []).append(session_id)
        for project_id, times in due.items():
            cursor.execute(POSTPONE, (list(times), list(times.values()), project_id))
    return Leased(len(rows), projects)


def _is_behind(cursor: psycopg.Cursor[Any], now: datetime.datetime) -> bool:
    """Whether spans wait. Those that failed before do not count: they wait for their next try; nor
    do parts that were put off."""
    found = cursor.execute(BACKLOG, (now - BACKLOG_AGE, now)).fetchone()
    return found is not None and bool(found[0])


def refresh_leased(leased: Leased, now: datetime.datetime) -> None:
    for project_id, session_ids in leased.projects.items():
        _refresh_all(project_id, session_ids, now)


def _refresh_all(project_id: int, session_ids: list[str], now: datetime.datetime) -> None:
    """Refresh the sessions together; where that fails in halves, until the culprit stands alone.
    It keeps the text it had."""
    try:
        with transaction.atomic(), open_cursor() as cursor:
            _refresh(cursor, project_id, session_ids, now)
    except Exception as error:
        if is_transient(error):
            raise
        logger.exception("%s sessions of project %s failed", len(session_ids), project_id)
        middle = len(session_ids) // 2
        for half in (session_ids[:middle], session_ids[middle:]) if middle else ():
            _refresh_all(project_id, half, now)
        if not middle:
            with open_cursor() as cursor:
                cursor.execute(DONE, (project_id, session_ids, now + LEASE))


def _refresh(
    cursor: psycopg.Cursor[Any], project_id: int, session_ids: list[str], now: datetime.datetime
) -> None:
    hold_rules(cursor, project_id)  # what is read here is not erased before it is written
    first, last = cursor.execute(SPAN, (project_id, session_ids)).fetchone() or (None, None)
    if first is not None:
        glimpses = _read_events(cursor, project_id, session_ids, (first, last))
        firsts = {s: glimpse.first_places() for s, glimpse in glimpses.items()}
        lasts = {s: glimpse.last_places() for s, glimpse in glimpses.items()}
        inputs = _previews(project_id, firsts, input_preview)
        outputs = _previews(project_id, lasts, output_preview)
        rows = [
            (s, inputs.get(s, ""), outputs.get(s, ""), pg_texts(facets))
            for s in session_ids
            if s in glimpses and (facets := sorted(glimpses[s].facets())[:FACETS_KEPT])
        ]
        clear_stages(cursor)
        TEXTS.fill(cursor, rows)
        cursor.execute(SAVE, (project_id, now))
    cursor.execute(DONE, (project_id, session_ids, now + LEASE))


def _read_events(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    session_ids: list[str],
    span: tuple[object, object],
) -> dict[str, Glimpse]:
    """Gather the sessions' events; ``span`` covers them all, so that partitions are left out."""
    glimpses: dict[str, Glimpse] = {}
    for session_id, tells, *said, at, block_id, block_ix in cursor.stream(
        EVENTS, (MESSAGE_POINTS, *span, project_id, session_ids), binary=True, size=CHUNK
    ):
        if (glimpse := glimpses.get(session_id)) is None:
            glimpse = glimpses[session_id] = Glimpse()
        glimpse.add(Dimensions(*said), Place(at, block_id, block_ix), tells=tells)
    return glimpses


def _previews(
    project_id: int, places: dict[str, list[Place]], preview: Callable[[Payload], str]
) -> dict[str, str]:
    """The words of the first place that has any; the next ones are read only where it has none."""
    found: dict[str, str] = {}
    for turn in range(TRIED):
        asked = {s: tried[turn] for s, tried in places.items() if s not in found and tried[turn:]}
        payloads = load_payloads(project_id, list(asked.values()))
        words = {s: preview(payload) for s, payload in zip(asked, payloads, strict=True)}
        found |= {s: text for s, text in words.items() if text}
    return found
