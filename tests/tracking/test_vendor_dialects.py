"""What vendors say in several attributes, or in objects: spans as their instrumentations send them.

Spans that real clients sent are in ``tests/payloads/otlp``; here is each rule on its own.
"""

import json

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.tracking.adapters.otlp_building import START_NS, map_one
from tests.tracking.mapping_back import LONG, map_all, tokens_of
from tracking.adapters.dialects.attributes import rebuild_attributes
from tracking.adapters.dialects.sealing import unseal
from tracking.adapters.dialects.usage import columns_of_usage, inclusive_input
from tracking.events import CALL_KINDS, Kind
from tracking.events import Status as EventStatus

USAGE = "langfuse.observation.usage_details"


# Vercel AI SDK


@pytest.mark.parametrize(
    ("operation_id", "kind", "operation"),
    [
        ("ai.generateText", Kind.CHAIN, "ai.generateText"),
        ("ai.streamObject", Kind.CHAIN, "ai.streamObject"),
        ("ai.embedMany", Kind.CHAIN, "ai.embedMany"),
        ("ai.generateText.doGenerate", Kind.LLM, "chat"),
        ("ai.streamText.doStream", Kind.LLM, "chat"),
        ("ai.embed.doEmbed", Kind.EMBEDDING, "embeddings"),
        ("ai.rerank.doRerank", Kind.RETRIEVER, "rerank"),
        ("ai.decide.doDecide", Kind.LLM, "decide"),
        ("ai.toolCall", Kind.TOOL, "execute_tool"),
        ("ai.somethingNew", Kind.CHAIN, "ai.somethingNew"),
    ],
)
def test_only_inner_spans_of_the_ai_sdk_are_calls(operation_id, kind, operation):
    said = {"ai.model.id": "gpt-4o", "ai.usage.promptTokens": 5, "ai.usage.completionTokens": 2}

    event = map_all({"ai.operationId": operation_id, **said})

    assert (event.kind, event.operation, event.tokens_in) == (kind, operation, 5)


@pytest.mark.parametrize("operation", ["invoke_agent", "agent_step", "plan_a_trip"])
def test_an_operation_that_sums_up_others_is_no_call(operation):
    said = {"gen_ai.request.model": "gpt-4o", "gen_ai.usage.output_tokens": 2}

    event = map_all({"gen_ai.operation.name": operation, **said})

    assert event.kind not in CALL_KINDS
    assert event.tokens_out == 2


def test_anthropics_own_usage_tells_that_cached_tokens_were_left_out():
    usage = {"input_tokens": 50, "cache_read_input_tokens": 8, "cache_creation_input_tokens": 2}
    attributes = {
        "gen_ai.usage.input_tokens": 50,
        "ai.usage.inputTokens": 50,
        "ai.response.providerMetadata": json.dumps({"anthropic": {"usage": usage}}),
    }

    event = map_all(attributes)

    assert tokens_of(event) == (60, None, 8, 2)
    assert event.warnings == ()


def test_a_count_that_holds_cached_tokens_stays():
    usage = {"input_tokens": 50, "cache_read_input_tokens": 8, "cache_creation_input_tokens": 2}
    metadata = json.dumps({"anthropic": {"usage": usage}, "gateway": {"cost": "0.25"}})

    event = map_all({"ai.usage.inputTokens": 60, "ai.response.providerMetadata": metadata})

    assert tokens_of(event) == (60, None, 8, 2)
    assert event.cost_reported == 0.25


def test_openais_metadata_tells_parts():
    metadata = {"openai": {"cachedPromptTokens": 8, "reasoningTokens": 3}}
    attributes = {"ai.usage.promptTokens": 60, "ai.usage.completionTokens": 9}

    event = map_all({**attributes, "ai.response.providerMetadata": json.dumps(metadata)})

    assert (tokens_of(event), event.tokens_reasoning) == ((60, 9, 8, None), 3)


