"""Events deleted for their age, beside projects that keep theirs."""

import datetime
import io
import threading
import time

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from core.models import Job, Project
from tests.flows import digest_all, drift_of, make_sender, make_span, send_events, status_of
from tests.tracking.connecting import own_parameters
from tests.tracking.everything import find_anywhere
from tests.tracking.maintenance import apply_retention, keep
from tracking import partitions, retention
from tracking.corrections import apply_deltas
from tracking.models import (
    Document,
    Event,
    PayloadBlock,
    Quarantined,
    Session,
    SessionText,
    Trace,
    UsageRollup,
)
from tracking.retention import _drop_unneeded, start_retention
from tracking.staging import open_cursor, unix_us

NOW = timezone.now().replace(minute=0, second=0, microsecond=0)
DAY = datetime.timedelta(days=1)
MARK = "Zanzibar"


def days_ago(days, **more):
    return NOW - datetime.timedelta(days=days, **more)


def call_at(trace, span, days, **data):
    data = {"session_id": f"s-{trace}", "model": "m", "input": MARK, **data}
    tokens = {"input": 5, "output": 1}
    return make_span(trace, span, start=days_ago(days), kind="llm", tokens=tokens, **data)


def days_of(project):
    found = Event.objects.filter(project_id=project.pk).values_list("occurred_at", flat=True)
    return sorted((NOW - at).days for at in found)


@pytest.fixture
def spread(alpha, beta):
    """Calls of 1, 20, 40 and 60 days ago, of two projects."""
    for project in (alpha, beta):
        calls = [call_at(f"t{days}", "a", days) for days in (1, 20, 40, 60)]
        send_events(make_sender(project), calls)
    digest_all()


@pytest.mark.usefixtures("pipeline")
class TestEvents:
    def test_everything_is_kept_by_default(self, alpha, spread):
        assert start_retention() == 0
        assert days_of(alpha) == [1, 20, 40, 60]

    def test_events_go_and_sums_stay(self, alpha, beta, spread):
        keep(alpha, 30)
        before = UsageRollup.objects.filter(project_id=alpha.pk).count()

        apply_retention()

        assert days_of(alpha) == [1, 20]
        assert days_of(beta) == [1, 20, 40, 60]
        assert Session.objects.filter(project_id=alpha.pk).count() == 4
        assert UsageRollup.objects.filter(project_id=alpha.pk).count() == before
        assert drift_of(alpha.pk) == drift_of(beta.pk) == []

    def test_an_hour_of_many_events_goes_in_several_steps(self, alpha, beta, monkeypatch):
        monkeypatch.setattr(retention, "EVENTS", 2)
        calls = [call_at(f"t{n}", "a", 40) for n in range(5)]
        send_events(make_sender(alpha), [*calls, call_at("kept", "a", 1)])
        send_events(make_sender(beta), calls)  # whose week is needed, then
        digest_all()
        keep(alpha, 30)

        apply_retention()

        assert (days_of(alpha), len(days_of(beta))) == ([1], 5)
        assert Job.objects.get().result["events"] == 5
        assert drift_of(alpha.pk) == []

    def test_the_words_of_expired_sessions_go_too(self, alpha, spread):
        keep(alpha, 30)

        apply_retention()

        texts = SessionText.objects.filter(project_id=alpha.pk)
        first = dict(texts.values_list("session_id", "first_input"))
        assert first == {"s-t1": MARK, "s-t20": MARK, "s-t40": "", "s-t60": ""}
        assert texts.get(session_id="s-t40").facets != []

    def test_what_is_older_is_refused_from_then_on(self, alpha, spread):
        waiting = send_events(make_sender(alpha), [call_at("late", "a", 40)])
        keep(alpha, 30)
        apply_retention()
        answer = send_events(make_sender(alpha), [call_at("later", "a", 40)])
        digest_all()

        assert (waiting["accepted"], answer["accepted"]) == (1, 0)
        assert answer["rejected"][0]["code"] == "expired"
        assert days_of(alpha) == [1, 20]
        assert status_of(alpha).rejected_events == 2
        assert drift_of(alpha.pk) == []

    def test_a_horizon_never_moves_back(self, alpha, spread):
        keep(alpha, 30)
        apply_retention()
        keep(alpha, 90)

        apply_retention()
        answer = send_events(make_sender(alpha), [call_at("later", "a", 40)])

        assert answer["rejected"][0]["code"] == "expired"

    def test_a_second_pass_changes_nothing(self, alpha, spread):
        keep(alpha, 30)
        apply_retention()
        Job.objects.all().delete()

        apply_retention()

        assert days_of(alpha) == [1, 20]
        assert Job.objects.get().n_done == 0

    def test_documents_and_quarantine_go_with_their_time(self, alpha, api):
        score = {"session_id": "s", "name": "n", "value": 1, "comment": MARK}
        at = {"at": days_ago(40).isoformat()}
        api.post("/api/v1/scores", [score, score | at], content_type="application/json")
        digest_all()
        for days in (1, 40):
            Quarantined.objects.create(
                project_id=alpha.pk,
                format="analytics",
                body=b"{}",
                horizon_us=0,
                reason="r",
                received_at=days_ago(days),
                quarantined_at=days_ago(days),
            )
        keep(alpha, 30)

        apply_retention()

        assert Document.objects.count() == 1
        assert Quarantined.objects.count() == 1
        assert drift_of(alpha.pk) == []


