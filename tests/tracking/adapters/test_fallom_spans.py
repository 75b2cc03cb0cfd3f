"""What each of Fallom's producers means by its span."""

import json
from typing import Any

import pytest

from tests.tracking.adapters.fallom_samples import (
    PAYLOADS,
    load,
    map_body,
    map_sample,
    said_in,
    said_out,
    with_raw,
)
from tracking.events import IncomingEvent, Kind, Status

# name → (kind, operation, provider, model asked, model that answered, tokens in and out, finish)
CALLS = {
    "trace-openai-chat": (
        *(Kind.LLM, "chat", "openai", "gpt-4o", "gpt-4o-2024-08-06"),
        *(88, 17, "tool_calls"),
    ),
    "trace-openai-responses": (
        *(Kind.LLM, "chat", "openai", "gpt-4o", "gpt-4o"),
        *(9, 4, "completed"),
    ),
    "trace-anthropic": (
        *(Kind.LLM, "chat", "anthropic", "claude-3-5-sonnet-20241022"),
        *("claude-3-5-sonnet-20241022", 61, 29, "tool_use"),
    ),
    "trace-google": (
        *(Kind.LLM, "generate_content", "google", "gemini-1.5-flash", "gemini-1.5-flash"),
        *(3, 2, "STOP"),
    ),
    "trace-vercel-generate-text": (
        *(Kind.LLM, "chat", "openai", "gpt-4o", "gpt-4o"),
        *(52, 14, "stop"),
    ),
    "trace-vercel-stream-text": (
        *(Kind.LLM, "chat", "anthropic", "claude-3-5-sonnet", "claude-3-5-sonnet"),
        *(8, 120, "stop"),
    ),
    "trace-vercel-generate-object": (
        *(Kind.LLM, "chat", "openai", "gpt-4o", "gpt-4o"),
        *(30, 6, "stop"),
    ),
    "trace-model-dostream": (
        *(Kind.LLM, "chat", "openai", "gpt-4o", "gpt-4o"),
        *(None, None, ""),
    ),
    "trace-mastra-agent": (Kind.AGENT, "invoke_agent", "", "", "", 4, 2, ""),
    "trace-langchain-chain": (Kind.CHAIN, "", "", "", "", None, None, ""),
    "trace-langchain-llm": (Kind.LLM, "chat", "openai", "gpt-4o", "gpt-4o", 8, 2, ""),
    "trace-langchain-tool": (Kind.TOOL, "execute_tool", "", "", "", None, None, ""),
    "trace-langchain-retriever": (Kind.RETRIEVER, "retrieval", "", "", "", None, None, ""),
    "trace-manual-span": (Kind.RETRIEVER, "", "", "", "", None, None, ""),
    "trace-geval-judge": (
        *(Kind.LLM, "chat", "", "openai/gpt-4o-mini", "openai/gpt-4o-mini"),
        *(410, 90, ""),
    ),
    "trace-error": (Kind.LLM, "chat", "openai", "gpt-4o", "gpt-4o", None, None, ""),
    "trace-privacy-mode": (Kind.LLM, "chat", "openai", "gpt-4o", "gpt-4o", 10, 2, ""),
}

# name → what went in, what came out
SAID: dict[str, tuple[list[tuple[str, str]], list[tuple[str, str]]]] = {
    "trace-openai-chat": (
        [("system", "You help."), ("user", "Where is order 7?")],
        [("assistant", 'find_order({"id":7})#call_1')],
    ),
    "trace-openai-responses": ([("user", "Hello!")], [("assistant", "Hi there")]),
    "trace-anthropic": (
        [("system", "Be brief."), ("user", "Weather in Oslo?")],
        [("assistant", 'Checking. | weather({"city":"Oslo"})#toolu_1')],
    ),
    "trace-google": ([("user", "Hello!")], [("assistant", "Hi.")]),
    "trace-vercel-generate-text": (
        [("user", "Weather?")],
        [
            ("assistant", 'weather({"city":"Oslo"})#c1'),
            ("tool", "weather gave sun#c1"),
            ("assistant", "Sunny."),
        ],
    ),
    "trace-vercel-stream-text": ([("user", "Hi!")], [("assistant", "Hello.")]),
    "trace-vercel-generate-object": ([("user", "Extract")], [("assistant", '{"name":"Ada"}')]),
    "trace-model-dostream": ([], []),
    "trace-mastra-agent": ([("user", "Hello")], [("assistant", "Hi")]),
    "trace-langchain-chain": ([("user", "Hello")], [("assistant", "Hi")]),
    "trace-langchain-llm": (
        [("human", "Hello")],
        [("assistant", 'Hi | find({"q":"x"})#c1')],
    ),
    "trace-langchain-tool": ([("user", "x")], [("assistant", "none")]),
    "trace-manual-span": ([("user", "order 7")], [("assistant", '[{"id":"d1"}]')]),
    "trace-geval-judge": ([("user", "(judge prompt)")], [("assistant", '{"score":0.85}')]),
    "trace-error": ([], []),
    "trace-privacy-mode": ([], []),
}


