"""What the ledger gains in one transaction: sent = stored + duplicate + rejected + quarantined."""

from collections import Counter
from typing import Any

import psycopg

from tracking.models import IngestCounter
from tracking.staging import datetime_of

Fate = IngestCounter.Fate
HOUR_US = 3_600_000_000

Entry = tuple[int, str, str]
"""(hour of receipt since 1970, fate, detail)."""

ADD = (
    "INSERT INTO tracking_ingestcounter AS t (project_id, hour, fate, detail, n)"
    " SELECT %s, * FROM unnest(%s::timestamptz[], %s::text[], %s::text[], %s::bigint[]) s"
    " (hour, fate, detail, n) ORDER BY hour, fate, detail"
    " ON CONFLICT (project_id, hour, fate, detail) DO UPDATE SET n = t.n + excluded.n"
)


class FateCounts(Counter[Entry]):
    """Items of one project by hour of receipt, fate and detail."""

    def count(self, fate: Fate, received_us: int, *, detail: str = "", n: int = 1) -> None:
        self[received_us // HOUR_US, fate.value, detail[:200]] += n

    def save(self, cursor: psycopg.Cursor[Any], project_id: int) -> None:
        entries = sorted((entry, n) for entry, n in self.items() if n)
        if entries:
            hours, fates, details = zip(*(entry for entry, _ in entries), strict=True)
            moments = [datetime_of(hour * HOUR_US) for hour in hours]
            numbers = [n for _, n in entries]
            cursor.execute(ADD, (project_id, moments, list(fates), list(details), numbers))