@pytest.mark.usefixtures("pipeline")
class TestAcrossTheHorizon:
    """A trace and a session that began before the horizon and go on after it."""

    @pytest.fixture
    def straddling(self, alpha):
        shared = {"session_id": "s", "user_id": "ada"}
        wrapper = call_at("t", "old", 31, **shared) | {}
        wrapper["data"]["kind"] = "agent"
        spans = [
            wrapper,
            call_at("t", "new", 1, **shared),
            call_at("u", "alone", 2, session_id="s"),
            call_at("v", "other", 1, session_id="v"),
        ]
        send_events(make_sender(alpha), spans)
        digest_all()
        keep(alpha, 30)
        apply_retention()
        return alpha

    def test_their_sums_stay(self, straddling):
        session = Session.objects.get(session_id="s")

        assert (session.n_spans, session.tokens_in) == (3, 10)
        assert drift_of(straddling.pk) == []

    def test_more_can_be_added(self, straddling):
        send_events(make_sender(straddling), [call_at("t", "more", 0.5, session_id="s")])
        digest_all()

        assert Session.objects.get(session_id="s").n_spans == 4
        assert drift_of(straddling.pk) == []

    def test_a_replaced_event_counts_as_it_is_now(self, straddling):
        again = call_at("t", "new", 1, session_id="s", user_id="ada", seconds=2)
        again["data"]["tokens"] = {"input": 50}
        send_events(make_sender(straddling), [again])
        digest_all()

        session = Session.objects.get(session_id="s")
        assert (session.n_spans, session.tokens_in) == (3, 55)
        assert drift_of(straddling.pk) == []

    def test_drift_after_the_horizon_is_found(self, straddling):
        with connection.cursor() as cursor:
            cursor.execute("UPDATE tracking_session SET n_llm = 9 WHERE session_id = 'v'")

        assert [d.table for d in drift_of(straddling.pk)] == ["tracking_session"]


@pytest.mark.usefixtures("open_pipeline")
class TestWithCommits:
    def test_a_week_nobody_needs_is_dropped(self, alpha, beta, spread):
        keep(alpha, 30)
        keep(beta, 50)
        old = {partitions.floor_week(days_ago(days)) for days in (40, 60)}

        apply_retention()
        apply_retention()  # beta's horizon moved after alpha's turn

        weeks = {at for us in partitions.existing_weeks() for at in [to_time(us)]}
        assert days_of(beta) == [1, 20, 40]
        assert weeks & old == {partitions.floor_week(days_ago(40))}
        assert find_anywhere(MARK).count("tracking_payload") == PayloadBlock.objects.count()
        assert drift_of(alpha.pk) == drift_of(beta.pk) == []

    def test_a_dropped_week_is_made_again_for_who_still_sends_it(self, alpha, beta):
        keep(alpha, 30)
        send_events(make_sender(alpha), [call_at("t", "a", 200)])
        digest_all()
        apply_retention()
        partitions.ensure_weeks({week_us(200)})
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        partitions.drop_week(partitions.floor_week(days_ago(200)))
        partitions._known.add(week_us(200))  # another process dropped it

        send_events(make_sender(beta), [call_at("t", "a", 200)])
        digest_all()
        assert days_of(beta) == []
        connection.cursor().execute("UPDATE tracking_inboxbatch SET lease_until = now()")
        digest_all()

        assert days_of(beta) == [200]

    def test_repair_leaves_what_outlives_its_events(self, alpha):
        shared = {"session_id": "s", "user_id": "ada"}
        spans = [
            call_at("t", "old", 31, **shared),
            call_at("t", "new", 1, **shared),
            call_at("u", "alone", 2, session_id="s"),
            call_at("gone", "gone", 40),
        ]
        send_events(make_sender(alpha), spans)
        digest_all()
        keep(alpha, 30)
        apply_retention()
        before = sums()
        with connection.cursor() as cursor:
            cursor.execute("UPDATE tracking_session SET n_llm = 9 WHERE session_id = 's'")
            cursor.execute(
                "UPDATE tracking_usagerollup SET n = n + 1 WHERE hour > %s", [NOW - DAY * 9]
            )
        assert drift_of(alpha.pk) != []

        call_command("verify_rollups", "--repair", stdout=io.StringIO())

        assert drift_of(alpha.pk) == []
        assert sums() == before

    def test_summaries_have_a_horizon_of_their_own(self, alpha, spread):
        keep(alpha, 10, summary=50)

        apply_retention()

        sessions = Session.objects.filter(project_id=alpha.pk)
        assert sorted(sessions.values_list("session_id", flat=True)) == ["s-t1", "s-t20", "s-t40"]
        assert Trace.objects.filter(project_id=alpha.pk).count() == 3
        oldest = UsageRollup.objects.filter(project_id=alpha.pk).order_by("hour").first().hour
        assert oldest >= days_ago(50)
        assert Project.objects.get(slug="beta").events_from is None
        assert drift_of(alpha.pk) == []


