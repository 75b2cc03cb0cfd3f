"""A worker whose connection breaks while it holds a lease."""

import datetime

import pytest
from django.db import connection, transaction
from django.utils import timezone

from tests.flows import digest_all, make_sender, make_span, send_events, status_of
from tracking.digest import digest_lease
from tracking.leases import claim
from tracking.models import InboxBatch, Quarantined
from tracking.staging import prepare_stages

pytestmark = pytest.mark.usefixtures("open_pipeline")


def test_it_gives_back_over_a_new_connection(alpha):
    send_events(make_sender(alpha), [make_span("t", "a", session_id="s")])
    now = timezone.now()
    lease = claim(now)
    connection.connection.close()

    assert digest_lease(lease, slot=0, now=now) == 0

    assert InboxBatch.objects.get().lease_until - now == datetime.timedelta(seconds=1)


def test_what_it_gave_back_is_digested(alpha):
    send_events(make_sender(alpha), [make_span("t", "a", session_id="s")])
    hour_ago = timezone.now() - datetime.timedelta(hours=1)
    InboxBatch.objects.update(lease_until=hour_ago - datetime.timedelta(hours=1))
    lease = claim(hour_ago)
    connection.connection.close()
    digest_lease(lease, slot=0, now=hour_ago)

    digest_all()

    assert (status_of(alpha).stored_events, status_of(alpha).pending_events) == (1, 0)


def test_tables_made_in_a_transaction_that_was_rolled_back_are_made_again(alpha):
    send_events(make_sender(alpha), [make_span("t", "a", session_id="s")])
    connection.close()
    with transaction.atomic():
        prepare_stages()
        transaction.set_rollback(True)

    digest_all()

    assert (status_of(alpha).stored_events, Quarantined.objects.count()) == (1, 0)
