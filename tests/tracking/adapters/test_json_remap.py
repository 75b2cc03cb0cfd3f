"""A stored span that came as JSON, mapped again by the same tables, is the same span."""

import json

import msgspec
import pytest

from tests.tracking.adapters.fallom_samples import PAYLOADS, map_body, map_sample
from tests.tracking.adapters.json_spans import read_span
from tests.tracking.mapping_back import stored
from tracking.adapters.dialects import table
from tracking.adapters.fallom_remap import remap_flat_span
from tracking.adapters.json_remap import remap_json_span

SAMPLES = sorted(path.stem for path in PAYLOADS.glob("trace-*.json"))
CALL = {
    "kind": "llm",
    "model": "gpt-4o",
    "session_id": "s",
    "user_id": "u",
    "tokens": {"input": 7, "output": 3, "cache_read": 2},
    "cost_usd": 0.25,
    "ttft_ms": 120.5,
    "tags": ["a", "b"],
    "metadata": {"tier": "pro", "n": 1},
    "input": [{"role": "user", "content": "Where is my order?"}],
    "output": "On its way.",
    "experiment": "tone",
    "variant": "kind",
    "attributes": {"gen_ai.request.temperature": 0.5, "gen_ai.response.model": "gpt-4o-2024"},
}


def assert_stays(event, remap):
    row, payload = stored(event)
    again = remap(row, payload)
    assert msgspec.to_builtins(again.payload) == msgspec.to_builtins(payload)
    kept = {"payload": again.payload, "needs_clock": False}
    assert again == msgspec.structs.replace(event, **kept)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"status": "error", "error": "timed out", "error_type": "timeout"},
        {"status": "error", "status_message": "x" * 900},
        {"error": {"message": "no", "code": 5}},
        {"status": "odd", "kind": "odd"},
        {"session_id": 5, "sessionId": "other", "customer_id": "c" * 900},
        {"tokens": {"input": 1, "cache_read": 9}},
        {"tokens": {"input": "7", "odd": 3}},
        {"tokens": 5, "ttft_ms": 99_000, "cost_usd": "0.5"},
        {"start": None, "end": None},
        {"end": "2026-03-04T09:14:00Z"},
        {"start": "2026-03-04T09:15:00.123456789Z", "end": "2026-03-04T09:15:00.123456999Z"},
        {"start": "2999-01-01T00:00:00Z", "end": "2999-01-01T00:00:01Z"},
        {"env": "prod", "release": "2", "run_id": "r", "prompt": "p", "prompt_version": 3},
        {"attributes": {"assay.experiment": "other", "assay.variant": "b", "session.id": "z"}},
        {"attributes": {"experiment.name": "other", "experiment.variant": "b"}},
        {"attributes": {"langfuse.observation.level": "ERROR", "langfuse.environment": "eu"}},
        {"attributes": {"evaluations.0.evaluation.name": "t", "evaluations.0.evaluation.score": 1}},
        {"attributes": "odd", "further": {"a": [1]}, "name": "n" * 900},
        {"attributes": {"gen_ai.usage.input_tokens": 9, "x": {"$double": "nan"}, "y": [{"a": 1}]}},
        {"metadata": {"deep": {"a": {"b": 1}}}, "tags": "one, two"},
        {"input": "", "output": None, "system": "Be kind.", "model": None, "provider": "openai"},
    ],
)
def test_a_json_span_stays(fields):
    sent = {key: value for key, value in {**CALL, **fields}.items() if value is not None}

    assert_stays(read_span(**sent), remap_json_span)
    assert_stays(read_span(**fields), remap_json_span)


@pytest.mark.parametrize("sample", SAMPLES)
def test_spans_of_fallom_stay(sample):
    assert_stays(map_sample(sample), remap_flat_span)


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "ERROR", "error_message": "Error code: 429 - slow down"},
        {"status": "odd", "kind": "preprocessing", "model": None},
        {"duration_ms": 5, "time_to_first_token_ms": 99_000},
        {"end_time": None, "duration_ms": None},
        {"start_time": None, "end_time": None, "duration_ms": None},
        {"prompt_ab_test_key": "tone", "prompt_variant_index": 1},
        {"metadata": {"deep": {"a": 1}}, "tags": ["a"], "customer_id": 7, "own": {"x": 1}},
        {"attributes": {"input": "asked", "output": {"said": 1}, "fallom.method": "x"}},
        {"attributes": {"fallom.raw.request": '"lone"', "fallom.raw.response": '"\\"quoted\\""'}},
        {"attributes": {"fallom.raw.request": {"model": "m"}, "fallom.raw.response": [1]}},
        {"attributes": {"fallom.own": 5}, "own": 5},
    ],
)
def test_a_flat_span_stays(fields):
    assert_stays(map_sample("trace-openai-chat", **fields), remap_flat_span)


def test_what_newer_tables_understand_is_read(monkeypatch):
    sent = {"session.id": "s", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 7}
    names = ("session.id", "gen_ai.usage.input_tokens")
    flat = {"trace_id": "a" * 32, "span_id": "b" * 16, "name": "x", "attributes": sent}
    with monkeypatch.context() as older:
        for name in names:
            older.delitem(table.KEYS, name)
        older.setattr("tracking.adapters.analytics_fields._entries", {})
        of_json, of_fallom = read_span(attributes=sent), map_body(json.dumps(flat).encode())
    assert of_json.session_own == of_fallom.session_own == ""
    monkeypatch.setattr("tracking.adapters.analytics_fields._entries", {})

    for event, remap in ((of_json, remap_json_span), (of_fallom, remap_flat_span)):
        again = remap(*stored(event))
        assert again is not None
        assert (again.session_own, again.tokens_in) == ("s", 7)


def test_a_flat_span_without_its_content_is_left_alone():
    event = map_sample("trace-openai-chat", metadata={"capture_content": False})

    assert event.warnings == ("content_dropped",)
    assert remap_flat_span(*stored(event)) is None
