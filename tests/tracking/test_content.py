"""What is taken out of events where only their numbers are kept."""

import json

import pytest

from tests.tracking.adapters.otlp_building import map_one
from tests.tracking.incoming import make_event
from tracking.adapters.dialects.attributes import rebuild_attributes
from tracking.adapters.dialects.table import KEYS
from tracking.adapters.otlp_remap import remap_span
from tracking.content import drop_content, drop_origin_content, drop_part_content, is_saying
from tracking.events import EMPTY_PAYLOAD, Part, Payload

SAYING = [
    "gen_ai.prompt.0.content",
    "gen_ai.input.messages",
    "llm.input_messages.0.message.content",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments",
    "traceloop.entity.input",
    "ai.response.text",
    "retrieval.documents.0.document.content",
    "tool.parameters",
    "db.query.text",
    "langfuse.observation.output",
    "inputMessages",
    "retrieval.context",
    "originalValue",
    "llm.response",
    "logfire.msg",
]
FACTS = [
    "gen_ai.prompt.0.role",
    "gen_ai.output.type",
    "gen_ai.request.model",
    "gen_ai.response.model",
    "ai.settings.context.tier",
    "llm.invocation_parameters",
    "llm.input_messages.0.message.role",
    "prompt.name",
    "gen_ai.system",
    "input.mime_type",
    "exception.message",
    "error.message",
    "http.url",
    "userId",
]


@pytest.mark.parametrize("name", SAYING)
def test_it_knows_what_is_said(name):
    assert is_saying(name) is True


@pytest.mark.parametrize("name", FACTS)
def test_it_knows_facts(name):
    assert is_saying(name) is False


def test_an_event_keeps_its_numbers_and_facts():
    attributes = {
        "gen_ai.prompt.0.content": "my secret wish",
        "gen_ai.prompt.0.role": "user",
        "gen_ai.usage.prompt_tokens": 7,
        "note": "x" * 300,
        "nested": {"answer": "said", "n": 1},
        "exception.stacktrace": "E" * 900,
    }
    events = [["gen_ai.user.message", 5, {"content": "said", "gen_ai.system": "openai"}]]
    event = make_event(
        tokens_in=7,
        payload=Payload("in", "out", "system", attributes, events, None, {"kind": 3}),
    )

    kept = drop_content(event)

    assert kept.tokens_in == 7
    assert kept.warnings == ("content_dropped",)
    assert kept.payload == Payload(
        attributes={
            "gen_ai.prompt.0.role": "user",
            "gen_ai.usage.prompt_tokens": 7,
            "nested": {"answer": "", "n": 1},
            "exception.stacktrace": "E" * 900,
        },
        span_events=[["gen_ai.user.message", 5, {"gen_ai.system": "openai"}]],
        extra={"kind": 3},
    )


def test_what_is_said_within_json_in_links_and_in_metadata_goes_too():
    said = '{"n": 1, "messages": [{"role": "user", "content": "said"}]}'
    event = make_event(
        metadata='{"question": "said", "plan": "pro"}',
        payload=Payload(
            attributes={
                "app.state": said,
                "app.steps": '[{"answer": "said"}]',
                "app.plan": "{pro}",
            },
            links=[["t", "s", {"answer": "said", "n": 1}]],
        ),
    )

    kept = drop_content(event)

    assert "said" not in repr(kept)
    assert kept.metadata == '{"plan":"pro"}'
    assert kept.payload.links == [["t", "s", {"n": 1}]]
    assert kept.payload.attributes == {
        "app.state": '{"n":1,"messages":[{"role":"user","content":""}]}',
        "app.steps": '[{"answer":""}]',
        "app.plan": "{pro}",
    }


LONG = "what was said " * 40
ANTHROPIC = {
    "usage": {"input_tokens": 7, "cache_read_input_tokens": 90, "service_tier": "standard"},
    "logprobs": [{"token": "Hello", "logprob": -0.5}],
    "thinking": LONG,
}
OF_A_CALL = {"ai.operationId": "ai.generateText.doGenerate", "ai.usage.promptTokens": 7}
USAGE = {"input_tokens": 30, "input_token_details": {"cache_read": 8}, "total_cost": 0.5}


@pytest.mark.parametrize(
    ("attributes", "facts"),
    [
        (
            {
                **OF_A_CALL,
                "ai.response.providerMetadata": json.dumps(
                    {"anthropic": ANTHROPIC, "gateway": {"cost": "0.25", "model": LONG}}
                ),
            },
            (97, 90, 0.25, ""),
        ),
        (
            {"langsmith.metadata.usage_metadata": json.dumps({**USAGE, "note": LONG})},
            (30, 8, 0.5, ""),
        ),
        (
            {
                "ai.telemetry.metadata.langfusePrompt": json.dumps(
                    {"name": "greet", "version": 3, "prompt": LONG}
                )
            },
            (None, None, None, "greet"),
        ),
        (
            {"mlflow.linkedPrompts": '[{"name": "greet", "version": "3"}]'},
            (None, None, None, "greet"),
        ),
    ],
)
def test_what_columns_are_read_from_says_the_same_numbers_without_texts(attributes, facts):
    event = map_one(attributes)

    dropped = drop_content(event)

    again = remap_span(dropped, dropped.payload, {})
    for each in (event, dropped, again):
        told = each.tokens_in, each.tokens_cache_read, each.cost_reported, each.prompt_key
        assert told == facts
    left = json.dumps(dropped.payload.attributes)
    assert [word for word in (LONG, "Hello", "standard") if word in left] == []


def test_objects_that_are_no_objects_are_dropped():
    attributes = {"ai.response.providerMetadata": "Hello", "mlflow.linkedPrompts": "Hello"}

    assert drop_content(map_one(attributes)).payload == EMPTY_PAYLOAD


def test_a_resource_keeps_its_facts():
    body = b'{"resource":{"service.name":"shop","process.command_args":["--ask","said"]}}'

    kept = json.loads(drop_origin_content(body))

    assert kept == {"resource": {"service.name": "shop", "process.command_args": ["", ""]}}


def test_attributes_are_given_back_without_what_was_dropped():
    every_bit = 0
    for key in KEYS.values():
        if key.column in {"input", "output", "system"}:
            every_bit |= key.mask | key.structured_mask
    event = make_event(seen=every_bit, payload=Payload("in", "out", "sys"))

    kept = drop_content(event)

    assert kept.payload is EMPTY_PAYLOAD
    assert rebuild_attributes(kept, kept.payload) == {}


def test_an_event_that_said_nothing_is_left_as_it_is():
    event = make_event(payload=Payload(attributes={"a": 1, "b": "short"}))

    assert drop_content(event) is event


def test_a_piece_keeps_its_shape():
    body = {
        "requestId": "r1",
        "model": "m",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "said"}]}],
        "usage": {"input": 3},
        "error": {"message": "quota"},
    }
    part = Part(system="s", key="k", body=json.dumps(body).encode(), received_us=1)

    kept = json.loads(drop_part_content(part, secret=b"k").body)

    assert kept.pop("_content")
    assert kept == {
        **body,
        "messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}],
    }


def test_pieces_that_said_different_things_stay_different():
    one, other = (
        drop_part_content(
            Part(system="s", key="k", body=json.dumps({"text": text}).encode(), received_us=1),
            secret=b"k",
        ).body
        for text in ("a", "b")
    )

    assert one != other
