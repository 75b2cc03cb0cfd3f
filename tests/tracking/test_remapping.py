"""History mapped again by newer tables: the job, its command and its page."""

import datetime
import io
import json
import time

import msgspec
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from core.jobs import work_on_jobs
from core.models import AuditEntry, Job
from tests.flows import digest_all, drift_of, make_sender, send_events, send_scores
from tests.tracking.adapters.otlp_building import make_request, make_span
from tests.tracking.mapping_back import forget_what_was_read
from tracking import remapping
from tracking.adapters import analytics_fields, analytics_spans, fallom_spans, otlp, otlp_spans
from tracking.adapters.dialects import attributes, keys, table
from tracking.adapters.dialects.keys import MAP_VERSION
from tracking.corrections import apply_deltas
from tracking.health import check_lag
from tracking.models import Event, InboxBatch, Session, SessionMetric, Trace
from tracking.payloads import load_payloads
from tracking.remapping import remap_step, start_remap
from tracking.staging import unix_us

pytestmark = pytest.mark.usefixtures("pipeline")
NOW_NS = time.time_ns() // 1_000_000_000 * 1_000_000_000 - 60 * 10**9
NEW_KEYS = ("langfuse.session.id", "langfuse.observation.type", "langfuse.observation.input")
CALL = {
    "langfuse.session.id": "s",
    "langfuse.observation.type": "generation",
    "langfuse.observation.input": '[{"role": "user", "content": "Where is my order?"}]',
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 7,
    "langfuse.trace.metadata.tier": "pro",
}
IGNORED = {"block_id", "block_ix", "received_at", "project_id", "pk"}


def send(project, n_spans=3, **attributes):
    spans = [
        make_span(
            {**CALL, **attributes},
            span_id=(index + 1).to_bytes(8, "big"),
            start_time_unix_nano=NOW_NS + index * 1_000_000,
            end_time_unix_nano=NOW_NS + index * 1_000_000 + 500_000,
        )
        for index in range(n_spans)
    ]
    body = make_request(*spans, resource={"service.version": "2"}).SerializeToString()
    make_sender(project).post("/v1/traces", body, content_type="application/x-protobuf")
    digest_all()


@pytest.fixture
def old_tables(monkeypatch):
    """Tables of an older version, until ``undo`` is called."""
    for name in NEW_KEYS:
        monkeypatch.delitem(table.KEYS, name)
    monkeypatch.setattr(otlp_spans, "MAP_VERSION", 0)
    forget_what_was_read(monkeypatch)
    return monkeypatch


@pytest.fixture
def history(alpha, old_tables):
    """Three spans that older tables understood less of."""
    send(alpha)
    old_tables.undo()
    assert Session.objects.get(project_id=alpha.pk).is_implicit is True
    return alpha


def run(project):
    job = start_remap(project)
    work_on_jobs(seconds=20)
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.error
    return job


def rows_of(project):
    events = Event.objects.filter(project_id=project.pk).order_by("occurred_at", "id")
    rows = [
        {name: value for name, value in row.items() if name not in IGNORED}
        for row in events.values()
    ]
    places = [(e.occurred_at, e.block_id, e.block_ix) for e in events]
    return rows, load_payloads(project.pk, places)


def forget_versions():
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tracking_event SET map_version = 0")


def test_history_is_as_if_it_came_today(history, beta):
    job = run(history)
    send(beta)

    assert (job.n_done, job.n_total, job.result) == (3, 3, {"mapped": 3, "changed": 3})
    assert rows_of(history) == rows_of(beta)
    session = Session.objects.get(project_id=history.pk)
    assert (session.session_id, session.is_implicit, session.n_llm) == ("s", False, 3)
    assert session.tokens_in == 21
    assert drift_of(history.pk) == []


def test_a_second_run_changes_nothing(history):
    run(history)
    rows = rows_of(history)

    assert run(history).result == {"mapped": 0, "changed": 0}
    forget_versions()
    assert run(history).result == {"mapped": 3, "changed": 0}
    assert rows_of(history) == rows
    assert set(Event.objects.values_list("map_version", flat=True)) == {MAP_VERSION}


CAME_AS = {"json": 1_000, "fallom": 2_000}


