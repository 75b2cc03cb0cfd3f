"""JSON events that are broken or hostile: each costs itself, with a reason, and no neighbour."""

import contextlib
import json
import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tracking.adapters.analytics as analytics
from tracking.adapters.analytics_points import map_point
from tracking.events import BadBodyError, Receipt

RECEIPT = Receipt(received_us=1_772_700_000_000_000, horizon_us=1_700_000_000_000_000)
GOOD = '{"type": "ok", "timestamp": "2026-03-04T09:15:00Z", "data": {"n": 1}}'
DEEP = "[" * 3000 + "]" * 3000


def read(body):
    """Read a body; the door and the digest must agree."""
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    count, rejected = analytics.check(raw, receipt=RECEIPT)
    batch = analytics.read(raw, receipt=RECEIPT)
    assert batch.rejections == rejected
    assert len(batch.events) + len(rejected) + len(batch.failures) == count
    for event in batch.events:
        msgspec.json.encode(event.payload)
    return batch


def codes(batch):
    return [(rejection.index, rejection.code) for rejection in batch.rejections]


def span(**data):
    times = {"start": "2026-03-04T09:15:00Z", "end": "2026-03-04T09:15:01Z"}
    return json.dumps({"type": "span", "data": times | data})


REFUSED = {
    "text": ('"event"', "not_an_object"),
    "null": ("null", "not_an_object"),
    "array": ("[1]", "not_an_object"),
    "no type": ('{"data": {}}', "type_missing"),
    "empty type": ('{"type": " "}', "type_missing"),
    "type of a number": ('{"type": 5}', "type_missing"),
    "long type": (json.dumps({"type": "é" * 257}), "type_too_long"),
    "data of an array": ('{"type": "a", "data": [1]}', "data_not_an_object"),
    "data of text": ('{"type": "a", "data": "x"}', "data_not_an_object"),
    "nonsense time": ('{"type": "a", "timestamp": "soon"}', "timestamp_invalid"),
    "time of an object": ('{"type": "a", "timestamp": {}}', "timestamp_invalid"),
    "true time": ('{"type": "a", "timestamp": true}', "timestamp_invalid"),
    "year 12000": ('{"type": "a", "timestamp": "12000-01-01"}', "timestamp_invalid"),
    "before the horizon": ('{"type": "a", "timestamp": "2020-01-01"}', "expired"),
    "year 1601": ('{"type": "a", "timestamp": 1}', "expired"),
    "no trace": (span(span_id="a"), "trace_id_missing"),
    "empty trace": (span(trace_id="", span_id="a"), "trace_id_missing"),
    "no span": (span(trace_id="a"), "span_id_missing"),
    "span of an object": (span(trace_id="a", span_id={}), "span_id_missing"),
    "span end": (span(trace_id="a", span_id="b", end="later"), "timestamp_invalid"),
    "twice a key": ('{"type": "a", "data": {"k": 1, "k": 2}}', "duplicate_key"),
    "twice a type": ('{"type": "a", "type": "b"}', "duplicate_key"),
    "nested deep": ('{"type": "a", "data": {"x": ' + "[" * 120 + "]" * 120 + "}}", "too_deep"),
    "nested beyond parsers": ('{"type": "a", "data": {"x": ' + DEEP + "}}", "too_deep"),
    "deep beside data": ('{"type": "a", "x": ' + "[" * 120 + "]" * 120 + "}", "too_deep"),
}


