"""The door and the digest on whole requests: what is refused, by item or at once."""

import json

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from tests.tracking.adapters.otlp_building import (
    RECEIPT,
    START_NS,
    json_request,
    json_span,
    make_request,
    make_span,
)
from tracking.adapters import otlp, otlp_spans
from tracking.events import BadBodyError, Rejection

GOOD = make_span({"session.id": "good"}, span_id=b"goodgood")
REFUSED = {
    "invalid_trace_id": make_span(trace_id=bytes(16)),
    "short_trace_id": make_span(trace_id=b"abc"),
    "invalid_span_id": make_span(span_id=bytes(8)),
    "long_span_id": make_span(span_id=b"abcdefghi"),
    "expired": make_span(start_time_unix_nano=1_000_000),
    "just_expired": make_span(start_time_unix_nano=RECEIPT.horizon_us * 1000 - 1),
}


def as_protobuf(*spans):
    return make_request(*spans).SerializeToString()


def as_json(*spans):
    return json_request(make_request(*spans))


BOTH = pytest.mark.parametrize(
    ("encode", "is_json"), [(as_protobuf, False), (as_json, True)], ids=["protobuf", "json"]
)


def varint(number):
    return bytes([number & 127 | 128, number >> 7])  # two bytes, for lengths below 16,384


def json_body(*spans):
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [*spans]}]}]}).encode()


@BOTH
@pytest.mark.parametrize("case", REFUSED)
def test_one_bad_span_of_many_is_refused_alone(encode, is_json, case):
    body = encode(GOOD, REFUSED[case], GOOD)

    n_items, rejections = otlp.check(body, json=is_json, receipt=RECEIPT)
    batch = otlp.read(body, json=is_json, receipt=RECEIPT)

    assert n_items == 3
    assert [refusal.index for refusal in rejections] == [1]
    assert rejections[0].code in {"invalid_trace_id", "invalid_span_id", "expired"}
    assert batch.rejections == rejections
    assert [event.session_own for event in batch.events] == ["good", "good"]


@BOTH
def test_every_item_is_counted_once_over_groups(encode, is_json):
    request = make_request(GOOD)
    request.resource_spans.extend(make_request(REFUSED["expired"], GOOD).resource_spans)
    request.resource_spans[1].scope_spans.add().spans.extend([GOOD, REFUSED["long_span_id"]])
    body = json_request(request) if is_json else request.SerializeToString()

    n_items, rejections = otlp.check(body, json=is_json, receipt=RECEIPT)
    batch = otlp.read(body, json=is_json, receipt=RECEIPT)

    assert n_items == 5
    assert [refusal.index for refusal in rejections] == [1, 4]
    assert batch.rejections == rejections
    assert len(batch.events) == 3


@BOTH
@pytest.mark.parametrize("body", [b"", b"{}"])
def test_an_empty_request_is_fine(encode, is_json, body):
    body = body if is_json else b""

    assert otlp.check(body, json=is_json, receipt=RECEIPT) == (0, [])
    assert otlp.read(body, json=is_json, receipt=RECEIPT).events == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"\xff\xff\xff", "not an ExportTraceServiceRequest"),
        (as_protobuf(GOOD)[:-3], "not an ExportTraceServiceRequest"),
        (as_protobuf(make_span(name="name")).replace(b"name", b"na\xff\xfe"), "not an Export"),
        (b"{}", "not an ExportTraceServiceRequest"),
    ],
    ids=["garbage", "truncated", "invalid-utf-8", "json"],
)
def test_unreadable_protobuf_is_refused_whole(body, message):
    with pytest.raises(BadBodyError, match=message):
        otlp.check(body, json=False, receipt=RECEIPT)


def test_a_deeply_nested_value_is_refused_whole():
    value = b""
    for _ in range(200):
        item = b"\x0a" + varint(len(value)) + value
        value = b"\x2a" + varint(len(item)) + item
    attribute = b"\x0a\x01k\x12" + varint(len(value)) + value
    span = make_span().SerializeToString() + b"\x4a" + varint(len(attribute)) + attribute
    scope = b"\x12" + varint(len(span)) + span
    resource = b"\x12" + varint(len(scope)) + scope

    with pytest.raises(BadBodyError):
        otlp.check(b"\x0a" + varint(len(resource)) + resource, json=False, receipt=RECEIPT)


def test_logs_on_the_traces_path_get_a_hint():
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    record.time_unix_nano = START_NS
    record.body.string_value = "a line"

    with pytest.raises(BadBodyError, match="these are logs"):
        otlp.check(request.SerializeToString(), json=False, receipt=RECEIPT)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "Input data was truncated"),
        (b"[]", 'this is an array: traces are {"resourceSpans"'),
        (b"\x0a\x02", "malformed"),
        (b'{"resourceLogs": []}', "these are logs"),
        (b'{"resourceMetrics": []}', "these are metrics"),
        (b'{"resource_spans": []}', "lowerCamelCase"),
        (
            b'{"spans": []}',
            'there is no resourceSpans: traces are {"resourceSpans": ',
        ),
        (b'{"resourceSpans": [{"instrumentationLibrarySpans": [{"spans": []}]}]}', "scopeSpans"),
        (b'{"resourceSpans": {}}', "Expected `array"),
        (b'{"resourceSpans": [{"resource": []}]}', None),
        (json_body({"attributes": {"a": 1}}), "attributes are a list of"),
        (b'{"resourceSpans": ' + b"[" * 5000 + b"]" * 5000 + b"}", "Expected `object"),
        (b'{"x": ' + b"[" * 5000 + b"]" * 5000 + b"}", "nested too deeply"),
    ],
)
def test_unreadable_json_is_refused_whole(body, message):
    if message is None:
        assert otlp.check(body, json=True, receipt=RECEIPT) == (0, [])
        return
    with pytest.raises(BadBodyError, match=message):
        otlp.check(body, json=True, receipt=RECEIPT)


