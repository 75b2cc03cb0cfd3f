"""Aggregates made anew from the events, when verification found a difference."""

from typing import Any

import psycopg
from django.db import transaction
from django.utils import timezone

from tracking.changes import Writing, apply_changes, by_trace
from tracking.dimensions import decide_names, names_of
from tracking.folding import Fact
from tracking.staging import clear_stages, open_cursor, prepare_stages
from tracking.traces import lock_traces
from tracking.verification import events_by_trace, in_chunks

AGGREGATES = (
    "tracking_trace",
    "tracking_tracepart",
    "tracking_session",
    "tracking_sessionmetric",
    "tracking_armseen",
    "tracking_usagerollup",
)


def rebuild_project(project_id: int) -> None:
    """Delete the project's aggregates and fold all its events again, in one transaction.

    Digests wait meanwhile (the door does not): they would fold into rows about to be replaced.
    """
    prepare_stages()
    with transaction.atomic(durable=True), open_cursor() as cursor:
        cursor.execute("LOCK TABLE tracking_trace IN SHARE ROW EXCLUSIVE MODE")
        for table in AGGREGATES:
            cursor.execute(f"DELETE FROM {table} WHERE project_id = %s", (project_id,))
        for chunk in in_chunks(events_by_trace(cursor, project_id)):
            _fold_chunk(cursor, project_id, [fact for _, facts in chunk for fact in facts])


def _fold_chunk(cursor: psycopg.Cursor[Any], project_id: int, facts: list[Fact]) -> None:
    clear_stages(cursor)
    fold_name = decide_names(cursor, project_id, names_of(facts))
    writing = Writing(project_id, cursor, fold_name, slot=0, now=timezone.now())
    apply_changes(writing, lock_traces(cursor, project_id, by_trace(facts)), added=facts)
