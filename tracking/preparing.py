"""Events made ready to be stored: settled in time, priced, packed. No lock is held meanwhile."""

import uuid
from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg

from tracking.blocks import Block, pack
from tracking.events import CALL_KINDS, IncomingEvent
from tracking.folding import Fact
from tracking.modalities import MODAL_KEYS, count_modalities
from tracking.partitions import ensure_weeks, week_of
from tracking.pricing import (
    IMPLAUSIBLE_COST,
    INCONSISTENT_USAGE,
    LIST,
    MODALITIES,
    PriceBook,
    cost_of,
    has_implausible_cost,
    has_inconsistent_usage,
)
from tracking.staging import datetime_of, unix_us

KEEP_CLOCKS = (
    "INSERT INTO tracking_eventclock (project_id, id, occurred_at)"
    " SELECT %s, * FROM unnest(%s::uuid[], %s::timestamptz[]) c (id, at) ORDER BY id"
    " ON CONFLICT DO NOTHING"
)
READ_CLOCKS = (
    "SELECT id, occurred_at FROM tracking_eventclock WHERE project_id = %s AND id = ANY (%s)"
)


def settle_clocks(
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


def price_event(event: IncomingEvent, book: PriceBook = LIST) -> Fact:
    if (said := _warn_of(event)) != event.warnings:
        event = msgspec.structs.replace(event, warnings=said)
    attributes = event.payload.attributes
    if attributes and event.kind in CALL_KINDS and not MODAL_KEYS.isdisjoint(attributes):
        others = [metric for metric in event.metrics if metric[0] not in MODALITIES]
        metrics = (*others, *count_modalities(attributes))
        event = msgspec.structs.replace(event, metrics=metrics)
    cost_nano, source = cost_of(event, book)
    return Fact(event, cost_nano, source, price_stamp=book.stamp)


def _warn_of(event: IncomingEvent) -> tuple[str, ...]:
    """Its warnings, with those of what it says that it used and cost."""
    found = event.warnings
    if has_inconsistent_usage(event) and INCONSISTENT_USAGE not in found:
        found = (*found, INCONSISTENT_USAGE)
    if has_implausible_cost(event) and IMPLAUSIBLE_COST not in found:
        found = (*found, IMPLAUSIBLE_COST)
    return found


def pack_facts(facts: Sequence[Fact]) -> list[Block]:
    """Make the partitions of these facts and pack their payloads, side by side by trace."""
    weeks = [week_of(fact.event.occurred_us) for fact in facts]
    ensure_weeks(set(weeks))
    order = sorted(range(len(facts)), key=lambda i: (weeks[i], facts[i].event.trace_id))
    blocks = pack([fact.event.payload for fact in facts], weeks, order)
    for block in blocks:
        for ix, member in enumerate(block.members):
            facts[member].block_id, facts[member].block_ix = block.id, ix
    return blocks
