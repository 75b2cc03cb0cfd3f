"""How far ingestion is, for one project: what waits, what is digested, what was refused."""

import datetime
from dataclasses import dataclass

from django.db.models import Count, Min, Sum

from tracking.counters import Fate
from tracking.models import InboxBatch, IngestCounter, Quarantined


@dataclass(frozen=True, slots=True)
class IngestStatus:
    """Events are items as sent: digested = stored + duplicate."""

    pending_batches: int
    pending_events: int
    oldest_pending_seconds: float
    quarantined: int
    digested_events: int
    stored_events: int
    duplicate_events: int
    rejected_events: int


def read_status(project_id: int, *, now: datetime.datetime) -> IngestStatus:
    pending = InboxBatch.objects.filter(project_id=project_id).aggregate(
        batches=Count("id"), events=Sum("n_items", default=0), oldest=Min("received_at")
    )
    fates = dict(
        IngestCounter.objects.filter(project_id=project_id)
        .values_list("fate")
        .annotate(total=Sum("n"))
        .order_by()
    )
    quarantined = Quarantined.objects.filter(project_id=project_id)
    stored, duplicate = fates.get(Fate.STORED, 0), fates.get(Fate.DUPLICATE, 0)
    oldest = pending["oldest"]
    return IngestStatus(
        pending_batches=pending["batches"],
        pending_events=pending["events"],
        oldest_pending_seconds=max(0.0, (now - oldest).total_seconds()) if oldest else 0.0,
        quarantined=quarantined.aggregate(total=Sum("n_items", default=0))["total"],
        digested_events=stored + duplicate,
        stored_events=stored,
        duplicate_events=duplicate,
        rejected_events=fates.get(Fate.REJECTED, 0),
    )