def understood(event: IncomingEvent) -> tuple[Any, ...]:
    return (
        *(event.kind, event.operation, event.provider, event.model_requested, event.model),
        *(event.tokens_in, event.tokens_out, event.finish_reason),
    )


@pytest.mark.parametrize("name", CALLS)
def test_it_understands_the_call(name):
    assert understood(map_sample(name)) == CALLS[name]


@pytest.mark.parametrize("name", SAID)
def test_it_reads_what_was_said(name):
    event = map_sample(name)

    assert (said_in(event), said_out(event)) == SAID[name]


def test_every_sample_is_told():
    assert {path.stem for path in PAYLOADS.glob("trace-*.json")} == CALLS.keys()


@pytest.mark.parametrize("name", CALLS)
def test_nothing_that_was_sent_is_lost(name):
    """Each attribute is an attribute still, or the input or output; each field has its column."""
    event, sent = map_sample(name), load(name)
    attributes = dict(event.payload.attributes or {})
    bodies = {"input": event.payload.input, "output": event.payload.output}
    columns = {
        "gen_ai.usage.prompt_tokens": event.tokens_in,
        "gen_ai.usage.completion_tokens": event.tokens_out,
    }
    for key, value in sent["attributes"].items():
        slot = {"fallom.raw.request": "input", "fallom.raw.response": "output"}.get(key, key)
        if slot in bodies:
            plain = isinstance(value, str) and not value.startswith('"')
            wanted = json.loads(value) if key != slot and not plain else value
            found = bodies[slot]
            assert found == wanted or json.loads(str(found)) == wanted
        else:
            assert columns.get(key, attributes.get(key)) == value


def test_common_fields_fill_their_columns():
    event = map_sample("trace-openai-chat")

    assert (event.config_key, event.session_own, event.user_own) == (
        *("support-agent", "session-123", "user-456"),
    )
    assert event.tags == ("production", "chat")
    assert json.loads(event.metadata) == {"deployment": "eu-1", "beta": True, "shard": 3}
    assert (event.prompt_key, event.prompt_version) == ("onboarding", "2")
    assert event.arms == (("onboarding-test", "1"),)
    assert (event.trace_id, event.span_id) == (
        *("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"),
    )
    assert (event.occurred_us, event.duration_us) == (1_772_615_700_000_000, 1_240_000)
    assert (event.status, event.warnings) == (Status.OK, ())


def test_times_to_the_first_token_come_from_wherever_they_are():
    timings = {"requestStart": 0, "firstTokenTime": 300, "responseEnd": 3100}

    assert map_sample("trace-vercel-stream-text").ttft_us == 420_000
    assert map_sample("trace-vercel-stream-text", time_to_first_token_ms=77).ttft_us == 77_000
    assert with_raw("trace-openai-chat", timings=timings).ttft_us == 300_000


def test_a_first_token_after_the_end_is_no_column():
    event = map_sample("trace-vercel-stream-text", time_to_first_token_ms=99_000)

    assert (event.ttft_us, event.warnings) == (None, ("ttft_longer_than_span",))
    assert (event.payload.attributes or {})["fallom.span.time_to_first_token_ms"] == 99_000


def test_a_judges_score_is_a_metric():
    (found,) = map_sample("trace-geval-judge").evaluations

    assert (found.name, found.value, found.source) == ("faithfulness", 0.85, "judge")
    assert found.comment == "Mostly grounded."


@pytest.mark.parametrize(
    ("attributes", "model", "provider"),
    [
        ({"fallom.method": "chat.completions.create"}, "gpt-4o", "openai"),
        ({"fallom.method": "chat.completions.create"}, "anthropic/claude-sonnet-4", ""),
        ({"fallom.method": "chat.completions.create"}, "llama-3.3-70b", ""),
        (
            {
                "fallom.method": "chat.completions.create",
                "fallom.base_url": "https://openrouter.ai/api/v1",
            },
            *("gpt-4o", "openrouter"),
        ),
        ({"fallom.provider": "google.generative-ai"}, "gemini-2.0-flash", "google"),
        ({"fallom.provider": "amazon-bedrock"}, "claude", "aws.bedrock"),
        ({"fallom.provider": "gateway"}, "openai/gpt-4o", ""),
        (
            {"fallom.integration": "langchain", "fallom.method": "x"},
            "claude-3-5-haiku",
            "anthropic",
        ),
    ],
)
def test_providers_are_named_addressed_or_known_by_their_models(attributes, model, provider):
    event = map_sample("trace-error", attributes=attributes, model=model)

    assert event.provider == provider


@pytest.mark.parametrize("kind", ["custom", "preprocessing", "postprocessing"])
def test_stages_marked_by_hand_are_chains_and_keep_their_name(kind):
    event = map_sample("trace-manual-span", kind=kind)

    assert event.kind == Kind.CHAIN
    assert (event.payload.attributes or {})["fallom.span.kind"] == kind


