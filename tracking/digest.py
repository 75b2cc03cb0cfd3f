"""From inbox to facts and aggregates: one transaction a project and lease, one order of locks.

Traces, events, trace parts, sessions, rollups, then the inbox rows under their lease. Reading the
bodies, pricing and packing happen before: no lock is held while Python thinks.
"""

import datetime
import logging
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg
from django.conf import settings
from django.db import transaction

from tracking import leases
from tracking.adapters import ADAPTERS
from tracking.blocks import Block, pack
from tracking.changes import Writing, apply_changes, by_trace
from tracking.counters import Fate, FateCounts
from tracking.dimensions import decide_names, names_of
from tracking.event_rows import EventKey, insert_events, load_facts, replace_events
from tracking.events import IncomingEvent, Receipt
from tracking.faults import is_transient
from tracking.folding import Fact
from tracking.inflate import inflate
from tracking.leases import Batch, Lease
from tracking.origins import save_origins
from tracking.partitions import ensure_weeks, week_of
from tracking.payloads import save_blocks
from tracking.pricing import cost_of, has_inconsistent_usage
from tracking.quarantine import Item, quarantine
from tracking.staging import (
    clear_stages,
    datetime_of,
    note_rollback,
    open_cursor,
    prepare_stages,
    unix_us,
)
from tracking.traces import lock_traces

logger = logging.getLogger(__name__)


class Reading(msgspec.Struct):
    """What the bodies of a project's batches hold."""

    facts: list[Fact] = []
    received_us: list[int] = []
    blocks: list[Block] = []
    quarantined: list[Item] = []
    counts: FateCounts = msgspec.field(default_factory=FateCounts)


def digest_lease(lease: Lease, *, slot: int, now: datetime.datetime) -> int:
    """Digest what was leased and return the number of items; a project's trouble stays its own."""
    n_items = 0
    for project_id, batches in lease.of_project().items():
        try:
            digest_batches(project_id, batches, lease_id=lease.id, slot=slot, now=now)
        except Exception as error:  # whatever it is, the other projects' turn comes
            unforeseen = None if is_transient(error) else error
            logger.warning(
                "Project %s is digested again later: %s", project_id, error, exc_info=unforeseen
            )
            leases.let_go(lease, batches, error=str(error), now=now)
        else:
            n_items += sum(batch.n_items for batch in batches)
    return n_items


def digest_batches(
    project_id: int,
    batches: Sequence[Batch],
    *,
    lease_id: uuid.UUID,
    slot: int,
    now: datetime.datetime,
) -> None:
    """Digest batches of one project, all or nothing."""
    prepare_stages()
    reading = Reading()
    with open_cursor() as cursor:
        for batch in batches:
            _read_batch(cursor, batch, reading)
        _prepare(cursor, project_id, reading)
        fold_name = decide_names(cursor, project_id, names_of(reading.facts))
    with transaction.atomic(durable=True), open_cursor() as cursor:
        clear_stages(cursor)
        writing = Writing(project_id, cursor, fold_name, slot, now)
        used = _store(writing, reading, range(len(reading.facts)))
        save_blocks(cursor, project_id, [block for block in reading.blocks if block.id in used])
        quarantine(cursor, project_id, reading.quarantined, counts=reading.counts, now=now)
        reading.counts.save(cursor, project_id)
        leases.finish(cursor, lease_id, list(batches))


# --- before the transaction -------------------------------------------------------------------


def _read_batch(cursor: psycopg.Cursor[Any], batch: Batch, reading: Reading) -> None:
    body = inflate(batch.body, batch.encoding, limit=settings.INGEST_MAX_BYTES)
    if batch.attempts >= leases.QUARANTINE_FROM:
        reason = f"gave_up: {batch.attempts - 1} attempts failed; {batch.last_error}"
        reading.quarantined.append(Item.of_batch(batch, body=body, reason=reason))
        return
    received_us = unix_us(batch.received_at) or 0
    receipt = Receipt(received_us, batch.horizon_us, batch.headers)
    try:
        read = ADAPTERS[batch.format].read(body, receipt=receipt)
    except Exception as error:  # an adapter's bug must not lose what was acknowledged
        logger.exception("The adapter %s failed on batch %s", batch.format, batch.id)
        reason = f"adapter_failed: {type(error).__name__}: {error}"
        reading.quarantined.append(Item.of_batch(batch, body=body, reason=reason))
        return
    for rejection in read.rejections:
        reading.counts.count(Fate.REJECTED, received_us, detail=rejection.code)
    for failure in read.failures:
        item = Item(
            batch.format,
            failure.body,
            failure.reason,
            received_us,
            batch.horizon_us,
            headers=batch.headers,
        )
        reading.quarantined.append(item)
    save_origins(cursor, batch.project_id, read.origins)
    events = _settle_clocks(cursor, batch.project_id, read.events)
    reading.facts += map(_price, events)
    reading.received_us += [received_us] * len(events)


def _price(event: IncomingEvent) -> Fact:
    if has_inconsistent_usage(event):
        warnings = (*event.warnings, "inconsistent_usage")
        event = msgspec.structs.replace(event, warnings=warnings)
    cost_nano, source = cost_of(event)
    return Fact(event, cost_nano, source)


KEEP_CLOCKS = (
    "INSERT INTO tracking_eventclock (project_id, id, occurred_at)"
    " SELECT %s, * FROM unnest(%s::uuid[], %s::timestamptz[]) c (id, at) ORDER BY id"
    " ON CONFLICT DO NOTHING"
)
READ_CLOCKS = (
    "SELECT id, occurred_at FROM tracking_eventclock WHERE project_id = %s AND id = ANY (%s)"
)