def sums():
    sessions = Session.objects.order_by("session_id")
    rollups = UsageRollup.objects.filter(family=0).order_by("hour", "kind")
    return (
        list(sessions.values_list("session_id", "n_spans", "n_llm", "tokens_in", "n_traces")),
        list(rollups.values_list("hour", "kind", "n", "n_traces", "n_sessions", "tokens_in")),
    )


def to_time(us):
    return datetime.datetime.fromtimestamp(us / 1_000_000, tz=datetime.UTC)


def week_us(days):
    return int(partitions.floor_week(days_ago(days)).timestamp()) * 1_000_000


@pytest.mark.usefixtures("pipeline")
def test_a_wrapper_counts_again_when_the_last_call_of_an_older_trace_goes(alpha):
    wrapper = make_span("t", "w", start=days_ago(2), kind="agent", tokens={"input": 7})
    spans = [make_span("t", "old", start=days_ago(40)), wrapper, call_at("t", "call", 2)]
    send_events(make_sender(alpha), spans)
    digest_all()
    keep(alpha, 30)
    apply_retention()

    call = Event.objects.get(name="call")
    key = (unix_us(call.occurred_at) or 0, call.id.bytes)
    apply_deltas(alpha.pk, retract=[key], now=timezone.now())

    assert Trace.objects.get().tokens_in == 7
    assert drift_of(alpha.pk) == []


def test_a_week_in_which_somebody_stores_at_that_moment_stays(open_pipeline, alpha, beta):
    send_events(make_sender(beta), [call_at("t", "a", 40)])
    digest_all()
    stored = threading.Event()

    def store():
        with psycopg.connect(**own_parameters()) as other:
            other.execute("CREATE TEMP TABLE kept AS SELECT * FROM tracking_event")
            other.execute("DELETE FROM tracking_event")
            other.commit()
            other.execute("INSERT INTO tracking_event SELECT * FROM kept")
            stored.set()
            time.sleep(0.7)

    thread = threading.Thread(target=store)
    thread.start()
    assert stored.wait(30)
    with transaction.atomic(), open_cursor() as cursor:
        dropped = _drop_unneeded(cursor, partitions.floor_week(days_ago(40)))
        held = cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock'"
            " AND locktype = 'relation' AND pid = pg_backend_pid()"
        ).fetchone()
    thread.join(30)

    assert (dropped, held) == (False, (0,))
    assert Event.objects.filter(project_id=beta.pk).count() == 1


@pytest.mark.usefixtures("pipeline")
def test_pages_say_that_events_were_deleted(alpha, alice_client, spread):
    keep(alpha, 30)
    apply_retention()

    for path, is_told in (
        ("sessions/s-t40/", True),
        ("traces/t40/", True),
        ("sessions/s-t20/", False),
        ("traces/t20/", False),
    ):
        page = alice_client.get(f"/p/alpha/{path}").content.decode()
        assert ("deleted for their age" in page) is is_told
