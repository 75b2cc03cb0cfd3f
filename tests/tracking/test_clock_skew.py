"""Clocks of senders that are ahead, or behind: times stay as they were sent, and it is told."""

import datetime
import json

import pytest
from django.utils import timezone

from tests.flows import digest_all, drift_of, make_sender, make_span, send_events
from tests.tracking import chats
from tracking.ingest_health import hint_of
from tracking.models import Event, InboxBatch, IngestCounter

pytestmark = pytest.mark.usefixtures("pipeline")
JSON = "application/json"
PAGE = "/p/alpha/settings/ingestion/"


def off_by(hours):
    return timezone.now() + datetime.timedelta(hours=hours)


def warned(code="clock_skew"):
    return sum(row.n for row in IngestCounter.objects.filter(fate="warned", detail=code))


def post(project, path, body):
    answer = make_sender(project).post(path, json.dumps(body), content_type=JSON)
    assert answer.status_code in (200, 202), answer.content
    digest_all()


def iso(moment):
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def span_of_otlp(start):
    ns = int(start.timestamp() * 1_000_000) * 1000
    span = {
        "traceId": "5c" * 16,
        "spanId": "ab" * 8,
        "name": "chat",
        "startTimeUnixNano": str(ns + 1),
        "endTimeUnixNano": str(ns + 5_000_000),
    }
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def flat_span(start):
    return {
        "config_key": "c",
        "session_id": "s",
        "trace_id": "5d" * 16,
        "span_id": "ab" * 8,
        "name": "chat",
        "start_time": iso(start),
        "end_time": iso(start),
        "duration_ms": 0,
        "status": "OK",
    }


def turn(start):
    said = {"agentId": "a", "role": "r", "input": "i", "output": "o"}
    cost = {"usd": 0, "inputTokens": 1, "outputTokens": 1, "totalTokens": 2}
    return {"type": "agent-turn", "runId": "run-1", "at": iso(start), **said, "cost": cost}


def chat(start):
    metadata = {"requestId": "req-1", "timestamp": int(start.timestamp() * 1000)}
    return {
        "request": chats.request(metadata=metadata),
        "response": chats.response(metadata=metadata),
        "durationMs": 5,
    }


SENT = {
    "JSON span": ("/api/v1/events", lambda at: make_span("t", "s", start=at)),
    "JSON point": ("/api/v1/events", lambda at: {"type": "x", "timestamp": iso(at), "data": {}}),
    "OTLP": ("/v1/traces", span_of_otlp),
    "Fallom": ("/fallom/v1/traces", flat_span),
    "Dogpile": ("/api/v1/runs", turn),
    "ai.matey": ("/api/v1/chats", chat),
    "score": (
        "/api/v1/scores",
        lambda at: {"session_id": "s", "name": "n", "value": 1, "at": iso(at)},
    ),
}


@pytest.mark.parametrize("hours", [1, 23.9])
@pytest.mark.parametrize(("path", "make"), SENT.values(), ids=SENT)
def test_one_ahead_keeps_its_time_and_is_told(alpha, path, make, hours):
    start = off_by(hours)

    post(alpha, path, make(start))

    events = list(Event.objects.all())
    assert any(event.warnings == ["clock_skew"] for event in events)
    for event in events:
        assert abs(event.occurred_at - start) < datetime.timedelta(seconds=1)
        assert event.received_at < off_by(0.1)
    assert warned() >= 1
    assert drift_of(alpha.pk) == []


@pytest.mark.parametrize("hours", [-24, -1, 0, 0.01])
@pytest.mark.parametrize(("path", "make"), SENT.values(), ids=SENT)
def test_late_data_and_small_differences_are_no_skew(alpha, path, make, hours):
    post(alpha, path, make(off_by(hours)))

    assert Event.objects.exists()
    assert warned() == 0


def test_a_run_more_than_a_day_ahead_is_told_to_take_the_time_of_receipt(alpha):
    post(alpha, "/api/v1/runs", turn(off_by(25)))

    assert warned("clock_ahead") == 1
    assert all(event.occurred_at < off_by(0.1) for event in Event.objects.all())


def test_what_is_sent_again_when_its_time_has_come_changes_nothing(alpha):
    body = span_of_otlp(off_by(2))
    post(alpha, "/v1/traces", body)
    before = list(Event.objects.values())

    answer = make_sender(alpha).post("/v1/traces", json.dumps(body), content_type=JSON)
    assert InboxBatch.objects.update(received_at=off_by(3)) == 1
    digest_all()

    assert answer.status_code == 200
    assert list(Event.objects.values()) == before
    assert warned() == 1


def test_the_ingestion_page_counts_and_explains_it(alpha, bob_client):
    send_events(make_sender(alpha), [make_span("t", f"s{n}", start=off_by(1)) for n in range(3)])
    digest_all()

    page = bob_client.get(PAGE)

    assert ("clock_skew", 3, hint_of("clock_skew")) in page.context["warnings"]
    assert "clock is ahead" in hint_of("clock_skew")
    assert b"?warning=clock_skew" in page.content


@pytest.mark.parametrize("hours", [-24, -1, 1, 24])
@pytest.mark.parametrize(
    "path", ["/p/alpha/", "/p/alpha/sessions/", "/p/alpha/traces/", "/p/alpha/events/"]
)
def test_pages_of_the_last_hour_stand_any_clock(alpha, bob_client, path, hours):
    send_events(make_sender(alpha), [make_span("t", "s", session_id="x", start=off_by(hours))])
    digest_all()

    assert bob_client.get(path, {"range": "1h"}).status_code == 200


def test_the_log_shows_at_once_what_its_own_clock_puts_hours_ahead(alpha, bob_client):
    send_events(make_sender(alpha), [make_span("t", "from-tomorrow", start=off_by(20))])
    digest_all()

    assert b"from-tomorrow" in bob_client.get("/p/alpha/events/").content