def _settle_clocks(
    cursor: psycopg.Cursor[Any], project_id: int, events: list[IncomingEvent]
) -> list[IncomingEvent]:
    """Give items without a usable time that of their first receipt, for ever."""
    if not any(event.needs_clock for event in events):
        return events
    wanted = {uuid.UUID(bytes=e.id): datetime_of(e.occurred_us) for e in events if e.needs_clock}
    cursor.execute(KEEP_CLOCKS, (project_id, list(wanted), list(wanted.values())))
    rows = cursor.execute(READ_CLOCKS, (project_id, list(wanted)))
    kept = {identity.bytes: unix_us(moment) for identity, moment in rows}
    return [
        msgspec.structs.replace(e, occurred_us=kept[e.id]) if e.needs_clock else e for e in events
    ]


def _prepare(cursor: psycopg.Cursor[Any], project_id: int, reading: Reading) -> None:
    """Drop repeats within the request, make partitions, pack payloads into blocks."""
    _drop_repeats(reading)
    facts = reading.facts
    weeks = [week_of(fact.event.occurred_us) for fact in facts]
    ensure_weeks(set(weeks))
    order = sorted(range(len(facts)), key=lambda i: (weeks[i], facts[i].event.trace_id))
    reading.blocks = pack([fact.event.payload for fact in facts], weeks, order)
    for block in reading.blocks:
        for ix, member in enumerate(block.members):
            facts[member].block_id, facts[member].block_ix = block.id, ix


def _drop_repeats(reading: Reading) -> None:
    best: dict[EventKey, int] = {}
    for index, fact in enumerate(reading.facts):
        key = fact.event_key
        if (other := best.get(key)) is None:
            best[key] = index
            continue
        reading.counts.count(Fate.DUPLICATE, reading.received_us[index])
        if _rank(fact.event) > _rank(reading.facts[other].event):
            best[key] = index
    if len(best) < len(reading.facts):
        kept = sorted(best.values())
        reading.facts = [reading.facts[i] for i in kept]
        reading.received_us = [reading.received_us[i] for i in kept]


def _rank(event: IncomingEvent) -> tuple[int, int]:
    """Of two contents of one identity the one that ended later wins, then the greater hash."""
    return event.occurred_us + (event.duration_us or 0), event.content_rank


# --- inside the transaction -------------------------------------------------------------------


def _store(writing: Writing, reading: Reading, indexes: Sequence[int]) -> set[int]:
    """Store these facts and return the payload blocks in use. What PostgreSQL refuses is split in
    halves until the culprit stands alone, which goes to quarantine."""
    if not indexes:
        return set()
    try:
        with transaction.atomic():
            counts, used = _store_facts(writing, reading, indexes)
    except Exception as error:
        if is_transient(error):
            raise
        note_rollback(writing.cursor)
        logger.exception("%s items of project %s failed together", len(indexes), writing.project_id)
        if len(indexes) == 1:
            reading.quarantined.append(_refused(reading, indexes[0], error))
            return set()
        middle = len(indexes) // 2
        used = _store(writing, reading, indexes[:middle])
        return used | _store(writing, reading, indexes[middle:])
    reading.counts.update(counts)
    return used


def _refused(reading: Reading, index: int, error: Exception) -> Item:
    reason = f"refused: {type(error).__name__}: {error}"
    event = reading.facts[index].event
    return Item.of_event(event, reason=reason, received_us=reading.received_us[index])


def _store_facts(
    writing: Writing, reading: Reading, indexes: Sequence[int]
) -> tuple[FateCounts, set[int]]:
    """Write the events, move the aggregates; return their fates and the blocks in use."""
    clear_stages(writing.cursor)
    facts = [reading.facts[i] for i in indexes]
    received_us = [reading.received_us[i] for i in indexes]
    traces = lock_traces(writing.cursor, writing.project_id, by_trace(facts))
    new_keys = insert_events(writing.cursor, writing.project_id, received_us, facts)
    fresh = [fact for fact in facts if fact.event_key in new_keys]
    repeated = [fact for fact in facts if fact.event_key not in new_keys]
    removed, replacing = _replace(writing, repeated) if repeated else ([], [])
    added = fresh + replacing
    touched = by_trace(added + removed)
    # An item that names its own id may be told again in another trace. That one is locked late: a
    # deadlock that comes of it is noticed by PostgreSQL, and the batch digested again.
    late = touched.keys() - traces.keys()
    if late:
        groups = {trace_id: touched[trace_id] for trace_id in late}
        traces |= lock_traces(writing.cursor, writing.project_id, groups)
    moved = {trace_id: change for trace_id, change in traces.items() if trace_id in touched}
    apply_changes(writing, moved, added=added, removed=removed)
    counts = FateCounts()
    for fact, received in zip(facts, received_us, strict=True):
        is_fresh = fact.event_key in new_keys
        counts.count(Fate.STORED if is_fresh else Fate.DUPLICATE, received)
        if is_fresh:
            for code in fact.event.warnings:
                counts.count(Fate.WARNED, received, detail=code)
    return counts, {fact.block_id for fact in added}


def _replace(writing: Writing, repeated: Sequence[Fact]) -> tuple[list[Fact], list[Fact]]:
    """Overwrite stored events whose new content outranks them: what went, and what came."""
    keys = [fact.event_key for fact in repeated]
    stored = {
        fact.event_key: fact
        for fact in load_facts(writing.cursor, writing.project_id, sorted(keys), lock=True)
    }
    pairs = [(stored[key], fact) for key, fact in zip(keys, repeated, strict=True)]
    winners = [(old, new) for old, new in pairs if _rank(new.event) > _rank(old.event)]
    if winners:
        replace_events(writing.cursor, writing.project_id, [new.event_key for _, new in winners])
    return [old for old, _ in winners], [new for _, new in winners]
