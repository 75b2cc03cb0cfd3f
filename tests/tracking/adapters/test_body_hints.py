"""A body that is no JSON, or another format than its headers say: the answer names the mistake."""

import gzip
import json

import pytest

from tests.tracking.adapters.otlp_building import RECEIVED_US as NOW_US
from tracking.adapters import analytics, otlp, otlp_logs
from tracking.events import BadBodyError, Receipt

RECEIPT = Receipt(NOW_US, 0, {})
TRACES, LOGS = b'{"resourceSpans": []}', b'{"resourceLogs": []}'
GZIPPED = gzip.compress(TRACES, mtime=0)  # the same in each process that collects tests


def refusal_of(check, body, **how):
    with pytest.raises(BadBodyError) as caught:
        check(body, receipt=RECEIPT, **how)
    return str(caught.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{'type': 'a'}", "double quotes"),
        (b'{"type": "a", "data": None}', "null, true and false"),
        (b'[{"type": "a"}, True]', "null, true and false"),
        (b'{"events": [{"type": "a"},]}', "a comma stands before the end"),
        (b'{"type": "a", \n}', "a comma stands before the end"),
        (GZIPPED, "Content-Encoding: gzip"),
        (b"type=a&data=b", 'send {"type"'),
        (b"", "the body is empty: send"),
    ],
)
def test_events_that_are_no_json(body, said):
    assert said in refusal_of(analytics.check, body)


def test_a_broken_line_says_so_alone():
    lines = [{"type": "a"}, {"type": "b"}]
    body = "\n".join([*map(json.dumps, lines), "{'type': 'c'}"]).encode()

    n_items, [rejection] = analytics.check(body, receipt=RECEIPT)

    assert (n_items, rejection.index, rejection.code) == (3, 2, "json_invalid")
    assert rejection.message.endswith("; texts and names stand in double quotes")


@pytest.mark.parametrize("check", [otlp.check, otlp_logs.check])
@pytest.mark.parametrize(
    ("body", "is_json", "said"),
    [
        (TRACES, False, "Content-Type: application/json"),
        (GZIPPED, False, "Content-Encoding: gzip"),
        (GZIPPED, True, "Content-Encoding: gzip"),
        (b"\x0a\x10\x01", True, "Content-Type: application/x-protobuf"),
    ],
)
def test_otlp_under_the_wrong_headers(check, body, is_json, said):
    assert said in refusal_of(check, body, json=is_json)


def test_traces_and_logs_that_mistook_the_door():
    assert refusal_of(otlp.check, LOGS, json=True).startswith("these are logs: post them to /v1/l")
    assert refusal_of(otlp_logs.check, TRACES, json=True) == (
        "these are traces: post them to /v1/traces"
    )


def span(**fields):
    ids = {"traceId": "ab" * 16, "spanId": "cd" * 8, "startTimeUnixNano": str(NOW_US * 1000)}
    spans = [{**ids, "spanId": "ef" * 8}, {**ids, **fields}]
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "SPAN_KIND_CLIENT"}, "enums by number"),
        ({"status": {"code": "STATUS_CODE_OK"}}, "enums by number"),
        ({"status": "OK"}, 'a status is {"code"'),
        ({"attributes": {"a": 1}}, 'a list of {"key"'),
        ({"attributes": [{"key": "a", "value": 5}]}, 'a value is {"stringValue"'),
        ({"traceId": "q83v" * 6}, "not base64"),
    ],
)
def test_a_span_in_another_form_names_the_nearest(fields, said):
    n_spans, [rejection] = otlp.check(span(**fields), json=True, receipt=RECEIPT)

    assert (n_spans, rejection.index) == (2, 1)
    assert said in rejection.message


def test_a_time_of_another_unit_is_suspected():
    receipt = Receipt(NOW_US, NOW_US - 86_400_000_000, {})
    old = NOW_US - 2 * 86_400_000_000
    body = span(startTimeUnixNano=str(NOW_US // 1_000_000))

    _, [in_seconds] = otlp.check(body, json=True, receipt=receipt)
    _, [too_old] = otlp.check(span(startTimeUnixNano=str(old * 1000)), json=True, receipt=receipt)

    assert in_seconds.message.startswith("startTimeUnixNano: 1970-01-01T00:00:01+00:00 is before")
    assert in_seconds.message.endswith("is it in nanoseconds?")
    assert too_old.message.endswith("the oldest time that this project keeps")