@pytest.mark.parametrize(
    ("metadata", "said", "expected"),
    [
        (
            {"bedrock": {"usage": {"cacheReadInputTokens": 20, "cacheWriteInputTokens": 4}}},
            (30, 7),
            (30, 7, 20, 4, None),
        ),
        (
            {"google": {"usageMetadata": {"cachedContentTokenCount": 8, "thoughtsTokenCount": 3}}},
            (30, 7),
            (30, 7, 8, None, 3),
        ),
        # Up to its version 5 the SDK's output is the provider's, without thoughts.
        (
            {"google": {"usageMetadata": {"candidatesTokenCount": 7, "thoughtsTokenCount": 3}}},
            (30, 7),
            (30, 10, None, None, 3),
        ),
        (
            {"vertex": {"usageMetadata": {"candidatesTokenCount": 7, "thoughtsTokenCount": 3}}},
            (30, 10),
            (30, 10, None, None, 3),
        ),
    ],
)
def test_providers_tell_what_the_ai_sdk_left_out(metadata, said, expected):
    tokens_in, tokens_out = said
    event = map_all(
        {
            "ai.operationId": "ai.generateText.doGenerate",
            "ai.usage.promptTokens": tokens_in,
            "ai.usage.completionTokens": tokens_out,
            "ai.response.providerMetadata": json.dumps(metadata),
        }
    )

    assert (*tokens_of(event), event.tokens_reasoning) == expected
    assert event.warnings == ()


def test_metadata_of_calls_is_metadata_and_our_own_tags_are_tags():
    metadata = {
        "tier": "pro",
        "retries": 2,
        "sessionId": "s",
        "assay.experiment": "tone",
        "assay.variant": "kind",
        "langfusePrompt": '{"name": "greet", "version": 3}',
    }

    event = map_all({f"ai.telemetry.metadata.{name}": value for name, value in metadata.items()})

    assert json.loads(event.metadata) == {"tier": "pro", "retries": 2}
    assert event.arms == (("tone", "kind"),)
    assert (event.session_own, event.prompt_key, event.prompt_version) == ("s", "greet", "3")


# Langfuse


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"input": 40, "output": 7}, (40, 7, None, None)),
        ({"input": 40, "input_cached_tokens": 8, "output": 7}, (48, 7, 8, None)),
        ({"input": 40, "input_cached_tokens": 8, "output": 7, "total": 47}, (40, 7, 8, None)),
        ({"input": 40, "input_audio_tokens": 3, "output": 7, "total": 50}, (43, 7, None, None)),
        ({"output": 7, "output_reasoning_tokens": 2}, (None, 9, None, None)),
        ({"prompt_tokens": 40, "completion_tokens": 7}, (40, 7, None, None)),
        ({"input_tokens": 40, "output_tokens": 7}, (40, 7, None, None)),
        ({"input_tokens": 40, "cache_read_input_tokens": 8}, (48, None, 8, None)),
        (
            {"input": 40, "input_cache_creation_5m": 2, "input_cache_creation_1h": 3},
            (45, None, None, 5),
        ),
        ({"input_tokens": 40, "input_tokens_details": {"cached_tokens": 8}}, (40, None, 8, None)),
        ({"input": True, "output": -1, "total": "many"}, (None, None, None, None)),
    ],
)
def test_usage_is_read_in_buckets_and_as_providers_say_it(usage, tokens):
    attributes = {"langfuse.observation.type": "generation", USAGE: json.dumps(usage)}

    event = map_all(attributes)

    assert (tokens_of(event), event.kind) == (tokens, Kind.LLM)


@pytest.mark.parametrize(
    ("costs", "dollars"),
    [
        ('{"input": 0.25, "output": 0.5}', 0.75),
        ('{"input": 0.25, "output": 0.5, "total": 0.8}', 0.8),
        ('{"total": -1}', None),
        ('{"total": "1"}', None),
        ('{"total": 1e999}', None),
        ("[", None),
        ("{" * 50_000, None),
    ],
)
def test_costs_are_dollars(costs, dollars):
    assert map_all({"langfuse.observation.cost_details": costs}).cost_reported == dollars


def test_the_level_of_an_observation_is_its_status():
    level = {
        "langfuse.observation.level": "ERROR",
        "langfuse.observation.status_message": "It broke.",
    }

    event = map_all(level)

    assert (event.status, event.error) == (EventStatus.ERROR, "It broke.")
    assert event.payload.extra == {"status_code": 0}
    failed = map_all(level, status=Status(code=Status.STATUS_CODE_ERROR, message="Other"))
    assert (failed.error, failed.payload.extra) == ("Other", None)
    assert map_all({"langfuse.observation.level": "WARNING"}).status == EventStatus.UNSET


