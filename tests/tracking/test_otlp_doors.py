"""OTLP over HTTP to the letter: every answer in the request's own encoding."""

import gzip
import json
import time
import zlib

import pytest
from google.rpc.error_details_pb2 import BadRequest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.flows import digest_all, status_of
from tests.tracking.adapters.otlp_building import json_request, make_request, make_span
from tracking.models import InboxBatch

pytestmark = pytest.mark.usefixtures("pipeline")
PROTOBUF, JSON = "application/x-protobuf", "application/json"
ENCODINGS = pytest.mark.parametrize("kind", [PROTOBUF, JSON])
PATHS = ["/v1/traces", "/v1/traces/", "/api/public/otel/v1/traces", "/api/public/otel/v1/traces/"]
MEGABYTES_20 = 20 * 1024 * 1024


def body_of(kind, *spans):
    now_ns = time.time_ns()
    times = {"start_time_unix_nano": now_ns, "end_time_unix_nano": now_ns + 5_000}
    request = make_request(*(make_span(**times, **span) for span in spans or [{}]))
    return request.SerializeToString() if kind == PROTOBUF else json_request(request)


def post(client, kind, body=b"", path="/v1/traces", **headers):
    # Django's client tells the type of an empty body only when told twice.
    return client.post(path, body, content_type=kind, headers=headers, CONTENT_TYPE=kind)


def status_in(answer, kind):
    """The google.rpc.Status of an error, whatever it came in."""
    assert answer["Content-Type"] == kind
    if kind == PROTOBUF:
        status = Status.FromString(answer.content)
        return status.code, status.message
    said = json.loads(answer.content)
    return said["code"], said["message"]


@ENCODINGS
@pytest.mark.parametrize("path", PATHS)
def test_a_full_success_is_an_empty_message(alpha, sender, path, kind):
    answer = post(sender, kind, body_of(kind), path)

    assert (answer.status_code, answer["Content-Type"]) == (200, kind)
    assert answer.content == (b"" if kind == PROTOBUF else b"{}")
    digest_all()
    assert status_of(alpha).stored_events == 1


@pytest.mark.parametrize("kind", [f"{JSON}; charset=utf-8", "Application/JSON", "text/plain", ""])
def test_json_may_come_under_several_types(sender, kind):
    answer = post(sender, kind, body_of(JSON))

    assert (answer.status_code, answer.content) == (200, b"{}")


@pytest.mark.parametrize(("kind", "body"), [(PROTOBUF, b""), (JSON, b"{}"), (JSON, b"")])
def test_an_empty_request_is_a_success(sender, kind, body):
    answer = post(sender, kind, body)

    assert (answer.status_code, answer.content) == (200, b"" if kind == PROTOBUF else b"{}")
    assert InboxBatch.objects.count() == 0


@ENCODINGS
@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("identity", bytes),
        ("gzip", lambda body: gzip.compress(body[:9]) + gzip.compress(body[9:])),
    ],
)
def test_it_takes_compressed_requests(alpha, sender, kind, encoding, pack):
    answer = post(sender, kind, pack(body_of(kind)), **{"content-encoding": encoding})
    digest_all()

    assert answer.status_code == 200
    assert status_of(alpha).stored_events == 1


@ENCODINGS
def test_some_refused_spans_are_a_partial_success(alpha, sender, kind):
    body = body_of(kind, {}, {"trace_id": b""}, {"span_id": bytes(8)})

    answer = post(sender, kind, body)

    assert answer.status_code == 200
    if kind == PROTOBUF:
        said = ExportTraceServiceResponse.FromString(answer.content).partial_success
        rejected, message = str(said.rejected_spans), said.error_message
    else:
        said = json.loads(answer.content)["partialSuccess"]
        rejected, message = said["rejectedSpans"], said["errorMessage"]
    assert rejected == "2"
    assert message.startswith("span 1: invalid_trace_id: traceId is 16 bytes")
    digest_all()
    assert (status_of(alpha).stored_events, status_of(alpha).rejected_events) == (1, 2)


