"""Whatever stands in the fields of a flat span, it is an event that can be stored."""

import json
import math

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracking.adapters.fallom_samples import RECEIPT, load
from tracking.adapters import fallom, fallom_metrics
from tracking.adapters.dialects.messages import messages_of
from tracking.phases import list_phases

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = sorted(load("trace-openai-chat").keys() - {"trace_id", "span_id", "attributes"})
RAWS = ["request", "response", "usage", "timings", "metadata", "providerMetadata"]
INNER = ["messages", "model", "system", "input", "prompt", "contents", "text", "toolCalls"]
INNER += ["steps", "output", "choices", "usage", "finishReason", "phases", "prompt_tokens"]
bodies = st.dictionaries(st.sampled_from(INNER), values, max_size=4)
raws = st.dictionaries(
    st.sampled_from([f"fallom.raw.{name}" for name in RAWS]) | st.text(),
    bodies.map(json.dumps) | values,
    max_size=5,
)
spans = st.fixed_dictionaries(
    {"trace_id": st.just("t"), "span_id": st.just("s"), "attributes": raws | values},
    optional=dict.fromkeys(FIELDS, values),
)
QUICK = settings(max_examples=150, derandomize=True, deadline=None, database=None)


def columns_of(event):
    return [
        getattr(event, name) for name in event.__struct_fields__ if name not in ("id", "payload")
    ]


@QUICK
@given(spans)
def test_any_span_becomes_an_event(span):
    batch = fallom.read(json.dumps(span).encode(), receipt=RECEIPT)

    assert batch.failures == []
    for event in batch.events:
        msgspec.json.encode(event.payload)
        texts = [text for text in columns_of(event) if isinstance(text, str)]
        assert not any("\0" in text or len(text.encode()) > 4096 for text in texts)
        assert all(math.isfinite(value) for _, value in event.metrics)


@QUICK
@given(spans)
def test_any_span_can_be_shown(span):
    for event in fallom.read(json.dumps(span).encode(), receipt=RECEIPT).events:
        attributes = event.payload.attributes or {}
        for direction in ("input", "output"):
            for message in messages_of(event.payload, attributes, direction):
                assert all(isinstance(part.text, str) for part in message.parts)
        for phase in list_phases(attributes, 10.0):
            assert 0 <= phase.offset <= phase.offset + phase.width <= 1.000001


@QUICK
@given(st.lists(st.dictionaries(st.text(max_size=3), values, max_size=4), min_size=1, max_size=3))
def test_any_metrics_become_an_event(said):
    bodies = [{"session_id": "s", "config_key": "c", "data": data} for data in said]

    parts = fallom_metrics.read(json.dumps(bodies).encode(), receipt=RECEIPT).parts
    (event,) = fallom_metrics.derive("k", parts).events

    msgspec.json.encode(event.payload)
    assert all(math.isfinite(value) and "\0" not in name for name, value in event.metrics)
