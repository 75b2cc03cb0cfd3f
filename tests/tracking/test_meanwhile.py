"""What changes while requests wait: keys, projects, clocks, schedulers, other transactions."""

import datetime
import threading

import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from psycopg import sql

from core.celery import app
from core.keys import forget_cached_keys, issue_key, revoke_key
from core.models import Scope
from tests.cast import make_client
from tests.flows import digest_all, drift_of, make_sender, make_span, send_events, status_of
from tests.tracking.connecting import own_parameters, set_read_only
from tracking.draining import drain
from tracking.models import Event, InboxBatch, Session

HOUR = datetime.timedelta(hours=1)


@pytest.mark.usefixtures("pipeline")
def test_what_a_key_sent_before_it_was_revoked_is_digested(alpha):
    key, raw = issue_key(alpha, "k", list(Scope), None)
    sender = make_client(key=raw)
    send_events(sender, [make_span("t", "before")])

    revoke_key(key, None)
    answer = sender.post("/api/v1/events", b'{"type": "n"}', content_type="application/json")
    digest_all()

    assert answer.status_code == 401
    assert [event.name for event in Event.objects.all()] == ["before"]


@pytest.mark.usefixtures("pipeline")
def test_what_waits_when_its_project_is_archived_is_digested_once_and_no_more_comes(alpha, beta):
    sender, other = make_sender(alpha), make_sender(beta)
    send_events(sender, [make_span("t", "a"), make_span("t", "b")])
    send_events(other, [make_span("t", "c")])

    alpha.archived_at = timezone.now()
    alpha.save()
    forget_cached_keys()  # as it is five seconds later
    answer = sender.post("/api/v1/events", b'{"type": "n"}', content_type="application/json")
    digest_all()
    digest_all()

    assert answer.status_code == 401
    assert (status_of(alpha).stored_events, status_of(beta).stored_events) == (2, 1)
    assert not InboxBatch.objects.exists()
    assert drift_of(alpha.pk) == drift_of(beta.pk) == []


@pytest.mark.usefixtures("pipeline")
def test_a_clock_of_ours_that_steps_back_skips_nothing(alpha, bob_client):
    """Receipt is by the clock; what is done next is not."""
    sender = make_sender(alpha)
    for number, back in enumerate([0, 3, 1, 2]):
        send_events(sender, [make_span(f"t{number}", "a", session_id=f"s{number}")])
        InboxBatch.objects.update(received_at=timezone.now() - back * HOUR)
        digest_all()

    assert status_of(alpha).stored_events == 4
    assert Session.objects.count() == 4
    text = bob_client.get("/p/alpha/events/").content.decode()
    assert all(f"s{number}" in text for number in range(4))
    assert drift_of(alpha.pk) == []


@pytest.mark.usefixtures("open_pipeline")
def test_a_request_of_a_transaction_that_commits_after_later_ones_is_not_skipped(alpha):
    """Its number is lower than those of requests that were digested before it was there."""
    sender = make_sender(alpha)
    send_events(sender, [make_span("t", "model")])
    columns = [f.column for f in InboxBatch._meta.concrete_fields if f.name != "id"]
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    copy = sql.SQL(
        "INSERT INTO tracking_inboxbatch ({0}) SELECT {0} FROM tracking_inboxbatch LIMIT 1"
        " RETURNING id"
    )
    with psycopg.connect(**own_parameters()) as late:
        ((number,),) = late.execute(copy.format(names)).fetchall()
        send_events(sender, [make_span("t", "later")])
        assert InboxBatch.objects.order_by("-id").first().pk > number
        drain(slot=0)
        seen = status_of(alpha)
        late.commit()
    drain(slot=0)

    after = status_of(alpha)
    assert (seen.stored_events, seen.duplicate_events) == (2, 0)
    assert (after.stored_events, after.duplicate_events, after.pending_events) == (2, 1, 0)
    assert drift_of(alpha.pk) == []


@pytest.mark.usefixtures("open_pipeline")
def test_two_schedulers_at_once_do_everything_once(alpha):
    """Each scheduled task runs on two threads at the same moment, twice."""
    send_events(
        make_sender(alpha), [make_span(f"t{n}", "a", session_id=f"s{n}") for n in range(30)]
    )
    app.loader.import_default_modules()
    tasks = [app.tasks[entry["task"]] for entry in app.conf.beat_schedule.values()]
    failed = []

    def run_all(start):
        start.wait()
        try:
            for task in tasks:
                task()
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    for _ in range(2):
        start = threading.Barrier(2)
        threads = [threading.Thread(target=run_all, args=(start,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120.0)
    digest_all()

    assert failed == []
    status = status_of(alpha)
    assert (status.stored_events, status.duplicate_events, status.pending_events) == (30, 0, 0)
    assert Session.objects.count() == 30
    assert drift_of(alpha.pk) == []


@pytest.mark.usefixtures("pipeline")
def test_menus_that_are_remembered_are_those_of_one_project(
    alpha, beta, bob_client, charlie_client
):
    model = {"kind": "llm", "model": "canary-model-9", "environment": "canary-place"}
    send_events(make_sender(alpha), [make_span("t", "a", session_id="s", **model)])
    send_events(make_sender(beta), [make_span("t", "b", session_id="s")])
    digest_all()

    for _ in range(2):  # asked anew, then remembered
        for page in ("", "sessions/", "traces/", "events/"):
            own = bob_client.get(f"/p/alpha/{page}").content
            assert b"canary-" in own or page == "events/"
            assert b"canary-model" not in charlie_client.get(f"/p/beta/{page}").content
            assert b"canary-place" not in charlie_client.get(f"/p/beta/{page}").content


@pytest.mark.usefixtures("open_pipeline")
@pytest.mark.parametrize("page", ["", "sessions/", "traces/", "events/", "settings/ingestion/"])
def test_pages_are_read_while_the_database_only_reads(alpha, bob_client, page):
    send_events(make_sender(alpha), [make_span("t", "a", session_id="s")])
    digest_all()
    set_read_only("on")
    try:
        answer = bob_client.get(f"/p/alpha/{page}")
    finally:
        set_read_only("off")

    assert answer.status_code == 200