@pytest.mark.parametrize(
    ("offset_us", "ttft_us", "warnings"),
    [
        (250_000, 250_000, ()),
        (-1, None, ("ttft_longer_than_span",)),
        (3_000_000, None, ("ttft_longer_than_span",)),
    ],
)
def test_the_first_token_is_a_moment(offset_us, ttft_us, warnings):
    moment = START_NS // 1000 + offset_us
    text = f"2026-11-20T{moment // 3_600_000_000 % 24:02}:{moment // 60_000_000 % 60:02}"
    text = json.dumps(f"{text}:{moment % 60_000_000 / 1e6:09.6f}Z")

    event = map_all({"langfuse.observation.completion_start_time": text})

    assert (event.ttft_us, event.warnings) == (ttft_us, warnings)


def test_a_span_may_name_its_own_environment_and_release():
    event = map_all({"langfuse.environment": "staging", "langfuse.release": "2.1"})

    assert (event.environment, event.release) == ("staging", "2.1")


def test_flattened_metadata_is_decoded_once():
    metadata = {"tier": '"pro"', "n": "3", "broken": '"'}
    attributes = {f"langfuse.trace.metadata.{name}": text for name, text in metadata.items()}

    event = map_all({**attributes, "metadata": '{"tier": "own"}'})

    assert json.loads(event.metadata) == {"tier": "own", "n": "3", "broken": '"'}


# What all of them share


def test_a_long_text_is_stored_once():
    event = map_all({"traceloop.entity.input": LONG, "langfuse.trace.input": LONG})

    assert event.payload.attributes == {
        "traceloop.entity.input": {"$column": "text"},
        "langfuse.trace.input": {"$column": "text"},
    }


def test_a_structure_is_stored_once_as_its_text():
    values = ["a long text of an embedding", "and another one"]

    event = map_all({"ai.values": values})

    assert event.payload.attributes == {"ai.values": {"$column": "json"}}


def test_a_text_that_lost_its_column_is_kept():
    event = map_all({"langfuse.observation.input": LONG, "traceloop.entity.input": LONG + " "})

    assert event.payload.input == LONG
    assert event.payload.attributes["traceloop.entity.input"] == LONG + " "


SEALED_OWN = {"$object": {"$column": "json"}}


def test_an_object_that_looks_like_a_seal_comes_back():
    sent = {"ai.prompt": {"$column": "text"}, "own": {"$column": "json"}, "ai.value": LONG}

    event = map_one(sent)

    rebuilt = rebuild_attributes(event, event.payload)
    assert rebuilt == {**sent, "ai.prompt": {"$object": sent["ai.prompt"]}, "own": SEALED_OWN}
    assert unseal(rebuilt) == sent


@pytest.mark.parametrize(
    ("counts", "whole"), [((10, 4, 2), 10), ((10, 10, 0), 10), ((10, 11, 0), 21), ((0, 0, 0), 0)]
)
def test_more_cached_tokens_than_there_are_were_left_out(counts, whole):
    assert inclusive_input(*counts) == whole


def test_an_inconsistent_count_is_mended_and_flagged():
    attributes = {
        "gen_ai.usage.input_tokens": 5,
        "llm.token_count.prompt": 5,
        "gen_ai.usage.cache_read.input_tokens": 100,
    }

    event = map_all(attributes)

    assert (event.tokens_in, event.warnings) == (105, ("inconsistent_usage",))


def test_usage_of_any_shape_is_no_error():
    for usage in ({}, {"input": None}, {"prompt_tokens_details": 5}, {"input": 10**30}):
        assert columns_of_usage(usage) in ({}, {"tokens_in": 0})


def test_buckets_that_anthropic_named_lie_beside_the_input():
    usage = {"input": 20, "cache_read_input_tokens": 8, "cache_creation_input_tokens": 2}

    assert columns_of_usage({**usage, "output": 7}) == {
        "tokens_in": 30,
        "tokens_out": 7,
        "tokens_cache_read": 8,
        "tokens_cache_write": 2,
    }
