"""Spans to events: columns, payload, and everything that a span says beside its attributes."""

import itertools

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.tracking.adapters.otlp_building import (
    DURATION_NS,
    RECEIPT,
    RECEIVED_US,
    START_NS,
    json_request,
    make_pairs,
    make_request,
    make_span,
    map_one,
)
from tracking.adapters import otlp
from tracking.events import Kind
from tracking.events import Status as EventStatus
from tracking.identity import span_identity

RICH = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.output_tokens": 70_000,
    "gen_ai.usage.cost": 0.0125,
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.input.messages": '[{"role":"user","parts":[]}]',
    "session.id": "s-1",
    "assay.experiment": "tone",
    "assay.variant": "friendly",
    "tag.tags": ["eu", "beta"],
    "flag": True,
    "nothing": None,
    "raw": b"\x00\xff",
    "ratio": float("nan"),
    "nested": {"a": [1, 1.0, True, {"b": "c"}]},
    "empty": "",
}


def exception(**attributes: str) -> Span.Event:
    named = {f"exception.{name}": value for name, value in attributes.items()}
    return Span.Event(name="exception", time_unix_nano=START_NS, attributes=make_pairs(named))


def test_it_fills_the_columns_of_a_model_call():
    event = map_one(RICH)

    assert (event.kind, event.operation, event.name) == (Kind.LLM, "chat", "chat gpt-4o")
    assert (event.model_requested, event.model) == ("gpt-4o", "gpt-4o")
    assert (event.tokens_in, event.tokens_out, event.cost_reported) == (1200, 70_000, 0.0125)
    assert (event.session_own, event.arms) == ("s-1", (("tone", "friendly"),))
    assert (event.finish_reason, event.tags) == ("stop", ("eu", "beta"))
    assert event.payload.input == '[{"role":"user","parts":[]}]'


def test_it_keeps_what_no_column_holds():
    event = map_one(RICH)

    assert event.payload.attributes == {
        "flag": True,
        "nothing": None,
        "raw": {"$bytes": "AP8="},
        "ratio": {"$double": "nan"},
        "nested": {"a": [1, 1.0, True, {"b": "c"}]},
        "empty": "",
    }


def test_it_identifies_a_span_by_its_ids():
    event = map_one()

    assert event.trace_id == "0102030405060708090a0b0c0d0e0f10"
    assert event.id == span_identity(event.trace_id, "0102030405060708")


def test_it_keeps_times_to_the_nanosecond():
    event = map_one()

    start_ns = event.occurred_us * 1000 + event.ns_rest // 1000
    end_ns = (event.occurred_us + event.duration_us) * 1000 + event.ns_rest % 1000
    assert (start_ns, end_ns) == (START_NS, START_NS + DURATION_NS)


@pytest.mark.parametrize("span", [make_span(RICH), make_span(RICH, events=[exception(type="E")])])
def test_it_gives_equal_events_of_both_encodings(span):
    span.status.code = Status.STATUS_CODE_ERROR
    span.links.add(trace_id=b"t" * 16, span_id=b"s" * 8, attributes=make_pairs({"a": 1}))
    request = make_request(span, resource={"service.version": "2.1", "n": 3})

    from_protobuf = otlp.read(request.SerializeToString(), json=False, receipt=RECEIPT)
    from_json = otlp.read(json_request(request), json=True, receipt=RECEIPT)

    assert from_json == from_protobuf
    assert len(from_json.events) == 1


def test_the_order_of_attributes_says_nothing():
    attributes = {
        "llm.model_name": "c",
        "gen_ai.request.model": "a",
        "llm.request.model_name": "b",
        "gen_ai.system": "x",
        "gen_ai.provider.name": "y",
        "llm.provider": "x",
    }
    events = [
        map_one({name: attributes[name] for name in names})
        for names in itertools.permutations(attributes)
    ]

    assert {(event.model_requested, event.provider) for event in events} == {("a", "y")}
    assert len({event.seen for event in events}) == 1
    assert all(event.payload == events[0].payload for event in events)


def test_it_takes_environment_release_and_origin_from_the_resource():
    resource = {
        "deployment.environment": "old",
        "deployment.environment.name": "production",
        "service.version": "1.2",
    }
    body = make_request(make_span(), resource=resource).SerializeToString()

    batch = otlp.read(body, json=False, receipt=RECEIPT)

    event = batch.events[0]
    assert (event.environment, event.release) == ("production", "1.2")
    assert b'"service.version":"1.2"' in batch.origins[event.origin]


def test_a_resource_may_be_a_variant():
    body = make_request(
        make_span(), resource={"assay.experiment": "tone", "assay.variant": "terse"}
    ).SerializeToString()

    event = otlp.read(body, json=False, receipt=RECEIPT).events[0]

    assert event.arms == (("tone", "terse"),)


def test_an_error_has_a_type_and_a_message():
    status = Status(code=Status.STATUS_CODE_ERROR, message="timed out")

    event = map_one({"error.type": "timeout"}, status=status)

    assert (event.status, event.error_type, event.error) == (
        EventStatus.ERROR,
        "timeout",
        "timed out",
    )
    assert event.payload.extra is None


