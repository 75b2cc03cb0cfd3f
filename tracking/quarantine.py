"""Items that were accepted but cannot be digested: kept with a reason, tried again on demand."""

import datetime
from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg
from django.db import transaction
from psycopg.types.json import Jsonb

from tracking.cleaning import clean_text
from tracking.counters import Fate, FateCounts
from tracking.events import EVENT_FORMAT, IncomingEvent
from tracking.leases import Batch
from tracking.models import Quarantined
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
# Within the database: a body may be of 20 MiB.
PUT_BACK = (
    "INSERT INTO tracking_inboxbatch (project_id, format, encoding, body, headers, n_items,"
    " n_bytes, horizon_us, received_at, lease_until, attempts, last_error)"
    " SELECT project_id, format, '', body, coalesce(headers, '{}') || %s, n_items, length(body),"
    " horizon_us, received_at, %s, 0, '' FROM tracking_quarantined"
    " WHERE project_id = %s AND id = ANY (%s) ORDER BY id"
)
RETRIED = "x-assay-retried"
"""Among the headers of what was put back, and never a sender's: the sources of its items were
counted when it came."""
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
    """Put quarantined items back into the inbox and return how many, as they were sent. Those whose
    content was not kept stay, with their reason."""
    with transaction.atomic():
        chosen = Quarantined.objects.filter(project_id=project_id, pk__in=ids).exclude(body=b"")
        rows = list(chosen.defer("body").select_for_update().order_by("pk"))
        counts = FateCounts()
        for row in rows:
            reason = row.reason.partition(":")[0]
            received_us = unix_us(row.received_at) or 0
            counts.count(Fate.QUARANTINED, received_us, detail=reason, n=-row.n_items)
        found = [row.pk for row in rows]
        with open_cursor() as cursor:
            cursor.execute(PUT_BACK, (Jsonb({RETRIED: "1"}), now, project_id, found))
            counts.save(cursor, project_id)
        Quarantined.objects.filter(project_id=project_id, pk__in=found).delete()
    return sum(row.n_items for row in rows)
