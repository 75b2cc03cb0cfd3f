"""Stored events replaced, taken back, or derived anew, as deltas: with digest the only writer of
aggregates."""

import datetime
from collections.abc import Mapping, Sequence

import msgspec
from django.db import transaction

from tracking.changes import Writing, apply_changes
from tracking.event_rows import (
    EventKey,
    delete_events,
    insert_events,
    load_facts,
    replace_events,
    save_prices,
)
from tracking.events import rank_of
from tracking.folding import Fact, by_trace
from tracking.payloads import note_stale, slots_of
from tracking.pricing import PriceBook, cost_of
from tracking.rules import hold_horizon
from tracking.staging import clear_stages, open_cursor, prepare_stages
from tracking.traces import lock_late, lock_traces


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
    with transaction.atomic(), open_cursor() as cursor:
        clear_stages(cursor)
        horizon_us = hold_horizon(cursor, project_id)
        writing = Writing(project_id, cursor, 0, now, horizon_us)
        return len(write_deltas(writing, put=replace, retract=retract, only_stored=True))


def _gives_way(stored: Fact, new: Fact | None, owned: Mapping[EventKey, int]) -> bool:
    if owned.get(stored.event_key) == stored.event.content_rank:
        return True
    return new is not None and rank_of(new.event) > rank_of(stored.event)


def reprice_events(writing: Writing, keys: Sequence[EventKey], book: PriceBook) -> int:
    """Price stored events anew, in the caller's transaction; locks as :func:`write_deltas` does.

    What a caller said a call cost stays. Returns how many cost something else than before.
    """
    cursor, project_id = writing.cursor, writing.project_id
    met = load_facts(cursor, project_id, keys)
    groups = by_trace([old for old, new in _repriced(met, book) if _differ(old, new)])
    traces = lock_traces(cursor, project_id, groups)
    stored = load_facts(cursor, project_id, sorted(fact.event_key for fact in met), lock=True)
    pairs = _repriced(stored, book)
    moved = [(old, new) for old, new in pairs if _differ(old, new)]
    traces = lock_late(cursor, project_id, traces, by_trace(old for old, _ in moved))
    save_prices(cursor, project_id, [new for _, new in pairs], stamp=book.stamp)
    apply_changes(
        writing, traces, added=[new for _, new in moved], removed=[old for old, _ in moved]
    )
    return len(moved)


def _repriced(facts: Sequence[Fact], book: PriceBook) -> list[tuple[Fact, Fact]]:
    """Each fact as it is, and with what it costs by the book."""
    costs = [cost_of(fact.event, book) for fact in facts]
    return [
        (fact, msgspec.structs.replace(fact, cost_nano=cost_nano, cost_source=source))
        for fact, (cost_nano, source) in zip(facts, costs, strict=True)
    ]


def _differ(old: Fact, new: Fact) -> bool:
    return (old.cost_nano, old.cost_source) != (new.cost_nano, new.cost_source)


def write_deltas(
    writing: Writing,
    *,
    put: Sequence[Fact] = (),
    retract: Sequence[EventKey] = (),
    received_us: Mapping[EventKey, int] | None = None,
    owned: Mapping[EventKey, int] | None = None,
    only_stored: bool = False,
) -> list[Fact]:
    """Store facts, new or in place of what is stored under their keys, and delete other events.

    ``received_us``: when new ones were received; otherwise when they occurred. ``owned``: content
    ranks of what the caller stored there before. What is stored of somebody else is not deleted,
    and replaced only by what outranks it.
    Locks as digest does: traces first, then events, in order. Returns the stored events that were
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
    received = [(received_us or {}).get(key, key[0]) for key in news]
    fresh = insert_events(cursor, project_id, received, list(news.values()), has_stored=bool(met))
    removed = load_facts(cursor, project_id, [k for k in wanted if k not in fresh], lock=True)
    if owned is not None:
        removed = [old for old in removed if _gives_way(old, news.get(old.event_key), owned)]
    # What was stored between the two looks may belong to another trace.
    traces = lock_late(cursor, project_id, traces, by_trace(removed))
    old = {fact.event_key for fact in removed}
    replace_events(cursor, project_id, sorted(old & news.keys()))
    delete_events(cursor, project_id, sorted(old - news.keys()))
    added = [fact for key, fact in news.items() if key in fresh or key in old]
    kept = slots_of(added)
    lost = [fact for key, fact in news.items() if key not in fresh and key not in old]
    gone = [f for f in (*removed, *lost) if (f.block_id, f.block_ix) not in kept]
    note_stale(cursor, project_id, gone)
    apply_changes(writing, traces, added=added, removed=removed)
    return removed