@ENCODINGS
def test_a_broken_body_is_bad_data(sender, kind):
    answer = post(sender, kind, b"\xffnot it")

    code, message = status_in(answer, kind)
    assert (answer.status_code, code) == (400, 3)
    assert message.startswith("not an ExportTraceServiceRequest")
    if kind == PROTOBUF:
        details, violations = Status.FromString(answer.content).details[0], BadRequest()
        assert details.Unpack(violations) is True
        assert violations.field_violations[0].field == "body"


@ENCODINGS
def test_a_truncated_gzip_is_bad_data(sender, kind):
    body = gzip.compress(body_of(kind))[:-9]

    answer = post(sender, kind, body, **{"content-encoding": "gzip"})

    assert answer.status_code == 400
    assert "cut off" in status_in(answer, kind)[1]


@ENCODINGS
def test_an_unknown_content_encoding_is_named(sender, kind):
    answer = post(sender, kind, body_of(kind), **{"content-encoding": "br"})

    assert answer.status_code == 415
    assert "'br'" in status_in(answer, kind)[1]


def test_an_unknown_type_is_answered_in_json(sender):
    answer = post(sender, "text/csv", b"a,b")

    assert answer.status_code == 415
    assert "'text/csv'" in status_in(answer, JSON)[1]


@ENCODINGS
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}])
def test_without_a_good_key_it_is_unauthenticated(client, db, kind, headers):
    answer = post(client, kind, body_of(kind), **headers)

    assert (answer.status_code, status_in(answer, kind)[0]) == (401, 16)
    assert answer["WWW-Authenticate"].startswith("Bearer")


@ENCODINGS
def test_a_key_that_only_reads_is_forbidden(client, make_key, kind):
    answer = post(client, kind, body_of(kind), authorization=f"Bearer {make_key('read')}")

    assert (answer.status_code, status_in(answer, kind)[0]) == (403, 7)
    assert "'ingest'" in status_in(answer, kind)[1]


@ENCODINGS
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
@pytest.mark.parametrize("path", PATHS[:2])
def test_other_methods_are_not_allowed(sender, kind, method, path):
    answer = sender.generic(method, path, CONTENT_TYPE=kind)

    assert answer.status_code == 405
    assert "POST" in answer["Allow"]
    assert method == "HEAD" or status_in(answer, kind)[0] == 12


@ENCODINGS
@pytest.mark.parametrize("path", ["/v1/metrics", "/v1/tracesx", "/v1/traces//"])
def test_an_unknown_signal_is_told_in_its_own_encoding(sender, path, kind):
    answer = post(sender, kind, b"", path)

    assert (answer.status_code, status_in(answer, kind)[0]) == (404, 5)
    assert "/v1/logs" in status_in(answer, kind)[1]


def test_an_unknown_path_is_no_html_and_no_redirect(sender):
    answer = post(sender, PROTOBUF, b"", "/api/v1/event")

    assert answer.status_code == 404
    assert "json" in answer["Content-Type"]


@ENCODINGS
def test_more_than_the_limit_is_too_large(sender, kind):
    answer = post(sender, kind, bytes(MEGABYTES_20 + 1))

    assert answer.status_code == 413
    code, message = status_in(answer, kind)
    assert (code, "20971521" in message, "20971520" in message) == (8, True, True)


@ENCODINGS
def test_a_bomb_is_too_large(sender, kind):
    body = gzip.compress(bytes(100_000_000))

    answer = post(sender, kind, body, **{"content-encoding": "gzip"})

    assert answer.status_code == 413
    assert "inflated" in status_in(answer, kind)[1]


@ENCODINGS
def test_logs_and_too_many_spans_are_bad_data(sender, kind):
    answer = post(sender, kind, body_of(kind, *([{"name": ""}] * 10_001)))

    assert answer.status_code == 400
    assert "10000" in status_in(answer, kind)[1]


def test_an_error_of_the_server_is_sent_again_by_exporters(sender, monkeypatch):
    def fail(*args, **kwargs):
        raise ValueError("unforeseen")

    monkeypatch.setattr("tracking.ingest_views.accept_batch", fail)

    for kind in (PROTOBUF, JSON):
        answer = post(sender, kind, body_of(kind))
        assert (answer.status_code, answer["Retry-After"]) == (503, "1")
        assert status_in(answer, kind)[0] == 14
