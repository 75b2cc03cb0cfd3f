"""What /readyz and /metrics say of ingestion."""

import datetime
import re

import pytest
from django.utils import timezone

from tests.flows import make_sender, make_span, send_events
from tracking.health import check_lag, ingestion_metrics
from tracking.models import InboxBatch, Quarantined
from tracking.quarantine import retry_quarantined

pytestmark = pytest.mark.usefixtures("pipeline")


def test_it_is_unwell_only_when_requests_wait_for_long(alpha):
    send_events(make_sender(alpha), [make_span("t", "a")])
    fresh = check_lag()

    InboxBatch.objects.update(received_at=timezone.now() - datetime.timedelta(hours=1))

    assert fresh == ""
    assert re.fullmatch("requests wait for 3[67][0-9]{2} s", check_lag())


def test_what_was_put_back_out_of_quarantine_is_not_late(alpha):
    an_hour_ago = timezone.now() - datetime.timedelta(hours=1)
    kept = Quarantined.objects.create(
        project_id=alpha.pk,
        format="analytics",
        body=b"{}",
        n_items=1,
        horizon_us=0,
        reason="adapter_failed",
        received_at=an_hour_ago,
        quarantined_at=an_hour_ago,
    )

    assert retry_quarantined(alpha.pk, [kept.pk], now=timezone.now()) == 1

    assert InboxBatch.objects.get().received_at == an_hour_ago
    assert check_lag() == ""


def test_metrics_count_what_waits(alpha):
    send_events(make_sender(alpha), [make_span("t", "a"), make_span("t", "b")])

    values = {m.name: m.samples[0].value for m in ingestion_metrics()}

    assert values["assay_ingestion_pending_batches"] == 1
    assert values["assay_ingestion_pending_items"] == 2