def test_an_exception_event_stands_in_for_the_message():
    status = Status(code=Status.STATUS_CODE_ERROR)

    event = map_one(status=status, events=[exception(type="ValueError", message="no\x00")])

    assert (event.error_type, event.error) == ("ValueError", "no\ufffd")
    assert event.payload.span_events == [
        ["exception", START_NS, {"exception.type": "ValueError", "exception.message": "no\x00"}]
    ]


def test_a_long_message_is_cut_in_the_column_and_whole_in_the_payload():
    event = map_one(status=Status(code=Status.STATUS_CODE_ERROR, message="x" * 900))

    assert event.error == "x" * 500
    assert event.payload.extra == {"status_message": "x" * 900}


def test_it_keeps_what_a_span_says_beside_its_attributes():
    event = map_one(kind=99, flags=257, trace_state="a=b", dropped_attributes_count=3)

    assert event.payload.extra == {
        "kind": 99,
        "flags": 257,
        "trace_state": "a=b",
        "dropped_attributes": 3,
    }


@pytest.mark.parametrize(("sent", "parent"), [(b"", ""), (bytes(8), ""), (b"\x01" * 8, "01" * 8)])
def test_a_parent_id_of_zeros_is_none(sent, parent):
    assert map_one(parent_span_id=sent).parent_span_id == parent


def test_poison_is_cleaned_from_names_alone():
    event = map_one({"session.id": "a\x00b", "note\x00": "\x00"}, name="n\x00")

    assert (event.name, event.session_own) == ("n\ufffd", "a\ufffdb")
    assert event.payload.attributes == {"session.id": "a\x00b", "note\x00": "\x00"}
    assert event.payload.extra == {"name": "n\x00"}


def test_a_long_id_is_hashed_in_the_column_and_whole_in_the_attributes():
    long = "é" * 400

    event = map_one({"session.id": long})

    assert event.session_own.startswith("é" * 200)
    assert len(event.session_own.encode()) <= 512
    assert event.payload.attributes == {"session.id": long}


DAY_NS = 86_400 * 10**9
RECEIVED_NS = RECEIVED_US * 1000


@pytest.mark.parametrize(
    ("start_ns", "end_ns", "warnings", "needs_clock", "duration_us"),
    [
        (0, START_NS, ("clock_missing",), True, 0),
        (1, START_NS, ("clock_missing",), True, 0),
        (RECEIVED_NS + DAY_NS + 1000, RECEIVED_NS + DAY_NS + 9000, ("clock_ahead",), True, 8),
        (2**64 - 1, 2**64 - 1, ("clock_ahead",), True, 0),
        (2**64 - 1, 5, ("clock_ahead", "end_before_start"), True, 0),
        (START_NS, 0, ("end_missing",), False, 0),
        (START_NS, START_NS - 1, ("end_before_start",), False, 0),
        (START_NS, 2**63, ("end_ahead",), False, 0),
        (START_NS, RECEIVED_NS + DAY_NS + 1000, ("end_ahead",), False, 0),
        (
            RECEIVED_NS + DAY_NS,
            RECEIVED_NS + DAY_NS + 1000,
            ("clock_skew", "end_ahead"),
            False,
            0,
        ),
    ],
)
def test_odd_times_cost_a_warning(start_ns, end_ns, warnings, needs_clock, duration_us):
    event = map_one(start_time_unix_nano=start_ns, end_time_unix_nano=end_ns)

    assert (event.warnings, event.needs_clock) == (warnings, needs_clock)
    assert event.duration_us == duration_us
    assert event.occurred_us == (RECEIVED_US if needs_clock else start_ns // 1000)
    if warnings:
        assert event.payload.extra == {"start_ns": start_ns, "end_ns": end_ns}


MINUTE_NS = 60 * 10**9


@pytest.mark.parametrize(
    ("start_ns", "end_ns", "warnings"),
    [
        (RECEIVED_NS - MINUTE_NS, RECEIVED_NS, ()),
        (RECEIVED_NS, RECEIVED_NS + MINUTE_NS + 7, ()),
        (RECEIVED_NS + 3, RECEIVED_NS + MINUTE_NS + 1001, ("clock_skew",)),
        (RECEIVED_NS + 60 * MINUTE_NS, RECEIVED_NS + 61 * MINUTE_NS + 5, ("clock_skew",)),
        (RECEIVED_NS + DAY_NS, RECEIVED_NS + DAY_NS, ("clock_skew",)),
    ],
)
def test_a_clock_ahead_by_less_than_a_day_is_told_and_changes_no_time(start_ns, end_ns, warnings):
    event = map_one(start_time_unix_nano=start_ns, end_time_unix_nano=end_ns)

    assert (event.warnings, event.needs_clock) == (warnings, False)
    assert (event.occurred_us, event.duration_us) == (
        start_ns // 1000,
        end_ns // 1000 - start_ns // 1000,
    )
    assert event.ns_rest == start_ns % 1000 * 1000 + end_ns % 1000
    assert event.payload.extra is None


def test_the_same_content_has_the_same_rank_and_another_has_another():
    assert map_one(RICH).content_rank == map_one(RICH).content_rank
    assert map_one(RICH).content_rank != map_one({**RICH, "flag": False}).content_rank


def test_ten_thousand_attributes_are_one_span():
    event = map_one({f"key.{n}": n for n in range(10_000)})

    assert len(event.payload.attributes) == 10_000
