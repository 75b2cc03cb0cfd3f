"""Items that were accepted but cannot be digested: kept with a reason, tried again on demand."""

import datetime
from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg
from django.db import transaction

from tracking.cleaning import clean_text
from tracking.counters import Fate, FateCounts
from tracking.events import EVENT_FORMAT, IncomingEvent
from tracking.leases import Batch
from tracking.models import InboxBatch, Quarantined
from tracking.staging import Stage, open_cursor, pg_json, pg_time, unix_us

ITEMS = Stage(
    "stage_quarantine",
    {
        "format": "text",
        "body": "bytea",
        "headers": "jsonb",
        "n_items": "int4",
        "horizon_us": "int8",
        "reason": "text",
        "received_at": "timestamptz",
    },
)
SAVE = (
    f"INSERT INTO tracking_quarantined (project_id, quarantined_at, {ITEMS.names})"
    f" SELECT %s, %s, {ITEMS.names} FROM stage_quarantine"
)
REASON_LENGTH = 500


class Item(msgspec.Struct, frozen=True):
    """Something to quarantine: a request body of ``format`` that holds ``n_items`` items."""

    format: str
    body: bytes
    reason: str
    received_us: int
    horizon_us: int = 0
    n_items: int = 1
    headers: dict[str, str] = {}

    @classmethod
    def of_event(cls, event: IncomingEvent, *, reason: str, received_us: int) -> "Item":
        return cls(EVENT_FORMAT, msgspec.json.encode(event), reason, received_us)

    @classmethod
    def of_batch(cls, batch: Batch, *, body: bytes, reason: str) -> "Item":
        """The whole of a request; ``body`` is it inflated."""
        return cls(
            batch.format,
            body,
            reason,
            unix_us(batch.received_at) or 0,
            batch.horizon_us,
            batch.n_items,
            batch.headers,
        )


def quarantine(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    items: Sequence[Item],
    *,
    counts: FateCounts,
    now: datetime.datetime,
) -> None:
    """Keep the items, and count them, in the transaction that digests their neighbours."""
    if not items:
        return
    ITEMS.fill(cursor, map(_row, items))
    cursor.execute(SAVE, (project_id, now))
    for item in items:
        reason = item.reason.partition(":")[0]
        counts.count(Fate.QUARANTINED, item.received_us, detail=reason, n=item.n_items)


def _row(item: Item) -> tuple[Any, ...]:
    return (
        item.format,
        item.body,
        pg_json(item.headers),
        item.n_items,
        item.horizon_us,
        clean_text(item.reason[:REASON_LENGTH]),
        pg_time(item.received_us),
    )


def retry_quarantined(project_id: int, ids: Sequence[int], *, now: datetime.datetime) -> int:
    """Put quarantined items back into the inbox and return how many."""
    with transaction.atomic():
        chosen = Quarantined.objects.filter(project_id=project_id, pk__in=ids)
        rows = list(chosen.select_for_update().order_by("pk"))
        counts = FateCounts()
        for row in rows:
            reason = row.reason.partition(":")[0]
            received_us = unix_us(row.received_at) or 0
            counts.count(Fate.QUARANTINED, received_us, detail=reason, n=-row.n_items)
        InboxBatch.objects.bulk_create(_inbox_row(row, now) for row in rows)
        chosen.filter(pk__in=[row.pk for row in rows]).delete()
        with open_cursor() as cursor:
            counts.save(cursor, project_id)
    return len(rows)


def _inbox_row(row: Quarantined, now: datetime.datetime) -> InboxBatch:
    return InboxBatch(
        project_id=row.project_id,
        format=row.format,
        body=row.body,
        headers=row.headers,
        n_items=row.n_items,
        n_bytes=len(row.body),
        horizon_us=row.horizon_us,
        received_at=row.received_at,
        lease_until=now,
    )