def send_as(came_as, project, *, span_id="b" * 16):
    ids = {"trace_id": "a" * 32, "span_id": span_id}
    times = {"start_time": NOW_NS // 10**6, "end_time": NOW_NS // 10**6 + 5}
    said = {**CALL, "zz": [1], **JUDGED}
    flat = {**ids, **times, "name": "call", "kind": "llm", "customer_id": "u", "attributes": said}
    client = make_sender(project)
    if came_as == "fallom":
        flat |= {"fallom.raw.request": '{"model": "gpt-4o"}'}
        client.post("/v1/traces", json.dumps(flat), content_type="application/json")
    else:
        send_events(client, [{"type": "span", "data": {**flat, "tokens": {"output": 3}}}])
    digest_all()


JUDGED = {"annotations.0.annotation.name": "tone", "annotations.0.annotation.score": 0.5}


@pytest.fixture
def older_version(monkeypatch):
    """Tables of an older version, which knew no evaluations either, until ``undo`` is called."""
    for name in NEW_KEYS:
        monkeypatch.delitem(table.KEYS, name)
    for module in (analytics_spans, fallom_spans):
        monkeypatch.setattr(module, "MAP_VERSION", MAP_VERSION - 1)
    monkeypatch.setattr(attributes, "evaluations_of_attributes", lambda leftover: ())
    monkeypatch.setattr(analytics_fields, "_entries", {})
    return monkeypatch


@pytest.mark.parametrize("came_as", CAME_AS)
def test_spans_that_came_as_json_are_read_again(alpha, beta, older_version, came_as):
    send_as(came_as, alpha)
    assert Event.objects.get().session_own == ""
    older_version.undo()

    job = run(alpha)
    digest_all()
    send_as(came_as, beta)

    assert job.result == {"mapped": 1, "changed": 1}
    assert rows_of(alpha)[0][0]["map_version"] == keys.JUDGED + CAME_AS[came_as] + MAP_VERSION
    assert of_spans(rows_of(alpha)) == of_spans(rows_of(beta))
    metrics = SessionMetric.objects.filter(project_id=alpha.pk)
    assert [(m.session_id, m.name, m.n, m.total) for m in metrics] == [("s", "score:tone", 1, 0.5)]
    assert drift_of(alpha.pk) == []


def of_spans(rows_and_payloads):
    pairs = zip(*rows_and_payloads, strict=True)
    return [(row, payload) for row, payload in pairs if row["operation"] != "score"]


@pytest.mark.parametrize("came_as", CAME_AS)
def test_what_came_as_json_is_read_once(alpha, came_as):
    send_as(came_as, alpha)
    rows = rows_of(alpha)
    assert run(alpha).result == {"mapped": 0, "changed": 0}

    with connection.cursor() as cursor:
        cursor.execute("UPDATE tracking_event SET map_version = map_version - 1 WHERE kind <> 7")
    job = run(alpha)
    digest_all()

    assert job.result == {"mapped": 1, "changed": 0}
    assert rows_of(alpha) == rows
    assert drift_of(alpha.pk) == []


@pytest.fixture
def numbers_of_old(alpha, monkeypatch):
    """Before version 2 an evaluation was a metric of its span."""

    def map_as_before(*args):
        event = otlp_spans.map_span(*args)
        older = {"metrics": (("score:tone", 0.5),), "evaluations": (), "map_version": 1}
        return msgspec.structs.replace(event, **older)

    with monkeypatch.context() as patch:
        patch.setattr(otlp, "map_span", map_as_before)
        send(alpha, n_spans=1, **JUDGED)
    assert SessionMetric.objects.get().n == 1
    return alpha


def test_numbers_of_older_versions_become_scores_once(numbers_of_old):
    job = run(numbers_of_old)
    digest_all()

    assert job.result == {"mapped": 1, "changed": 1}
    metric = SessionMetric.objects.get()
    assert (metric.name, metric.n, metric.total) == ("score:tone", 1, 0.5)
    assert [e.metrics for e in Event.objects.filter(duration_us=None)] == [[["score:tone", 0.5]]]
    assert Event.objects.exclude(duration_us=None).get().metrics in (None, [])
    assert drift_of(numbers_of_old.pk) == []


def test_scores_of_history_are_no_requests_that_wait_since_then(numbers_of_old):
    then = timezone.now() - datetime.timedelta(days=20)
    Event.objects.update(received_at=then)

    run(numbers_of_old)

    assert InboxBatch.objects.count() == 1
    assert check_lag() == ""
    digest_all()
    assert Event.objects.get(operation="score").received_at == then


def test_derived_events_are_left_alone(alpha):
    send_scores(make_sender(alpha), {"session_id": "s", "name": "good", "value": 1})
    digest_all()

    assert run(alpha).result == {"mapped": 0, "changed": 0}


def test_what_was_first_received_stays(history):
    before = list(Event.objects.order_by("id").values_list("received_at", flat=True))
    run(history)

    assert list(Event.objects.order_by("id").values_list("received_at", flat=True)) == before


def test_steps_may_end_anywhere(history, monkeypatch):
    monkeypatch.setattr(remapping, "STEP", 2)
    job = start_remap(history)

    assert remap_step(job) is False
    assert (job.n_done, job.result) == (2, {"mapped": 2, "changed": 2})
    assert drift_of(history.pk) == []
    fresh = Job.objects.get(pk=job.pk)  # a worker died before the step was noted
    assert remap_step(fresh) is False
    assert fresh.result == {"mapped": 0, "changed": 0}
    assert remap_step(fresh) is True
    assert Session.objects.get(project_id=history.pk).n_llm == 3
    assert drift_of(history.pk) == []


def test_what_is_sent_again_meanwhile_wins(history, monkeypatch):
    lock = remapping.lock_stored

    def send_and_lock(*args):
        monkeypatch.setattr(remapping, "lock_stored", lock)
        send(history, n_spans=1, **{"gen_ai.usage.input_tokens": 90, "zz": 1})
        send(history, n_spans=1, **{"gen_ai.usage.input_tokens": 90, "zz": 2})
        return lock(*args)

    monkeypatch.setattr(remapping, "lock_stored", send_and_lock)

    job = run(history)

    assert job.result["mapped"] == 3
    assert Event.objects.filter(tokens_in=90).count() == (3 - job.result["changed"])
    assert drift_of(history.pk) == []
    assert set(Event.objects.values_list("map_version", flat=True)) == {MAP_VERSION}


def test_what_is_erased_meanwhile_does_not_come_back(history, monkeypatch):
    lock = remapping.lock_stored

    def erase_and_lock(*args):
        monkeypatch.setattr(remapping, "lock_stored", lock)
        keys = [(unix_us(event.occurred_at), event.id.bytes) for event in Event.objects.all()]
        apply_deltas(history.pk, retract=keys, now=timezone.now())
        return lock(*args)

    monkeypatch.setattr(remapping, "lock_stored", erase_and_lock)

    job = run(history)

    assert job.result == {"mapped": 3, "changed": 0}
    assert (Event.objects.count(), Trace.objects.count(), Session.objects.count()) == (0, 0, 0)
    assert drift_of(history.pk) == []


def test_other_events_are_left_alone(alpha):
    client = make_sender(alpha)
    client.post("/api/v1/events", '[{"type": "custom", "data": {}}]', content_type="text/plain")
    digest_all()

    job = run(alpha)

    assert (job.n_done, job.result) == (1, {"mapped": 0, "changed": 0})


@pytest.mark.parametrize("came_as", CAME_AS)
def test_what_came_as_json_before_that_was_noted_is_left_alone(alpha, came_as):
    send_as(came_as, alpha)
    Event.objects.update(map_version=0)
    before = rows_of(alpha)

    assert run(alpha).result == {"mapped": 0, "changed": 0}

    assert rows_of(alpha) == before
    assert drift_of(alpha.pk) == []


def test_nothing_to_do_is_done(alpha):
    assert run(alpha).result == {"mapped": 0, "changed": 0}


def test_the_command_maps_one_project(history, beta):
    out = io.StringIO()

    call_command("remap", "--project", "alpha", stdout=out)

    assert "alpha: 3 spans mapped again, 3 changed." in out.getvalue()
    assert "beta" not in out.getvalue()
    with pytest.raises(CommandError, match="no project 'gamma'"):
        call_command("remap", "--project", "gamma")


def test_the_command_says_what_failed(history, monkeypatch):
    def fail(*args):
        raise ValueError("unforeseen")

    monkeypatch.setattr(remapping, "remap_fact", fail)

    with pytest.raises(CommandError, match="alpha: Failed: ValueError: unforeseen"):
        call_command("remap", stdout=io.StringIO())


def test_an_administrator_starts_it_on_the_page(history, alice_client):
    url = "/p/alpha/settings/attributes/"
    assert alice_client.post(f"{url}remap/").status_code == 302
    assert alice_client.post(f"{url}remap/").status_code == 302
    assert Job.objects.filter(kind="remap").count() == 1
    assert "Waiting" in alice_client.get(url).content.decode()

    work_on_jobs(seconds=20)

    page = alice_client.get(url).content.decode()
    assert "Done" in page
    assert "3, 3 of them changed" in page
    assert AuditEntry.objects.filter(action="attributes.remap").count() == 2
    assert Trace.objects.get(project_id=history.pk).claim_session == "s"


def test_an_administrator_stops_it_and_starts_it_again(
    history, alice_client, bob_client, monkeypatch
):
    monkeypatch.setattr(remapping, "STEP", 2)
    url = "/p/alpha/settings/attributes/"
    alice_client.post(f"{url}remap/")
    work_on_jobs(seconds=0.0001)
    assert f'action="{url}stop/"' in alice_client.get(f"{url}progress/").content.decode()
    assert f'action="{url}stop/"' not in bob_client.get(url).content.decode()

    alice_client.post(f"{url}stop/")

    assert work_on_jobs(seconds=20) == 0
    text = alice_client.get(url).content.decode()
    assert "2, 2 of them changed" in text
    assert "Stopped" in text
    assert AuditEntry.objects.get(action="job.stop").target == "remap"
    assert drift_of(history.pk) == []

    alice_client.post(f"{url}remap/")
    work_on_jobs(seconds=20)
    assert "1, 1 of them changed" in alice_client.get(f"{url}progress/").content.decode()
    assert drift_of(history.pk) == []
