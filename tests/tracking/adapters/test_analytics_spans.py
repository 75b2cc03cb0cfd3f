"""Spans sent as JSON events: fields and attributes to columns, nothing lost."""

import pytest

from tests.tracking.adapters.json_spans import SPAN, TRACE, read_span
from tracking.adapters.dialects.attributes import rebuild_attributes
from tracking.events import Kind, Status
from tracking.identity import span_identity


def test_it_reads_every_field():
    event = read_span(
        parent_span_id="00F067AA0BA902B7",
        kind="llm",
        status="ok",
        session_id="s",
        user_id="u",
        model="gpt-4o",
        provider="openai",
        tokens={"input": 10, "output": 5, "cache_read": 3, "cache_write": 2, "reasoning": 1},
        cost_usd=0.01,
        ttft_ms=120.5,
        environment="staging",
        prompt="answer",
        prompt_version=7,
        experiment="tone",
        variant="warm",
        tags=["vip"],
        metadata={"plan": "gold"},
        input="hi",
        output=[{"role": "assistant"}],
    )

    assert (event.name, event.kind, event.status) == ("work", Kind.LLM, Status.OK)
    assert (event.trace_id, event.span_id, event.parent_span_id) == (
        TRACE,
        SPAN,
        "00f067aa0ba902b7",
    )
    assert (event.occurred_us, event.duration_us) == (1_772_615_700_000_000, 1_500_000)
    assert (event.session_own, event.user_own, event.environment) == ("s", "u", "staging")
    assert (event.provider, event.model, event.model_requested) == ("openai", "gpt-4o", "gpt-4o")
    assert (event.tokens_in, event.tokens_out, event.tokens_reasoning) == (10, 5, 1)
    assert (event.tokens_cache_read, event.tokens_cache_write) == (3, 2)
    assert (event.cost_reported, event.ttft_us) == (0.01, 120_500)
    assert (event.prompt_key, event.prompt_version) == ("answer", "7")
    assert event.arms == (("tone", "warm"),)
    assert (event.tags, event.metadata) == (("vip",), '{"plan":"gold"}')
    assert (event.payload.input, event.payload.output) == ("hi", '[{"role":"assistant"}]')
    assert event.warnings == ()


def test_it_is_the_span_that_other_formats_send():
    assert read_span(trace_id=TRACE.upper()).id == span_identity(TRACE, SPAN)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({}, Kind.CHAIN),
        ({"model": "gpt-4o"}, Kind.LLM),
        ({"tokens": {"input": 1}}, Kind.LLM),
        ({"kind": "tool", "model": "gpt-4o"}, Kind.TOOL),
        ({"kind": "TOOL"}, Kind.TOOL),
        ({"kind": "SERVER"}, Kind.CHAIN),
        ({"model": "m", "attributes": {"openinference.span.kind": "AGENT"}}, Kind.AGENT),
        ({"model": "m", "attributes": {"gen_ai.operation.name": "embeddings"}}, Kind.EMBEDDING),
    ],
)
def test_it_settles_the_kind(data, kind):
    assert read_span(**data).kind == kind


@pytest.mark.parametrize(
    ("data", "status", "error"),
    [
        ({}, Status.UNSET, ""),
        ({"status": "OK"}, Status.OK, ""),
        ({"status": "Error", "status_message": "boom"}, Status.ERROR, "boom"),
        ({"status": 2, "status_message": "boom"}, Status.ERROR, "boom"),
        ({"error": "boom"}, Status.ERROR, "boom"),
        ({"error": {"message": "boom"}}, Status.ERROR, "boom"),
        ({"status": "ok", "status_message": "fine"}, Status.OK, ""),
        ({"status": True}, Status.UNSET, ""),
        ({"status": ["odd"]}, Status.UNSET, ""),
    ],
)
def test_it_settles_the_status(data, status, error):
    event = read_span(**data)

    assert (event.status, event.error) == (status, error)


def test_fields_win_over_attributes_which_are_kept():
    attributes = {
        "gen_ai.request.model": "asked",
        "gen_ai.response.model": "answered",
        "gen_ai.usage.input_tokens": 99,
        "user.id": "u",
        "own": [1, {"deep": None}],
    }

    event = read_span(model="said", tokens={"input": 1}, user_id="u", attributes=attributes)

    assert (event.model, event.model_requested, event.tokens_in) == ("said", "asked", 1)
    assert rebuild_attributes(event, event.payload) == attributes


def test_attributes_alone_fill_the_columns():
    attributes = {"gen_ai.request.model": "gpt-4o", "session.id": "s", "assay.prompt": "answer"}

    event = read_span(attributes=attributes)

    assert (event.model_requested, event.session_own, event.prompt_key) == ("gpt-4o", "s", "answer")
    assert rebuild_attributes(event, event.payload) == attributes


def test_what_no_column_holds_is_kept():
    event = read_span(kind="SERVER", tokens={"input": 1, "audio": 5}, own={"a": 1}, status="odd")

    assert event.payload.extra == {
        "data": {
            "kind": "SERVER",
            "tokens": {"input": 1, "audio": 5},
            "own": {"a": 1},
            "status": "odd",
        }
    }


@pytest.mark.parametrize("tokens", ["many", 5, {"input": "x", "output": -1, "reasoning": 2**70}])
def test_token_counts_that_cannot_be_cost_the_field_alone(tokens):
    event = read_span(tokens=tokens)

    assert (event.tokens_in, event.tokens_out, event.tokens_reasoning) == (None, None, None)
    assert event.payload.extra == {"data": {"tokens": tokens}}


@pytest.mark.parametrize(
    ("times", "duration_us", "warning"),
    [
        ({"start": 1_772_615_700_000_000_000, "end": "1772615701500000000"}, 1_500_000, ()),
        ({"start": 1_772_615_700.0, "end": 1_772_615_701.5}, 1_500_000, ()),
        ({"end": None, "duration_ms": 20}, 20_000, ()),
        ({"end": None}, 0, ("end_missing",)),
        ({"end": "2026-03-04T09:14:00Z"}, 0, ("end_before_start",)),
        ({"start": None, "start_time_unix_nano": "1772615700000000000"}, 1_500_000, ()),
    ],
)
def test_it_settles_the_times(times, duration_us, warning):
    event = read_span(**times)

    assert (event.duration_us, event.warnings) == (duration_us, warning)


def test_nanoseconds_are_kept():
    event = read_span(start="2026-03-04T09:15:00.000000123Z", end="2026-03-04T09:15:00.000001456Z")

    assert (event.duration_us, event.ns_rest) == (1, 123_456)


def test_ids_of_any_text_are_kept():
    assert read_span(trace_id="order 7", span_id=12).span_id == "12"
    assert read_span(parent_span_id="0000000000000000").parent_span_id == ""


def test_what_a_resource_would_say_may_stand_among_the_attributes():
    event = read_span(
        attributes={"deployment.environment.name": "production", "service.version": "1.4"}
    )

    assert (event.environment, event.release) == ("production", "1.4")
