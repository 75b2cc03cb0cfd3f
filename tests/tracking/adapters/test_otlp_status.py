"""The answers of OTLP/HTTP, byte by byte and as the official messages read them."""

import json

from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tracking.adapters.otlp_status import (
    content_type,
    partial_body,
    partial_success_body,
    status_body,
    success_body,
)
from tracking.events import Rejection


def test_full_success_is_an_empty_message():
    assert success_body(json=False) == b""
    assert success_body(json=True) == b"{}"
    assert partial_body([], json=True) == b"{}"


def test_partial_success_counts_and_explains():
    rejections = [Rejection(n, "expired", "too old") for n in range(7)]

    answer = ExportTraceServiceResponse.FromString(partial_body(rejections, json=False))

    assert answer.partial_success.rejected_spans == 7
    assert answer.partial_success.error_message.startswith("span 0: expired: too old; span 1")
    assert answer.partial_success.error_message.endswith("; and 2 more")


def test_partial_success_in_json_has_the_count_as_a_string():
    body = partial_body([Rejection(3, "expired", "too old")], json=True)

    assert body == (
        b'{"partialSuccess":{"rejectedSpans":"1","errorMessage":"span 3: expired: too old"}}'
    )
    assert json_format.Parse(body, ExportTraceServiceResponse()).partial_success.rejected_spans == 1


def test_a_warning_is_a_partial_success_without_rejections():
    assert partial_success_body(0, "careful", json=True) == (
        b'{"partialSuccess":{"errorMessage":"careful"}}'
    )


def test_an_error_is_a_status_with_details():
    body = status_body(400, "bad", json=False, violations=[("spans", "no id")], retry_after=2)

    status = status_pb2.Status.FromString(body)

    bad_request, retry = error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    assert (status.code, status.message) == (3, "bad")
    assert status.details[0].Unpack(bad_request) is True
    assert status.details[1].Unpack(retry) is True
    assert bad_request.field_violations[0].description == "no id"
    assert retry.retry_delay.seconds == 2


def test_an_error_in_json_reads_as_the_same_status():
    said = {"violations": [("spans", "no id")], "retry_after": 2}

    from_json = json_format.Parse(status_body(503, "later", json=True, **said), status_pb2.Status())
    from_protobuf = status_pb2.Status.FromString(status_body(503, "later", json=False, **said))

    assert from_json == from_protobuf


def test_a_plain_error_has_no_details():
    assert json.loads(status_body(401, "who?", json=True)) == {"code": 16, "message": "who?"}


def test_a_message_that_cannot_be_text_is_mended():
    status = status_pb2.Status.FromString(status_body(400, "\ud800" + "x" * 2000, json=False))

    assert status.message == "?" + "x" * 999


def test_it_answers_in_the_type_of_the_request():
    assert content_type(json=True) == "application/json"
    assert content_type(json=False) == "application/x-protobuf"
