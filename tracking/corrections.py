"""Stored events replaced, taken back, or derived anew, as deltas: with digest the only writer of
aggregates."""

import datetime
from collections.abc import Sequence

from django.db import transaction

from tracking.changes import Writing, apply_changes, by_trace
from tracking.dimensions import decide_names, names_of
from tracking.event_rows import (
    EventKey,
    delete_events,
    insert_events,
    load_facts,
    replace_events,
)
from tracking.folding import Fact
from tracking.staging import clear_stages, open_cursor, prepare_stages
from tracking.traces import lock_traces


def apply_deltas(
    project_id: int,
    *,
    replace: Sequence[Fact] = (),
    retract: Sequence[EventKey] = (),
    now: datetime.datetime,
) -> int:
    """Replace stored events by these facts and delete others, in one transaction.

    A replacement keeps its event's time and id. Events that are not stored are passed over. Returns
    how many events changed.
    """
    prepare_stages()
    with open_cursor() as cursor:
        fold_name = decide_names(cursor, project_id, names_of(replace))
    with transaction.atomic(), open_cursor() as cursor:
        clear_stages(cursor)
        writing = Writing(project_id, cursor, fold_name, slot=0, now=now)
        return write_deltas(writing, put=replace, retract=retract, only_stored=True)


def write_deltas(
    writing: Writing,
    *,
    put: Sequence[Fact] = (),
    retract: Sequence[EventKey] = (),
    only_stored: bool = False,
) -> int:
    """Store facts, new or in place of what is stored under their keys, and delete other events.

    Locks as digest does: traces first, then events, in order. Returns how many stored events were
    replaced or deleted.
    """
    cursor, project_id = writing.cursor, writing.project_id
    news = {fact.event_key: fact for fact in put}
    wanted = sorted(news.keys() | set(retract))
    met = load_facts(cursor, project_id, wanted)
    if only_stored:
        stored = {fact.event_key for fact in met}
        news = {key: fact for key, fact in news.items() if key in stored}
    traces = lock_traces(cursor, project_id, by_trace([*news.values(), *met]))
    received_us = [fact.event.occurred_us for fact in news.values()]
    fresh = insert_events(cursor, project_id, received_us, list(news.values()))
    removed = load_facts(cursor, project_id, [k for k in wanted if k not in fresh], lock=True)
    # What was stored between the two looks may belong to another trace, locked late.
    groups = by_trace(removed)
    late = {trace_id: groups[trace_id] for trace_id in groups.keys() - traces.keys()}
    if late:
        traces |= lock_traces(cursor, project_id, late)
    old = {fact.event_key for fact in removed}
    replace_events(cursor, project_id, sorted(old & news.keys()))
    delete_events(cursor, project_id, sorted(old - news.keys()))
    added = [fact for key, fact in news.items() if key in fresh or key in old]
    apply_changes(writing, traces, added=added, removed=removed)
    return len(removed)
