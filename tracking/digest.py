"""From inbox to facts and aggregates: one transaction a project and lease, one order of locks.

Traces, events, trace parts, sessions, rollups, then the inbox rows under their lease. Reading the
bodies, pricing and packing happen before: no lock is held while Python thinks.
"""

import datetime
import logging
import uuid
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import compress
from typing import Any

import psycopg
from django.db import transaction

from tracking import leases
from tracking.batch_reading import Reading, make_ready, read_batch
from tracking.changes import Writing, apply_changes
from tracking.corrections import write_deltas
from tracking.counters import Fate, FateCounts
from tracking.dimensions import decide_names, names_of
from tracking.documents import (
    PATIENCE,
    DocumentChange,
    locked_documents,
    refuse_part,
    save_documents,
)
from tracking.documents import STAGES as DOCUMENT_STAGES
from tracking.event_rows import insert_events, load_facts, replace_events
from tracking.events import Part, rank_of
from tracking.faults import RaceError, is_transient
from tracking.folding import Fact, by_trace
from tracking.handing_on import hand_on
from tracking.judging import take_back, version_of
from tracking.leases import Batch, Lease
from tracking.payloads import Slot, note_stale, save_used_blocks, slots_of
from tracking.quarantine import Item, quarantine
from tracking.rules import held_rules
from tracking.screening import screen_items
from tracking.staging import (
    clear_stages,
    note_rollback,
    open_cursor,
    prepare_stages,
)
from tracking.traces import lock_late, lock_traces
from tracking.unmapped import note_unmapped
from tracking.warning_counts import count_derived_warnings, warning_names, warnings_of

logger = logging.getLogger(__name__)


def digest_lease(lease: Lease, *, slot: int, now: datetime.datetime) -> int:
    """Digest what was leased and return the number of items; a project's trouble stays its own."""
    n_items = 0
    for (project_id, _), batches in lease.groups().items():
        try:
            digest_batches(project_id, batches, lease_id=lease.id, slot=slot, now=now)
        except Exception as error:  # whatever it is, the other projects' turn comes
            unforeseen = None if is_transient(error) else error
            logger.warning(
                "Project %s is digested again later: %s", project_id, error, exc_info=unforeseen
            )
            leases.let_go(lease, batches, error=str(error), now=now)
        else:
            n_items += sum(batch.n_items or 1 for batch in batches)  # own batches count no items
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
    with open_cursor() as cursor, held_rules(cursor, project_id) as rules:
        reading = Reading(rules=rules)
        for batch in batches:
            read_batch(cursor, batch, reading)
        if reading.parts:
            prepare_stages(*DOCUMENT_STAGES)
        with _kept_apart(cursor, project_id, reading.parts):
            make_ready(cursor, project_id, reading)
            # New names are decided before any lock is held; what follows finds them decided.
            names = names_of([*reading.facts, *reading.derived])
            names["warning"] = warning_names(reading.derived)
            decide_names(cursor, project_id, names)
            with transaction.atomic(durable=True):
                clear_stages(cursor)
                writing = Writing(project_id, cursor, slot, now, rules.horizon_us)
                _write(writing, reading)
                leases.finish(cursor, lease_id, list(batches))
        note_unmapped(cursor, project_id, reading.facts, now=now)


def _kept_apart(
    cursor: psycopg.Cursor[Any], project_id: int, parts: Sequence[Part]
) -> AbstractContextManager[None]:
    return locked_documents(cursor, project_id, parts) if parts else nullcontext()


def _write(writing: Writing, reading: Reading) -> None:
    cursor, project_id = writing.cursor, writing.project_id
    used = _store_derived(writing, reading, reading.documents.changes)
    used |= _store(writing, reading, range(len(reading.facts)))
    save_used_blocks(cursor, project_id, reading.blocks, used)
    hand_on(cursor, project_id, reading.handed_on, due=writing.now)
    hand_on(cursor, project_id, reading.documents.put_off, due=writing.now + PATIENCE)
    items = screen_items(cursor, project_id, reading.rules, reading.quarantined, reading.counts)
    quarantine(cursor, project_id, items, counts=reading.counts, now=writing.now)
    reading.counts.save(cursor, project_id)


def _store_derived(
    writing: Writing, reading: Reading, changes: Sequence[DocumentChange]
) -> set[Slot]:
    """Store what documents mean now and return the payload slots in use. A document that
    PostgreSQL refuses loses its new parts to quarantine, alone."""
    if not changes:
        return set()
    try:
        with transaction.atomic():
            counts, used = _write_documents(writing, changes)
    except Exception as error:
        if is_transient(error):
            raise
        note_rollback(writing.cursor)
        _log_refusal(error, f"{len(changes)} documents of project {writing.project_id}")
        if len(changes) == 1:
            reason = f"refused: {type(error).__name__}: {error}"
            for part in changes[0].fresh:
                reading.quarantined.append(refuse_part(part, reason))
                reading.counts.count(Fate.STORED, part.received_us, n=-int(part.is_counted))
            return set()
    else:
        reading.counts.update(counts)
        return used
    middle = len(changes) // 2
    used = _store_derived(writing, reading, changes[:middle])
    return used | _store_derived(writing, reading, changes[middle:])


