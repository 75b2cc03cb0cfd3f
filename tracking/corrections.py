"""Stored events replaced or taken back, as deltas: with digest the only writer of aggregates."""

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
    how many events changed. Locks as digest does: traces first, then events, in order.
    """
    prepare_stages()
    news = {fact.event_key: fact for fact in replace}
    wanted = sorted(news.keys() | set(retract))
    with open_cursor() as cursor:
        fold_name = decide_names(cursor, project_id, names_of(replace))
        groups = by_trace([*replace, *load_facts(cursor, project_id, wanted)])
    with transaction.atomic(durable=True), open_cursor() as cursor:
        clear_stages(cursor)
        writing = Writing(project_id, cursor, fold_name, slot=0, now=now)
        traces = lock_traces(cursor, project_id, groups)
        removed = load_facts(cursor, project_id, wanted, lock=True)
        stored = {fact.event_key for fact in removed}
        added = [fact for key, fact in news.items() if key in stored]
        received_us = [fact.event.occurred_us for fact in added]
        insert_events(cursor, project_id, received_us, added)
        replace_events(cursor, project_id, [fact.event_key for fact in added])
        delete_events(cursor, project_id, sorted(stored - news.keys()))
        apply_changes(writing, traces, added=added, removed=removed)
    return len(removed)
