"""A stored span mapped again by the same tables is the same span."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.tracking.adapters.golden import RECORDINGS, read
from tests.tracking.adapters.otlp_building import (
    RECEIPT,
    START_NS,
    make_pairs,
    make_request,
    make_span,
    map_one,
)
from tests.tracking.mapping_back import forget_what_was_read, stored
from tests.tracking.odd_attributes import NAMES, VALUES
from tracking.adapters import otlp
from tracking.adapters.dialects import table
from tracking.adapters.otlp_remap import differs, remap_span

TRACES = [path for path in RECORDINGS if ".logs" not in path.suffixes]


def remap(event, resource=None):
    row, payload = stored(event)
    return remap_span(row, payload, resource or {})


def assert_stays(event, resource=None):
    again = remap(event, resource)
    assert again.payload == stored(event)[1]
    assert again == msgspec.structs.replace(event, payload=again.payload, needs_clock=False)


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_spans_of_real_clients_stay_what_they_are(path):
    batch = read(path)

    for event in batch:
        resource = {
            "service.version": event.release,
            "deployment.environment.name": event.environment,
        }
        assert_stays(event, resource)


@pytest.mark.parametrize(
    "fields",
    [
        {"status": Status(code=Status.STATUS_CODE_ERROR, message="timed out")},
        {"status": Status(code=Status.STATUS_CODE_ERROR, message="x" * 900)},
        {"status": Status(code=7, message="odd")},
        {"status": Status(code=Status.STATUS_CODE_OK, message="fine")},
        {"name": "n\x00", "kind": 3, "flags": 1, "trace_state": "a=b"},
        {"parent_span_id": b"\x01" * 5},
        {"start_time_unix_nano": 0},
        {"end_time_unix_nano": START_NS - 1},
    ],
)
def test_what_is_no_attribute_stays(fields):
    assert_stays(map_one({"langfuse.observation.level": "ERROR", "user.id": "u"}, **fields))


def test_events_and_links_stay():
    span = make_span({"gen_ai.request.model": "m"}, status=Status(code=Status.STATUS_CODE_ERROR))
    span.events.add(name="exception", attributes=make_pairs({"exception.type": "E", "n": b"\x00"}))
    span.events.add(
        name="feature_flag",
        attributes=make_pairs({"feature_flag.key": "tone", "feature_flag.variant": "kind"}),
    )
    span.links.add(trace_id=b"t" * 16, span_id=b"s" * 8, attributes=make_pairs({"a": 1}))
    resource = {"experiment.name": "region", "experiment.variant": "eu", "service.version": "2"}
    body = make_request(span, resource=resource).SerializeToString()
    event = otlp.read(body, json=False, receipt=RECEIPT).events[0]

    assert event.arms == (("region", "eu"), ("tone", "kind"))
    assert_stays(event, resource)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=10), st.sampled_from([0, 1, 2]))
def test_any_attributes_stay(attributes, code):
    assert_stays(map_one(attributes, status=Status(code=code)))


def test_a_key_that_is_new_to_the_tables_fills_its_column(monkeypatch):
    attributes = {"langfuse.session.id": "s", "gen_ai.request.model": "m"}
    with monkeypatch.context() as patched:
        patched.delitem(table.KEYS, "langfuse.session.id")
        forget_what_was_read(patched)
        before = map_one(attributes)

    after = remap(before)

    assert (before.session_own, after.session_own) == ("", "s")
    assert differs(before, after) is True
    assert differs(after, remap(after)) is False


def test_span_kinds_are_numbers_that_stay():
    assert_stays(map_one(kind=Span.SPAN_KIND_CLIENT))