def _write_documents(
    writing: Writing, changes: Sequence[DocumentChange]
) -> tuple[FateCounts, set[Slot]]:
    clear_stages(writing.cursor)
    save_documents(writing.cursor, writing.project_id, changes)
    put = [fact for change in changes for fact in change.facts]
    retract = [key for change in changes for key in change.retract]
    received_us = {f.event_key: change.received_us for change in changes for f in change.facts}
    owned = {key: rank for change in changes for key, rank in change.before.items()}
    gone = write_deltas(writing, put=put, retract=retract, received_us=received_us, owned=owned)
    counts = count_derived_warnings(writing.cursor, writing.project_id, changes, gone)
    return counts, slots_of(put)


def _store(writing: Writing, reading: Reading, indexes: Sequence[int]) -> set[Slot]:
    """Store these facts and return the payload slots in use. What PostgreSQL refuses is split in
    halves until the culprit stands alone, which goes to quarantine."""
    if not indexes:
        return set()
    try:
        with transaction.atomic():
            counts, used, scores = _store_facts(writing, reading, indexes)
    except Exception as error:
        if is_transient(error):
            raise
        note_rollback(writing.cursor)
        _log_refusal(error, f"{len(indexes)} items of project {writing.project_id}")
        if len(indexes) == 1:
            reading.quarantined.append(_refused(reading, indexes[0], error))
            reading.handed_on += _judged(reading, [reading.facts[indexes[0]]])
            return set()
    else:
        reading.counts.update(counts)
        reading.handed_on += scores
        return used
    middle = len(indexes) // 2
    used = _store(writing, reading, indexes[:middle])
    return used | _store(writing, reading, indexes[middle:])


def _judged(reading: Reading, facts: Sequence[Fact]) -> list[Part]:
    """The scores that these facts carried."""
    if not reading.judged:
        return []
    return [part for fact in facts for part in reading.judged.get(version_of(fact.event), ())]


def _log_refusal(error: Exception, what: str) -> None:
    """In a line: splitting refuses the same item a dozen times, and its reason is kept with it."""
    logger.error("%s were refused together: %s: %.300s", what, type(error).__name__, error)


def _refused(reading: Reading, index: int, error: Exception) -> Item:
    reason = f"refused: {type(error).__name__}: {error}"
    event = reading.facts[index].event
    return Item.of_event(event, reason=reason, received_us=reading.received_us[index])


def _store_facts(
    writing: Writing, reading: Reading, indexes: Sequence[int]
) -> tuple[FateCounts, set[Slot], list[Part]]:
    """Write the events, move the aggregates; return their fates, the payload slots in use, and what
    becomes of the scores that they carry."""
    clear_stages(writing.cursor)
    facts = [reading.facts[i] for i in indexes]
    received_us = [reading.received_us[i] for i in indexes]
    traces = lock_traces(writing.cursor, writing.project_id, by_trace(facts))
    new_keys = insert_events(writing.cursor, writing.project_id, received_us, facts)
    is_new = [fact.event_key in new_keys for fact in facts]
    fresh = list(compress(facts, is_new))
    repeated = [fact for fact, is_fresh in zip(facts, is_new, strict=True) if not is_fresh]
    removed, replacing = _replace(writing, repeated) if repeated else ([], [])
    added = fresh + replacing
    touched = by_trace(added + removed)
    # An item that names its own id may be told again in another trace.
    traces = lock_late(writing.cursor, writing.project_id, traces, by_trace(removed))
    moved = {trace_id: change for trace_id, change in traces.items() if trace_id in touched}
    apply_changes(writing, moved, added=added, removed=removed)
    counts = _count_fates(facts, received_us, is_new)
    scores = _judged(reading, added)
    if removed:
        pairs = zip(removed, replacing, strict=True)
        now_us = max(received_us)
        scores += take_back(writing.cursor, writing.project_id, pairs, reading.judged, now_us)
    return counts, slots_of(added), scores


def _count_fates(
    facts: Sequence[Fact], received_us: Sequence[int], is_new: Sequence[bool]
) -> FateCounts:
    counts = FateCounts()
    for (received, is_fresh), n in Counter(zip(received_us, is_new, strict=True)).items():
        counts.count(Fate.STORED if is_fresh else Fate.DUPLICATE, received, n=n)
    for fact, received in compress(zip(facts, received_us, strict=True), is_new):
        for code in warnings_of(fact):
            counts.count(Fate.WARNED, received, detail=code)
    return counts


def _replace(writing: Writing, repeated: Sequence[Fact]) -> tuple[list[Fact], list[Fact]]:
    """Overwrite stored events whose new content outranks them: what went, and what came."""
    keys = [fact.event_key for fact in repeated]
    stored = {
        fact.event_key: fact
        for fact in load_facts(writing.cursor, writing.project_id, sorted(keys), lock=True)
    }
    if len(stored) < len(keys):
        raise RaceError(f"{len(keys) - len(stored)} stored events were deleted meanwhile")
    pairs = [(stored[key], fact) for key, fact in zip(keys, repeated, strict=True)]
    winners = [(old, new) for old, new in pairs if rank_of(new.event) > rank_of(old.event)]
    if winners:
        replace_events(writing.cursor, writing.project_id, [new.event_key for _, new in winners])
        note_stale(writing.cursor, writing.project_id, [old for old, _ in winners])
    return [old for old, _ in winners], [new for _, new in winners]
