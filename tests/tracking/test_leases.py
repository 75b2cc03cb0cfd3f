import datetime

import pytest
from django.utils import timezone

from tests.flows import digest_all, drift_of, make_sender, make_span, send_events, status_of
from tracking import leases
from tracking.digest import digest_lease
from tracking.leases import claim, give_back
from tracking.models import Event, InboxBatch, Session

pytestmark = pytest.mark.usefixtures("pipeline")
MINUTES = datetime.timedelta(minutes=2)


def send(sender, name):
    send_events(sender, [make_span("t", name, session_id="s")])


def make_old(n_attempts):
    InboxBatch.objects.update(attempts=n_attempts)


def test_it_leases_the_oldest_first_and_many_together(sender):
    for name in "abc":
        send(sender, name)

    lease = claim(timezone.now())

    ids = [batch.id for batch in lease.batches]
    assert (len(ids), ids, lease.more) == (3, sorted(ids), False)
    assert claim(timezone.now()) is None


def test_it_leases_up_to_a_few_thousand_items(sender, monkeypatch):
    monkeypatch.setattr(leases, "MAX_ITEMS", 2)
    for name in "abc":
        send(sender, name)

    lease = claim(timezone.now())

    assert (len(lease.batches), lease.more) == (2, True)


def test_what_waits_of_one_project_is_leased_together(alpha, beta, monkeypatch):
    monkeypatch.setattr(leases, "MAX_ITEMS", 2)
    senders = {project.pk: make_sender(project) for project in (beta, alpha)}
    for name in "ab":
        for sender in senders.values():
            send(sender, name)

    leased = [{batch.project_id for batch in claim(timezone.now()).batches} for _ in senders]

    assert leased == [{beta.pk}, {alpha.pk}]


def test_what_waits_of_a_project_behind_many_others_is_leased_with_it(alpha, beta, monkeypatch):
    monkeypatch.setattr(leases, "MAX_ITEMS", 2)
    monkeypatch.setattr(leases, "MAX_ROWS", 2)
    senders = [make_sender(project) for project in (alpha, beta)]
    for name in "ab":
        for sender in senders:
            send(sender, name)

    leased = [[batch.project_id for batch in claim(timezone.now()).batches] for _ in senders]

    assert leased == [[alpha.pk] * 2, [beta.pk] * 2]


def test_it_gives_what_is_kept_of_the_headers(sender):
    send_events(sender, [make_span("t", "a")], **{"user-agent": "sdk/1", "x-other": "gone"})

    assert claim(timezone.now()).batches[0].headers == {"user-agent": "sdk/1"}


def test_a_request_larger_than_a_lease_is_leased_alone(sender, monkeypatch):
    monkeypatch.setattr(leases, "MAX_BYTES", 1)
    send(sender, "a")

    assert len(claim(timezone.now()).batches) == 1


def test_a_lease_runs_out(sender):
    send(sender, "a")
    first = claim(timezone.now())

    second = claim(timezone.now() + MINUTES)

    assert second.id != first.id
    assert second.batches[0].attempts == 2


def test_what_was_given_back_waits_longer_each_time(sender):
    send(sender, "a")
    waits, now = [], timezone.now()
    for _ in range(6):
        lease = claim(now + datetime.timedelta(hours=1))
        give_back(lease, lease.batches, error="deadlock \0", now=now)
        waits.append((InboxBatch.objects.get().lease_until - now).total_seconds())

    assert waits == [1, 4, 16, 64, 256, 300]
    assert InboxBatch.objects.get().last_error == "deadlock \ufffd"


def test_from_its_fourth_attempt_a_request_is_leased_alone(sender):
    send(sender, "a")
    send(sender, "b")
    make_old(3)
    send(sender, "c")

    assert [len(claim(timezone.now()).batches) for _ in range(3)] == [1, 1, 1]


def test_those_before_it_go_together(sender):
    for name in "ab":
        send(sender, name)
    send(sender, "c")
    InboxBatch.objects.filter(pk=InboxBatch.objects.latest("pk").pk).update(attempts=3)

    assert [len(claim(timezone.now()).batches) for _ in range(2)] == [2, 1]


def test_a_worker_whose_lease_was_lost_stores_nothing(alpha, sender):
    send(sender, "a")
    slow = claim(timezone.now())
    quick = claim(timezone.now() + MINUTES)

    assert digest_lease(slow, slot=0, now=timezone.now()) == 0
    assert Event.objects.filter(project_id=alpha.pk).count() == 0
    assert Session.objects.count() == 0

    assert digest_lease(quick, slot=1, now=timezone.now()) == 1
    assert status_of(alpha).stored_events == 1


def test_a_worker_too_late_counts_nothing_twice(alpha, sender):
    send(sender, "a")
    slow = claim(timezone.now())
    quick = claim(timezone.now() + MINUTES)
    digest_lease(quick, slot=1, now=timezone.now())

    digest_lease(slow, slot=0, now=timezone.now())
    digest_all()

    status = status_of(alpha)
    assert (status.stored_events, status.duplicate_events) == (1, 0)
    assert drift_of(alpha.pk) == []


def test_a_lease_ends_with_the_connection_of_its_worker(sender):
    send(sender, "a")
    assert len(claim(timezone.now()).batches) == 1
    assert claim(timezone.now()) is None

    InboxBatch.objects.update(lease_owner="1/2020-01-01 00:00:00+00")

    assert len(claim(timezone.now()).batches) == 1
