"""JSON events: every shape a body may have, and what the answer says."""

import datetime
import gzip
import json

import pytest
from django.utils import timezone

from tests.flows import digest_all, status_of
from tracking.models import Event, InboxBatch

pytestmark = pytest.mark.usefixtures("pipeline")
NOW = timezone.now() - datetime.timedelta(minutes=5)
LIMIT = 20 * 1024 * 1024
PATHS = ["/api/v1/events", "/api/analytics", "/api/analytics/batch"]


def point(name="note", **data):
    return {"type": name, "timestamp": NOW.isoformat(), "data": data}


def post(client, body, kind="application/json", path=PATHS[0], **headers):
    text = body if isinstance(body, bytes | str) else json.dumps(body)
    return client.post(path, text, content_type=kind, headers=headers)


SHAPES = {
    "one": (point(), 1),
    "events": ({"events": [point(), point("b")]}, 2),
    "no events": ({"events": []}, 0),
    "array": ([point(), point("b"), point("c")], 3),
    "lines": (json.dumps(point()) + "\n\n" + json.dumps(point("b")) + "\n", 2),
    "with a byte order mark": (b"\xef\xbb\xbf" + json.dumps(point()).encode(), 1),
}


@pytest.mark.parametrize(("body", "count"), SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("kind", ["application/json", "text/plain", "", "application/x-ndjson"])
def test_it_takes_every_shape_under_every_type(alpha, sender, body, count, kind):
    answer = post(sender, body, kind)
    digest_all()

    assert (answer.status_code, answer.json()) == (202, {"accepted": count, "rejected": []})
    assert status_of(alpha).stored_events == count


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("slash", ["", "/"])
def test_every_path_answers_with_and_without_a_slash(sender, path, slash):
    assert post(sender, point(), path=path + slash).status_code == 202


def test_rejections_name_index_code_and_message(alpha, sender):
    answer = post(sender, [point(), {"data": {}}, point("b"), 5])
    digest_all()

    said = answer.json()
    assert (answer.status_code, said["accepted"]) == (202, 2)
    assert [(r["index"], r["code"]) for r in said["rejected"]] == [
        (1, "type_missing"),
        (3, "not_an_object"),
    ]
    assert all(r["message"] for r in said["rejected"])
    assert (status_of(alpha).stored_events, status_of(alpha).rejected_events) == (2, 2)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "the body is empty"),
        (b"{", "not JSON"),
        (b'"text"', "neither an object nor an array"),
        (b'{"events": {}}', '"events" must be an array'),
        (b'{"resourceSpans": []}', "/v1/traces"),
        (b"\xff\xfe\x00", "not JSON"),
    ],
)
def test_a_body_that_cannot_be_read_is_a_problem(sender, body, detail):
    answer = post(sender, body)

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert detail in answer.json()["detail"]
    assert InboxBatch.objects.count() == 0


def test_it_takes_ten_thousand_items_and_no_more(sender):
    body = json.dumps([{"type": "n"}] * 10_000)

    assert post(sender, body).json()["accepted"] == 10_000
    refused = post(sender, body[:-1] + ',{"type":"n"}]')
    assert refused.status_code == 400
    assert "10,000" in refused.json()["detail"]


def padded(size):
    frame = json.dumps(point(text=""))
    return frame.replace('"text": ""', f'"text": "{"x" * (size - len(frame))}"').encode()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("size", "status"), [(LIMIT, 202), (LIMIT + 1, 413)])
def test_the_limit_holds_to_the_byte(sender, packed, size, status):
    body = padded(size)
    assert len(body) == size
    headers = {"content-encoding": "gzip"} if packed else {}

    answer = post(sender, gzip.compress(body, 1) if packed else body, **headers)

    assert answer.status_code == status
    if status == 413:
        assert str(LIMIT) in answer.json()["detail"]


@pytest.mark.parametrize(("headers", "status"), [({}, 401), ({"x-api-key": "nope"}, 401)])
def test_a_key_is_needed(client, db, headers, status):
    answer = post(client, point(), **headers)

    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")


def test_a_key_that_only_reads_is_refused(client, make_key):
    answer = post(client, point(), **{"x-api-key": make_key("read")})

    assert answer.status_code == 403


def test_other_methods_are_refused(sender):
    answer = sender.get(PATHS[0])

    assert (answer.status_code, answer["Content-Type"]) == (405, "application/problem+json")


def test_times_before_the_horizon_are_refused(alpha, sender):
    old = {**point(), "timestamp": "1999-12-31T23:59:59Z"}
    alpha.horizon_days = 30
    alpha.save()
    recent = {**point(), "timestamp": (timezone.now() - datetime.timedelta(days=31)).isoformat()}

    answer = post(sender, [old, recent, point()])

    assert [r["code"] for r in answer.json()["rejected"]] == ["expired", "expired"]


def test_times_ahead_take_the_time_of_receipt_with_a_warning(sender):
    ahead = {**point(), "timestamp": (timezone.now() + datetime.timedelta(days=2)).isoformat()}

    post(sender, ahead)
    digest_all()

    event = Event.objects.get()
    assert event.warnings == ["clock_ahead"]
    assert event.occurred_at == event.received_at