def test_texts_that_are_no_json_are_shown_as_they_are():
    event = with_raw("trace-openai-chat", request="not {json", usage="[1", response="{oops")

    assert (event.payload.input, event.payload.output) == ("not {json", "{oops")
    assert (event.tokens_in, event.model) == (None, "gpt-4o-2024-08-06")
    assert said_in(event) == [("user", "not {json")]
    assert (event.payload.attributes or {})["fallom.raw.usage"] == "[1"


def test_why_a_call_ended_is_told_in_privacy_mode_too():
    masked = '{"text": "[content omitted: 9 chars]", "finishReason": "length"}'
    steps = '{"steps": [{"finishReason": "tool-calls"}, {"finishReason": "stop"}]}'

    for name, value, finish in (("metadata", masked, "length"), ("timings", steps, "stop")):
        event = with_raw("trace-privacy-mode", **{name: value})
        assert event.finish_reason == finish


def test_a_stream_that_was_not_read_says_nothing():
    """Of OpenAI's streams fallom-typescript finds nothing that an answer has."""
    event = with_raw("trace-openai-chat", response="{}", usage=None)

    assert (event.payload.output, event.tokens_out) == (None, None)
    assert (event.payload.attributes or {})["fallom.raw.response"] == "{}"


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"session_id": 7}, {"session_own": "7"}),
        ({"session_id": None}, {"session_own": ""}),
        ({"config_key": ["x"]}, {"config_key": "", "warnings": ("attribute_type",)}),
        ({"status": "fine"}, {"status": Status.UNSET}),
        ({"metadata": {}, "tags": []}, {"metadata": "", "tags": (), "warnings": ()}),
        ({"prompt_variant_index": "control"}, {"arms": (("onboarding-test", "control"),)}),
        ({"prompt_variant_index": None}, {"arms": ()}),
        ({"end_time": None}, {"duration_us": 1_240_000, "warnings": ()}),
        ({"end_time": None, "duration_ms": None}, {"warnings": ("end_missing",)}),
        ({"start_time": "soon"}, {"needs_clock": True, "warnings": ("clock_missing",)}),
        ({"attributes": "none"}, {"kind": Kind.LLM, "tokens_in": None}),
        ({"attributes": None}, {"kind": Kind.LLM, "tokens_in": None}),
    ],
)
def test_odd_fields_cost_themselves_at_most(fields, place):
    event = map_sample("trace-openai-chat", **fields)

    assert {name: getattr(event, name) for name in place} == place


def test_fields_without_a_column_are_attributes():
    event = map_sample("trace-openai-chat", is_streaming=True, region="eu", duration_ms=99)
    attributes = event.payload.attributes or {}

    assert {key: attributes[f"fallom.span.{key}"] for key in ("is_streaming", "region")} == {
        "is_streaming": True,
        "region": "eu",
    }
    assert attributes["fallom.span.duration_ms"] == 99


def test_tags_said_twice_are_one_and_kept_as_they_were():
    event = map_sample("trace-error", tags=["a", "b", "a"])

    assert (event.tags, event.warnings) == (("a", "b"), ())
    assert (event.payload.attributes or {})["fallom.span.tags"] == ["a", "b", "a"]


def test_nested_metadata_is_kept_as_it_was():
    event = map_sample("trace-openai-chat", metadata={"a": {"b": [1]}})

    assert json.loads(event.metadata) == {"a": '{"b":[1]}'}
    assert (event.payload.attributes or {})["fallom.span.metadata"] == {"a": {"b": [1]}}


class TestPrivacy:
    LEAKED = {
        "fallom.method": "generateText",
        "fallom.raw.request": json.dumps({"prompt": "my secret", "model": "gpt-4o"}),
    }

    @pytest.mark.parametrize(
        "fields",
        [
            {"metadata": {"capture_content": False}},
            {"metadata": {"capture_content": "false"}},
            {"attributes": {**LEAKED, "fallom.capture_content": "0"}},
            {
                "attributes": {
                    "fallom.capture_content": False,
                    "gen_ai.prompt.0.content": "my secret",
                    "gen_ai.input.messages": '[{"role": "user", "content": "my secret"}]',
                    "output": "my secret",
                }
            },
        ],
    )
    def test_what_the_client_leaks_is_not_kept(self, fields):
        said = {"attributes": self.LEAKED, **fields}

        event = map_sample("trace-error", name="generateText", **said)

        assert "secret" not in repr(event)
        assert "content_dropped" in event.warnings

    def test_nothing_is_dropped_where_nothing_says_so(self):
        event = map_sample("trace-error", name="generateText", attributes=self.LEAKED)

        assert said_in(event) == [("user", "my secret")]
        assert event.warnings == ()

    def test_a_private_span_without_content_has_nothing_to_drop(self):
        event = map_sample("trace-privacy-mode", metadata={"capture_content": False})

        assert event.warnings == ()
        assert (event.tokens_in, event.payload.input) == (10, None)


def test_the_same_span_is_the_same_event():
    body = json.dumps(load("trace-anthropic")).encode()

    assert map_body(body) == map_body(json.dumps(load("trace-anthropic"), indent=1).encode())
