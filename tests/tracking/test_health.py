"""What /readyz and /metrics say of ingestion."""

import datetime

import pytest
from django.utils import timezone

from tests.flows import make_sender, make_span, send_events
from tracking.health import check_lag, ingestion_metrics
from tracking.models import InboxBatch

pytestmark = pytest.mark.usefixtures("pipeline")


def test_it_is_unwell_only_when_requests_wait_for_long(alpha):
    send_events(make_sender(alpha), [make_span("t", "a")])
    fresh = check_lag()

    InboxBatch.objects.update(received_at=timezone.now() - datetime.timedelta(hours=1))

    assert fresh == ""
    assert check_lag() == "requests wait for 3600 s"


def test_metrics_count_what_waits(alpha):
    send_events(make_sender(alpha), [make_span("t", "a"), make_span("t", "b")])

    values = {m.name: m.samples[0].value for m in ingestion_metrics()}

    assert values["assay_ingestion_pending_batches"] == 1
    assert values["assay_ingestion_pending_items"] == 2
