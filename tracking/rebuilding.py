"""Aggregates made anew from the events, when verification found a difference.

What lies before the retention horizon has no events any more and stays as it is.
"""

from typing import Any

import psycopg
from django.db import transaction
from django.utils import timezone

from tracking.changes import Writing, apply_changes
from tracking.dimensions import decide_names
from tracking.folding import Fact, TraceState, by_trace
from tracking.rollups import RollupDeltas, save_rollups
from tracking.rules import read_rules
from tracking.session_deltas import SessionTotals
from tracking.session_news import queue_refreshes
from tracking.sessions import apply_session_deltas
from tracking.staging import clear_stages, datetime_of, open_cursor, prepare_stages
from tracking.ties import counted
from tracking.traces import lock_traces, read_states
from tracking.verification import counted_wrapper, events_by_trace, in_chunks

_OF_OUTLIVING_TRACES = (
    "EXISTS (SELECT FROM tracking_trace t WHERE t.project_id = x.project_id"
    " AND t.trace_id = x.trace_id AND (t.first_at < %s OR t.first_at IS NULL))"
)
_OF_OUTLIVING_SESSIONS = (
    "EXISTS (SELECT FROM tracking_session s WHERE s.project_id = x.project_id"
    " AND s.session_id = x.session_id AND s.last_at < %s)"
)
# In this order: what belongs to a trace or a session goes before it. Each keeps what its last
# condition names.
DELETIONS = (
    f"DELETE FROM tracking_tracepart x WHERE project_id = %s AND NOT {_OF_OUTLIVING_TRACES}",
    "DELETE FROM tracking_trace WHERE project_id = %s AND first_at >= %s",
    f"DELETE FROM tracking_sessionmetric x WHERE project_id = %s AND NOT {_OF_OUTLIVING_SESSIONS}",
    f"DELETE FROM tracking_armseen x WHERE project_id = %s AND NOT {_OF_OUTLIVING_SESSIONS}",
    "DELETE FROM tracking_session WHERE project_id = %s AND (last_at >= %s OR last_at IS NULL)",
    "DELETE FROM tracking_usagerollup WHERE project_id = %s AND hour >= %s",
)
ALL_OF = (
    "tracking_trace",
    "tracking_tracepart",
    "tracking_session",
    "tracking_sessionmetric",
    "tracking_armseen",
    "tracking_usagerollup",
)
SESSIONS_LEFT = (
    "SELECT DISTINCT p.session_id FROM tracking_tracepart p WHERE p.project_id = %s"
    " AND NOT EXISTS (SELECT FROM tracking_session s WHERE s.project_id = p.project_id"
    " AND s.session_id = p.session_id)"
)


def rebuild_project(project_id: int) -> None:
    """Delete the project's aggregates and fold all its events again, in one transaction.

    Digests wait meanwhile (the door does not): they would fold into rows about to be replaced.
    """
    prepare_stages()
    with transaction.atomic(durable=True), open_cursor() as cursor:
        # Whoever is to write events asks for locks of traces first, and waits here.
        cursor.execute("LOCK TABLE tracking_trace IN EXCLUSIVE MODE")
        horizon_us = read_rules(cursor, project_id).horizon_us
        _delete_aggregates(cursor, project_id, horizon_us)
        for chunk in in_chunks(events_by_trace(cursor, project_id, from_us=horizon_us)):
            facts = [fact for _, facts in chunk for fact in facts]
            _fold_chunk(cursor, project_id, facts)


def _delete_aggregates(cursor: psycopg.Cursor[Any], project_id: int, horizon_us: int) -> None:
    """Delete what is made anew. What outlives its events stays."""
    if not horizon_us:
        for table in ALL_OF:
            cursor.execute(f"DELETE FROM {table} WHERE project_id = %s", (project_id,))
        return
    for statement in DELETIONS:
        cursor.execute(statement, (project_id, datetime_of(horizon_us)))
    # Sessions that lie across the horizon begin as what their older parts add up to. They are
    # counted in the hour they began, before it.
    stale = {
        session_id: SessionTotals(session_id, is_stale=True)
        for (session_id,) in cursor.execute(SESSIONS_LEFT, (project_id,)).fetchall()
    }
    clear_stages(cursor)
    apply_session_deltas(cursor, project_id, stale)
    queue_refreshes(cursor, project_id, dict.fromkeys(stale), due_at=timezone.now())


def _fold_chunk(cursor: psycopg.Cursor[Any], project_id: int, facts: list[Fact]) -> None:
    clear_stages(cursor)
    writing = Writing(project_id, cursor, slot=0, now=timezone.now(), has_contents=False)
    groups = by_trace(facts)
    outliving = read_states(cursor, project_id, list(groups))
    if outliving:
        _count_again(writing, outliving, groups)
        facts = [fact for fact in facts if fact.event.trace_id not in outliving]
        clear_stages(cursor)
    apply_changes(writing, lock_traces(cursor, project_id, by_trace(facts)), added=facts)


def _count_again(
    writing: Writing, states: dict[str, TraceState], groups: dict[str, list[Fact]]
) -> None:
    """Count events in the hours of rollups alone: the sums of their traces were not deleted."""
    rollups = RollupDeltas()
    for trace_id, state in states.items():
        for fact in groups[trace_id]:
            rollups.add_fact(counted(fact))
        rollups.add_wrapper(counted_wrapper(state, groups[trace_id]), 1)
    fold_name = decide_names(writing.cursor, writing.project_id, rollups.names())
    rows = rollups.rows(fold_name)
    save_rollups(
        writing.cursor, writing.project_id, rows.items(), slot=writing.slot, now=writing.now
    )
