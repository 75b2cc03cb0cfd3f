"""What /readyz and /metrics say of ingestion."""

from collections.abc import Iterator

from django.db.models import Count, Min, Sum
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from tracking.models import InboxBatch, Quarantined
from tracking.quarantine import RETRIED

LATE_SECONDS = 600.0


def oldest_pending_seconds() -> float:
    """How long the oldest accepted request has been waiting for its digest. What was put back out
    of quarantine keeps its time of receipt, and has not been waiting since then."""
    waiting = InboxBatch.objects.exclude(headers__has_key=RETRIED)
    oldest = waiting.aggregate(at=Min("received_at"))["at"]
    return max(0.0, (timezone.now() - oldest).total_seconds()) if oldest else 0.0


def check_lag() -> str:
    waiting = oldest_pending_seconds()
    return "" if waiting < LATE_SECONDS else f"requests wait for {waiting:.0f} s"


def ingestion_metrics() -> Iterator[Metric]:
    pending = InboxBatch.objects.aggregate(n=Count("id"), items=Sum("n_items", default=0))
    quarantined = Quarantined.objects.aggregate(items=Sum("n_items", default=0))["items"]
    for name, text, value in (
        ("pending_batches", "Requests accepted and not digested", pending["n"]),
        ("pending_items", "Items of those requests", pending["items"]),
        ("oldest_pending_seconds", "Age of the oldest of them", oldest_pending_seconds()),
        ("quarantined_items", "Items kept aside with their reason", quarantined),
    ):
        yield GaugeMetricFamily(f"assay_ingestion_{name}", text, value=value)