@pytest.mark.parametrize(("item", "code"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("frame", ["[%s, %s, %s]", '{"events": [%s, %s, %s]}', "%s\n%s\n%s"])
def test_it_refuses_an_item_and_no_neighbour(frame, item, code):
    batch = read(frame % (GOOD, item, GOOD))

    assert codes(batch) == [(1, code)]
    assert [event.name for event in batch.events] == ["ok", "ok"]


def test_a_refusal_says_what_to_do():
    (expired,) = read('{"type": "a", "timestamp": "2020-01-01"}').rejections
    (span_shaped,) = read('{"trace_id": "t", "span_id": "s"}').rejections

    assert expired.message == (
        "2020-01-01T00:00:00+00:00 is before 2023-11-14T22:13:20+00:00, the oldest time that this"
        " project keeps"
    )
    assert '{"type": "span", "data": {"trace_id"' in span_shaped.message


@pytest.mark.parametrize("broken", ["{oops}", '{"type": "a"', "hello", '{"a": 1} {"b": 2}'])
def test_a_broken_line_costs_itself(broken):
    batch = read("\n".join([GOOD, broken, "", GOOD]))

    assert codes(batch) == [(1, "json_invalid")]
    assert len(batch.events) == 2


def test_a_first_line_may_be_the_broken_one():
    assert codes(read(f"not json\r\n{GOOD}\r\n{GOOD}\r\n")) == [(0, "json_invalid")]


BODIES = {
    "empty": (b"", "the body is empty"),
    "blank": (b" \n ", "the body is empty"),
    "number": (b"5", "neither an object nor an array"),
    "null": (b"null", "neither an object nor an array"),
    "broken array": (b'[{"type": "a"},\n oops]', "not JSON: .* at line 2, column 2"),
    "truncated": (b'{"events": [{"type": "a"}', "not JSON"),
    "events of an object": (b'{"events": {}}', '"events" must be an array'),
    "twice events": (b'{"events": [], "events": []}', "appears twice"),
    "OTLP": (b'{"resourceSpans": []}', "send it to /v1/traces"),
    "protobuf": (b"\x0a\x99\x01\x0a\x20\xff\xfe", "not JSON"),
    "nested whole": (b"[" * 100_000, "not JSON|nested"),
    "nested object": (b'{"a":' * 100_000, "nested|not JSON"),
    "poison among millions": (b'[{"data": [' + b"1," * 2_000_001 + b"NaN]}]", "too many to find"),
    "too deep and too large": (b'[{"a":' + b"[" * 5_000_000, "nested"),
}


@pytest.mark.parametrize(("body", "message"), BODIES.values(), ids=BODIES)
def test_it_refuses_a_body_that_is_none_of_the_shapes(body, message):
    for door in (analytics.check, analytics.read):
        with pytest.raises(BadBodyError, match=message):
            door(body, receipt=RECEIPT)


@pytest.mark.parametrize("frame", ["[%s]", '{"events": [%s]}'])
def test_it_refuses_more_items_than_a_request_may_hold(frame):
    body = frame % ",".join(["{}"] * 10_001)

    with pytest.raises(BadBodyError, match="may hold 10,000 items; this one holds 10,001"):
        analytics.check(body.encode(), receipt=RECEIPT)


def test_it_refuses_too_many_lines_before_it_parses_them():
    with pytest.raises(BadBodyError, match="10,001"):
        analytics.check(b"{}\n" * 10_001, receipt=RECEIPT)


POISON = {
    "lone surrogate": (r'"a\ud800b"', "a\ufffdb", ("text_replaced",)),
    "NaN": ("NaN", "NaN", ("number_as_text",)),
    "Infinity": ("-Infinity", "-Infinity", ("number_as_text",)),
    "1e400": ("1e400", "1e400", ("number_as_text",)),
    "5,000 digits": ("9" * 5000, "9" * 5000, ("number_as_text",)),
    "NUL": (r'"a\u0000b"', "a\0b", ()),
    "minus zero": ("-0.0", -0.0, ()),
}


@pytest.mark.parametrize(("sent", "kept", "warnings"), POISON.values(), ids=POISON)
def test_a_poison_value_costs_its_field(sent, kept, warnings):
    item = '{"type": "p", "timestamp": "2026-03-04T09:15:00Z", "data": {"metricValue": %s, "b": 2}}'

    batch = read(f"[{GOOD}, {item % sent}, {GOOD}]")

    assert [event.name for event in batch.events] == ["ok", "p", "ok"]
    assert batch.events[1].payload.attributes == {"metricValue": kept, "b": 2}
    assert batch.events[1].warnings == warnings
    assert batch.events[0].warnings == ()


def test_poison_in_names_is_cleaned_for_columns():
    (event,) = read(
        r'{"type": "a\u0000b", "data": {"sessionId": "\ud800", "userId": "u\u0000"}}'
    ).events

    assert (event.name, event.session_own, event.user_own) == ("a\ufffdb", "\ufffd", "u\ufffd")


def test_long_names_fit_a_key():
    (event,) = read(json.dumps({"type": "a", "data": {"sessionId": "s" * 10_000}})).events

    assert len(event.session_own.encode()) <= 512
    assert len(event.trace_id.encode()) <= 512
    assert event.payload.attributes == {"sessionId": "s" * 10_000}


def test_bytes_that_are_no_text_are_replaced():
    batch = read(b'[{"type": "a\xff", "data": {}}, {"type": "b"}]')

    assert [event.name for event in batch.events] == ["a\ufffd", "b"]


def test_ten_thousand_attributes_are_kept():
    attributes = {f"key-{n}": n for n in range(10_000)}

    batch = read(span(trace_id="t", span_id="s", attributes=attributes))

    assert batch.events[0].payload.attributes == attributes


def test_a_bug_of_a_mapper_costs_one_item(monkeypatch):
    def fail_for_some(envelope, identity, receipt):
        if envelope.type == "bad":
            raise RuntimeError("boom")
        return map_point(envelope, identity, receipt)

    monkeypatch.setattr(analytics, "map_point", fail_for_some)

    batch = read(f'[{GOOD}, {{"type": "bad"}}]')

    (failure,) = batch.failures
    assert (failure.index, failure.reason) == (1, "RuntimeError: boom")
    assert json.loads(failure.body) == {"type": "bad"}
    assert len(batch.events) == 1


def test_quotes_that_never_end_do_not_stall_it():
    body = b'[{"a":' + b"[" * 2000 + b'"' + rb"\"" * 200_000

    began = time.process_time()
    with pytest.raises(BadBodyError):
        analytics.check(body, receipt=RECEIPT)

    assert time.process_time() - began < 2


texts = st.text("aé🙂\0\ud800 1$.", max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
KEYS = ["trace_id", "span_id", "start", "end", "model", "tokens", "attributes", "status", "error"]
KEYS += [
    "kind",
    "input",
    "cost_usd",
    "tags",
    "metadata",
    "ttft_ms",
    "runId",
    "metricValue",
    "duration",
]
items = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["span", "variant.complete", "variant.error", "x"]) | values,
        "timestamp": st.just("2026-03-04T09:15:00Z") | values,
        "data": st.dictionaries(st.sampled_from(KEYS), values) | values,
    }
)


@settings(max_examples=40, deadline=None)
@given(st.lists(items, max_size=3))
def test_it_never_fails_whatever_is_sent(sent):
    batch = read(json.dumps(sent))

    assert batch.failures == []


@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,\\ntrue1e\n', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(body):
    with contextlib.suppress(BadBodyError):
        assert read(body).failures == []
