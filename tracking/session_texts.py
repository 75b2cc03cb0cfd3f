"""What lists show and search of a session: previews and facets, refreshed beside the digest.

Built whole from the events each time, so any change of a session comes out right. A session is
refreshed at most once in ten seconds, however fast it grows.
"""

import datetime
import logging
from collections.abc import Callable
from typing import Any, NamedTuple

import psycopg
from django.db import transaction

from tracking.events import Kind, Payload
from tracking.faults import is_transient
from tracking.payloads import load_payloads
from tracking.previews import input_preview, output_preview
from tracking.staging import Stage, clear_stages, open_cursor, pg_texts, prepare_stages

logger = logging.getLogger(__name__)
SESSIONS_AT_ONCE = 200
AT_MOST_EVERY = datetime.timedelta(seconds=10)
LEASE = datetime.timedelta(seconds=60)
FACETS_KEPT = 200
KINDS = [kind.name.lower() for kind in Kind]

DUE = (
    "SELECT q.project_id, q.session_id, t.refreshed_at FROM tracking_sessiontorefresh q"
    " LEFT JOIN tracking_sessiontext t USING (project_id, session_id)"
    " WHERE q.due_at <= %s ORDER BY q.due_at LIMIT %s FOR UPDATE OF q SKIP LOCKED"
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
FACETS = """
SELECT p.session_id, array_agg(DISTINCT f.facet)
FROM tracking_tracepart p
JOIN tracking_event e ON e.project_id = p.project_id AND e.trace_id = p.trace_id
    AND e.session_own = p.session_own AND e.occurred_at BETWEEN %(first)s AND %(last)s
CROSS JOIN LATERAL (
    SELECT 'kind:' || (%(kinds)s::text[])[e.kind + 1] WHERE e.duration_us IS NOT NULL
    UNION ALL SELECT 'model:' || e.model WHERE e.model <> ''
    UNION ALL SELECT 'provider:' || e.provider WHERE e.provider <> ''
    UNION ALL SELECT 'prompt:' || e.prompt_key WHERE e.prompt_key <> ''
    UNION ALL SELECT 'prompt:' || e.prompt_key || '@' || e.prompt_version
        WHERE e.prompt_key <> '' AND e.prompt_version <> ''
    UNION ALL SELECT 'env:' || e.environment WHERE e.environment <> ''
    UNION ALL SELECT 'error:' || e.error_type WHERE e.error_type <> ''
    UNION ALL SELECT 'run:' || e.run_id WHERE e.run_id <> ''
    UNION ALL SELECT 'tag:' || tag FROM unnest(e.tags) tag
    UNION ALL SELECT 'arm:' || (arm ->> 0) || '=' || (arm ->> 1)
        FROM jsonb_array_elements(e.arms) arm
    UNION ALL SELECT 'meta:' || key || '=' || value FROM jsonb_each_text(e.metadata)
) f (facet)
WHERE p.project_id = %(project)s AND p.session_id = ANY (%(sessions)s)
GROUP BY p.session_id
"""
# Model calls and agents carry the conversation; other spans stand in where there are none.
ENDS = """
SELECT session_id, occurred_at, block_id, block_ix FROM (
    SELECT p.session_id, e.occurred_at, e.block_id, e.block_ix, row_number() OVER (
        PARTITION BY p.session_id ORDER BY e.kind IN (1, 3) DESC, e.occurred_at {direction}
    ) AS place
    FROM tracking_tracepart p
    JOIN tracking_event e ON e.project_id = p.project_id AND e.trace_id = p.trace_id
        AND e.session_own = p.session_own AND e.occurred_at BETWEEN %(first)s AND %(last)s
    WHERE p.project_id = %(project)s AND p.session_id = ANY (%(sessions)s)
        AND e.block_id <> 0 AND e.duration_us IS NOT NULL
) ends WHERE place <= 3 ORDER BY session_id, place
"""
SPAN = (
    "SELECT min(first_at), max(last_at) FROM tracking_session"
    " WHERE project_id = %s AND session_id = ANY (%s)"
)
TEXTS = Stage(
    "stage_text",
    {"session_id": "text", "first_input": "text", "last_output": "text", "facets": "text[]"},
)
SAVE = (
    f"INSERT INTO tracking_sessiontext (project_id, refreshed_at, {TEXTS.names}, search)"
    f" SELECT %s, %s, {TEXTS.names},"
    " to_tsvector('simple', session_id || ' ' || first_input || ' ' || last_output)"
    " FROM stage_text ORDER BY session_id ON CONFLICT (project_id, session_id) DO UPDATE SET"
    " refreshed_at = excluded.refreshed_at, first_input = excluded.first_input,"
    " last_output = excluded.last_output, facets = excluded.facets, search = excluded.search"
)


class Leased(NamedTuple):
    n_seen: int
    projects: dict[int, list[str]]


def refresh_due_sessions(*, now: datetime.datetime) -> int:
    """Refresh the sessions whose turn it is and return how many."""
    prepare_stages()
    n_refreshed = 0
    while (leased := lease_due(now)).n_seen:
        refresh_leased(leased, now)
        n_refreshed += leased.n_seen
    return n_refreshed


def lease_due(now: datetime.datetime) -> Leased:
    """Lease some sessions in a transaction of its own: what is digested meanwhile shows by another
    due_at, and no digest waits for a refresh."""
    projects: dict[int, list[str]] = {}
    due: dict[int, dict[str, datetime.datetime]] = {}
    with transaction.atomic(), open_cursor() as cursor:
        rows = cursor.execute(DUE, (now, SESSIONS_AT_ONCE)).fetchall()
        for project_id, session_id, refreshed_at in rows:
            is_early = refreshed_at is not None and refreshed_at > now - AT_MOST_EVERY
            due_at = refreshed_at + AT_MOST_EVERY if is_early else now + LEASE
            due.setdefault(project_id, {})[session_id] = due_at
            if not is_early:
                projects.setdefault(project_id, []).append(session_id)
        for project_id, times in due.items():
            cursor.execute(POSTPONE, (list(times), list(times.values()), project_id))
    return Leased(len(rows), projects)


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
    first, last = cursor.execute(SPAN, (project_id, session_ids)).fetchone() or (None, None)
    if first is not None:
        values: dict[str, object] = {
            "project": project_id,
            "sessions": session_ids,
            "first": first,
            "last": last,
        }
        facets = dict(cursor.execute(FACETS, {**values, "kinds": KINDS}).fetchall())
        inputs = _previews(cursor, project_id, values, "ASC", input_preview)
        outputs = _previews(cursor, project_id, values, "DESC", output_preview)
        rows = [
            (s, inputs.get(s, ""), outputs.get(s, ""), pg_texts(sorted(facets[s])[:FACETS_KEPT]))
            for s in session_ids
            if s in facets
        ]
        clear_stages(cursor)
        TEXTS.fill(cursor, rows)
        cursor.execute(SAVE, (project_id, now))
    cursor.execute(DONE, (project_id, session_ids, now + LEASE))


def _previews(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    values: dict[str, object],
    direction: str,
    preview: Callable[[Payload], str],
) -> dict[str, str]:
    rows = cursor.execute(ENDS.format(direction=direction), values).fetchall()
    payloads = load_payloads(project_id, [(at, block, ix) for _, at, block, ix in rows])
    found: dict[str, str] = {}
    for (session_id, *_), payload in zip(rows, payloads, strict=True):
        found[session_id] = found.get(session_id) or preview(payload)
    return found