def test_more_spans_than_a_request_may_hold_are_refused_whole():
    with pytest.raises(BadBodyError, match="10001 spans in one request, at most 10000"):
        otlp.check(as_protobuf(*[GOOD] * 10_001), json=False, receipt=RECEIPT)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"traceId": "zz"}, "traceId is not hexadecimal"),
        ({"traceId": "W47/95gDgQPSabYzgT/GDA=="}, "not base64"),
        ({"startTimeUnixNano": "soon"}, "not whole nanoseconds"),
        ({"startTimeUnixNano": {}}, "Expected"),
        ({"name": 5}, "Expected `str"),
        ({"attributes": {"a": "b"}}, "attributes are a list of"),
        ({"attributes": [{"key": "k", "value": {"doubleValue": "many"}}]}, "not a number"),
        ({"attributes": [{"key": "k", "value": {"bytesValue": "!"}}]}, "not base64"),
        ({"attributes": [{"key": "k", "value": {"kvlistValue": {"values": [3]}}}]}, "Expected"),
    ],
)
def test_a_malformed_json_span_is_refused_alone(change, reason):
    body = json_body(json_span(GOOD), json_span(GOOD) | change)

    n_items, rejections = otlp.check(body, json=True, receipt=RECEIPT)
    batch = otlp.read(body, json=True, receipt=RECEIPT)

    assert n_items == 2
    assert [(refusal.index, refusal.code) for refusal in rejections] == [(1, "malformed")]
    assert reason in rejections[0].message
    assert batch.rejections == rejections
    assert len(batch.events) == 1


def test_a_json_value_nested_too_deep_is_refused_alone():
    value: object = {"stringValue": "deep"}
    for _ in range(40):
        value = {"arrayValue": {"values": [value]}}
    span = json_span(GOOD) | {"attributes": [{"key": "deep", "value": value}]}

    _, rejections = otlp.check(json_body(json_span(GOOD), span), json=True, receipt=RECEIPT)

    assert rejections == [Rejection(1, "malformed", "an attribute is nested more than 32 deep")]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ({"intValue": "12"}, 12),
        ({"intValue": 12}, 12),
        ({"intValue": "9223372036854775807"}, 2**63 - 1),
        ({"intValue": "9223372036854775808"}, "9223372036854775808"),
        ({"doubleValue": "NaN"}, {"$double": "nan"}),
        ({"doubleValue": "-Infinity"}, {"$double": "-inf"}),
        ({"doubleValue": 1}, 1.0),
        ({"bytesValue": "AP8="}, {"$bytes": "AP8="}),
        ({"stringValue": ""}, ""),
        ({}, None),
        (None, None),
        ({"arrayValue": {}}, []),
        ({"kvlistValue": {"values": [{"key": "a", "value": {"boolValue": False}}]}}, {"a": False}),
        ({"futureValue": 1}, None),
    ],
)
def test_json_values_are_read_as_otlp_says(value, read):
    span = json_span(GOOD) | {"attributes": [{"key": "k", "value": value}]}

    event = otlp.read(json_body(span), json=True, receipt=RECEIPT).events[0]

    assert event.payload.attributes == {"k": read}
    assert type(event.payload.attributes["k"]) is type(read)


def test_lone_surrogates_in_json_are_replaced():
    body = json_body(json_span(GOOD)).replace(b'"chat gpt-4o"', rb'"\ud800 \ud83d\ude00 \\ud800"')

    event = otlp.read(body, json=True, receipt=RECEIPT).events[0]

    assert event.name == "\ufffd 😀 \\ud800"


@pytest.mark.parametrize("is_json", [False, True])
def test_a_span_that_no_rule_foresaw_fails_alone_and_can_be_read_again(is_json, monkeypatch):
    bad = make_span({"session.id": "bad"}, name="bad")
    body = (as_json if is_json else as_protobuf)(GOOD, bad)
    map_span = otlp_spans.map_span

    def break_on_bad(span, raw, context):
        if span.name == "bad":
            raise KeyError("surprise")
        return map_span(span, raw, context)

    monkeypatch.setattr(otlp, "map_span", break_on_bad)
    batch = otlp.read(body, json=is_json, receipt=RECEIPT)
    monkeypatch.undo()

    assert [event.session_own for event in batch.events] == ["good"]
    assert [(f.index, f.reason) for f in batch.failures] == [(1, "KeyError: 'surprise'")]
    again = otlp.read(batch.failures[0].body, json=is_json, receipt=RECEIPT)
    whole = otlp.read(body, json=is_json, receipt=RECEIPT)
    assert again.events == whole.events[1:]
    assert again.origins == whole.origins
