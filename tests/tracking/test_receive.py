"""The database gone, and two workers at once: real connections, real commits."""

import datetime
import threading

import psycopg
import pytest
from django.db import close_old_connections, connection, connections
from django.utils import timezone

from tests.flows import digest_all, drift_of, make_span, send_events, status_of
from tests.tracking.connecting import own_parameters, set_read_only
from tests.tracking.doors import DOORS, post
from tracking.digest import digest_lease
from tracking.draining import drain
from tracking.leases import claim
from tracking.models import InboxBatch, Session

pytestmark = pytest.mark.usefixtures("open_pipeline")


def cut_connections():
    """End every connection of this process from outside, as a restart of the server does."""
    with psycopg.connect(**own_parameters(), autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture
def read_only():
    set_read_only("on")
    yield
    set_read_only("off")


@pytest.mark.parametrize("path", DOORS)
def test_a_lost_connection_is_made_again_without_a_restart(sender, path):
    post(sender, path)
    cut_connections()

    answers = [post(sender, path) for _ in range(2)]

    assert [answer.status_code in {200, 202, 503} for answer in answers] == [True, True]
    assert answers[1].status_code in {200, 202}
    for answer in answers:
        assert answer.status_code != 503 or answer["Retry-After"] == "1"


@pytest.mark.parametrize("path", DOORS)
def test_a_database_that_only_reads_answers_503(sender, path):
    post(sender, path)
    set_read_only("on")
    try:
        answer = post(sender, path)
    finally:
        set_read_only("off")

    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    kind = "application/x-protobuf" if "traces" in path else "application/problem+json"
    assert answer["Content-Type"] == kind
    assert post(sender, path).status_code in {200, 202}
    assert InboxBatch.objects.count() == 2


def test_what_failed_to_digest_waits_and_is_digested_later(alpha, sender):
    send_events(sender, [make_span("t", "a")])
    lease = claim(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '50ms'")
    with psycopg.connect(**own_parameters()) as other:
        other.execute("LOCK TABLE tracking_trace")
        assert digest_lease(lease, slot=0, now=timezone.now()) == 0
    with connection.cursor() as cursor:
        cursor.execute("RESET lock_timeout")

    batch = InboxBatch.objects.get()
    assert "lock timeout" in batch.last_error
    InboxBatch.objects.update(lease_until=timezone.now())
    digest_all()
    assert (status_of(alpha).stored_events, status_of(alpha).quarantined) == (1, 0)


def test_a_worker_whose_connection_was_cut_digests_after_the_next_bell(alpha, sender):
    send_events(sender, [make_span("t", "a")])
    drain(slot=0)
    send_events(sender, [make_span("t", "b")])
    cut_connections()

    with pytest.raises(Exception, match="connection|terminat|server closed"):
        drain(slot=0)
    close_old_connections()  # as Celery does between tasks
    digest_all()

    assert status_of(alpha).stored_events == 2


def in_threads(*calls):
    """Run the calls at once, each with a connection of its own."""
    gate = threading.Barrier(len(calls))
    failures = []

    def run(call):
        try:
            gate.wait(60)
            call()
        except Exception as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []


def digest_both(project):
    leases = []
    for batch in InboxBatch.objects.order_by("pk"):
        InboxBatch.objects.exclude(pk=batch.pk).filter(lease=None).update(
            lease_until=timezone.now() + datetime.timedelta(minutes=1)
        )
        leases.append(claim(timezone.now()))
        InboxBatch.objects.filter(lease=None).update(lease_until=timezone.now())
    calls = [
        lambda lease=lease, slot=slot: digest_lease(lease, slot=slot, now=timezone.now())
        for slot, lease in enumerate(leases)
    ]
    in_threads(*calls)
    InboxBatch.objects.update(lease_until=timezone.now())  # what lost a deadlock
    digest_all()


@pytest.mark.parametrize("attempt", range(3))
def test_a_child_and_its_parent_may_meet_different_workers(alpha, sender, attempt):
    names = [f"t{n}" for n in range(30)]
    send_events(sender, [make_span(t, "child", parent_span_id="root") for t in names])
    send_events(
        sender, [make_span(t, "root", session_id="s", user_id="ada") for t in reversed(names)]
    )

    digest_both(alpha)

    session = Session.objects.get()
    assert (session.session_id, session.n_spans, session.n_traces) == ("s", 60, 30)
    assert drift_of(alpha.pk) == []


def test_a_session_left_by_one_worker_and_entered_by_another_is_whole(alpha, sender):
    span = make_span("t1", "a", session_id="s", seconds=1)
    send_events(sender, [span])
    digest_all()
    moved = {**span, "data": {**span["data"], "session_id": "other", "end": later(span, 5)}}
    send_events(sender, [moved])
    send_events(sender, [make_span("t2", "b", session_id="s")])

    digest_both(alpha)

    assert dict(Session.objects.values_list("session_id", "n_spans")) == {"other": 1, "s": 1}
    assert drift_of(alpha.pk) == []


def later(span, seconds):
    end = datetime.datetime.fromisoformat(span["data"]["end"])
    return (end + datetime.timedelta(seconds=seconds)).isoformat()


def test_the_same_request_to_two_workers_counts_once(alpha, sender):
    events = [make_span(f"t{n}", "a", session_id="s") for n in range(50)]
    send_events(sender, events)
    send_events(sender, events[::-1])

    digest_both(alpha)

    status = status_of(alpha)
    assert (status.stored_events, status.duplicate_events) == (50, 50)
    assert drift_of(alpha.pk) == []
