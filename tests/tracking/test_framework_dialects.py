"""What frameworks and other tracers say in their own names: each rule on its own."""

import json

import pytest

from tests.tracking.adapters.otlp_building import map_one
from tests.tracking.mapping_back import LONG, map_all, tokens_of
from tracking.events import Kind


@pytest.mark.parametrize(
    "details",
    [
        "{'cache_read': 10, 'cache_creation': 1, 'audio': 0}",  # as langsmith 0.4 to 0.15 send it
        '{"cache_read": 10, "cache_creation": 1, "audio": 0}',
    ],
)
def test_token_details_of_langsmith_are_parts(details):
    attributes = {
        "gen_ai.usage.input_tokens": 25,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.input_token_details": details,
        "gen_ai.usage.output_token_details": "{'reasoning': 2}",
        "langsmith.metadata.plan": "pro",
    }

    event = map_all(attributes)

    assert (tokens_of(event), event.tokens_reasoning) == ((25, 7, 10, 1), 2)
    assert event.metadata == '{"plan":"pro"}'


def test_langchains_usage_tells_what_a_call_cost():
    usage = {
        **{"input_tokens": 30, "output_tokens": 7, "total_cost": 0.003},
        "input_token_details": {"cache_read": 8},
    }

    event = map_all({"langsmith.metadata.usage_metadata": json.dumps(usage)})

    assert (*tokens_of(event), event.cost_reported) == (30, 7, 8, None, 0.003)
    assert event.metadata == ""


@pytest.mark.parametrize("details", ["{'cache_read': -1}", "{'cache_read': {'a': 'b'}}", "{'", "{"])
def test_token_details_that_say_nothing_are_kept(details):
    event = map_all({"gen_ai.usage.input_token_details": details, "gen_ai.request.model": "m"})

    assert tokens_of(event) == (None, None, None, None)


@pytest.mark.parametrize(
    ("parts", "total"), [((0.25, 0.5), 0.75), ((0.25, None), 0.25), ((None, 0.5), 0.5)]
)
def test_costs_of_input_and_output_are_the_whole(parts, total):
    names = ("llm.cost.prompt", "llm.cost.completion")
    said = {name: cost for name, cost in zip(names, parts, strict=True) if cost is not None}

    assert map_all(said).cost_reported == total
    assert map_all({**said, "llm.cost.total": 2.5}).cost_reported == 2.5


def test_metadata_of_langfuse_may_be_one_object():
    event = map_all(
        {
            "langfuse.observation.metadata": '{"tier": "pro", "n": 1}',
            "langfuse.trace.metadata.n": "2",
            "langfuse.trace.metadata": "no object",
        }
    )

    assert json.loads(event.metadata) == {"tier": "pro", "n": "2"}


def test_a_run_of_pydantic_ai_sums_up_its_calls():
    run = {"gen_ai.aggregated_usage.input_tokens": 30, "gen_ai.aggregated_usage.output_tokens": 7}
    first_format = {"gen_ai.usage.input_tokens": 30, "gen_ai.usage.output_tokens": 7}

    for attributes in (
        {"gen_ai.operation.name": "invoke_agent", **run},
        {"agent_name": "a", "model_name": "m", "all_messages_events": "[]", **first_format},
    ):
        event = map_all(attributes)
        assert (event.kind, event.operation, event.tokens_in) == (Kind.AGENT, "invoke_agent", 30)


def test_who_names_a_tool_and_no_operation_ran_it():
    tool = {"gen_ai.tool.name": "get_weather", "tool_arguments": "{}", "tool_response": "21"}

    event = map_all(tool)

    assert (event.kind, event.payload.input, event.payload.output) == (Kind.TOOL, "{}", "21")
    assert map_all({**tool, "gen_ai.operation.name": "chat"}).kind == Kind.LLM


def test_of_two_spans_that_adk_makes_of_a_call_the_outer_one_is_it():
    usage = {"gen_ai.usage.input_tokens": 30, "gen_ai.usage.output_tokens": 7}
    of_adk = {"gen_ai.request.model": "gemini-2.5-flash", "gcp.vertex.agent.event_id": "e", **usage}
    tool = {"gen_ai.tool.name": "t", "gcp.vertex.agent.event_id": "e"}

    assert map_all({**of_adk, "gcp.vertex.agent.session_id": "s"}).kind == Kind.LLM
    assert map_all({**of_adk, "gen_ai.operation.name": "generate_content"}).kind == Kind.CHAIN
    assert map_all({**tool, "gen_ai.operation.name": "execute_tool"}).kind == Kind.TOOL


def test_what_adk_says_where_there_is_nothing_is_no_content():
    empty = {"gcp.vertex.agent.llm_request": "{}", "gcp.vertex.agent.llm_response": "{}"}
    tool = {"gcp.vertex.agent.tool_call_args": '{"q":1}', "gcp.vertex.agent.tool_response": "N/A"}

    event = map_all({**empty, **tool})

    assert (event.payload.input, event.payload.output) == ('{"q":1}', None)


def test_a_decision_is_a_call():
    event = map_all(
        {"openinference.span.kind": "DECISION", "decision.token_count.input": 5, "llm.user": "u"}
    )

    assert (event.kind, event.tokens_in) == (Kind.LLM, 5)


@pytest.mark.parametrize(("said", "whole"), [((7, 9), 16), ((7, 7), 7), ((7, 0), 7), ((0, 3), 3)])
def test_more_thoughts_than_output_were_left_out(said, whole):
    tokens_out, thoughts = said

    event = map_all(
        {"gen_ai.usage.output_tokens": tokens_out, "gen_ai.usage.reasoning_tokens": thoughts}
    )

    assert (event.tokens_out, event.tokens_reasoning) == (whole, thoughts)
    assert event.warnings == (("inconsistent_usage",) if whole != tokens_out else ())


def test_mlflow_counts_cached_tokens_among_the_input():
    usage = {"input_tokens": 30, "output_tokens": 7, "total_tokens": 37}
    cached = {"cache_read_input_tokens": 8, "cache_creation_input_tokens": 4}

    event = map_all({"mlflow.chat.tokenUsage": json.dumps({**usage, **cached})})

    assert (tokens_of(event), event.warnings) == ((30, 7, 8, 4), ())


def test_mlflow_before_it_did_is_mended():
    usage = {"input_tokens": 3, "output_tokens": 7, "cache_read_input_tokens": 8}

    event = map_all({"mlflow.chat.tokenUsage": json.dumps(usage)})

    assert (tokens_of(event), event.warnings) == ((11, 7, 8, None), ("inconsistent_usage",))


@pytest.mark.parametrize(
    ("prompts", "named"),
    [
        ([{"name": "greet", "version": "3"}], ("greet", "3")),
        ([{"name": "greet", "version": "3"}, {"name": "ask", "version": "1"}], ("", "")),
        ([], ("", "")),
        ("no list", ("", "")),
    ],
)
def test_a_prompt_that_mlflow_linked_is_the_spans(prompts, named):
    for written in (json.dumps(prompts), json.dumps(json.dumps(prompts))):
        event = map_all({"mlflow.linkedPrompts": written, "mlflow.traceTag.tier": "pro"})
        assert (event.prompt_key, event.prompt_version) == named
        assert event.metadata == '{"tier":"pro"}'


def test_mlflow_says_everything_as_json():
    attributes = {
        "mlflow.spanType": '"CHAT_MODEL"',
        "mlflow.llm.model": '"gpt-4o"',
        "mlflow.chat.tokenUsage": '{"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}',
        "mlflow.llm.cost": '{"input_cost": 0.1, "output_cost": 0.2, "total_cost": 0.3}',
        "mlflow.trace.session": '"s',
    }

    event = map_all(attributes)

    assert (event.kind, event.model, tokens_of(event)[:2]) == (Kind.LLM, "gpt-4o", (5, 2))
    assert (event.cost_reported, event.session_own) == (0.3, "")
    assert event.warnings == ("attribute_type",)


@pytest.mark.parametrize(
    ("attributes", "kind", "tokens_in"),
    [
        ({"dogpile.run.id": "r", "dogpile.run.input_tokens": 9}, Kind.CHAIN, 9),
        (
            {"dogpile.agent.id": "a", "dogpile.model.id": "m", "dogpile.turn.input_tokens": 9},
            Kind.AGENT,
            9,
        ),
        (
            {"dogpile.call.id": "c", "dogpile.model.id": "m", "dogpile.model.input_tokens": 9},
            Kind.LLM,
            9,
        ),
    ],
)
def test_ids_tell_what_a_span_of_dogpile_is(attributes, kind, tokens_in):
    event = map_all({**attributes, "dogpile.turn.output_tokens": 1})

    assert (event.kind, event.tokens_in) == (kind, tokens_in)


def test_a_request_of_ai_matey_is_a_call_even_when_it_failed():
    event = map_all({"ai.request.id": "r", "ai.request.model": "gpt-4o", "ai.backend": "openai"})

    assert (event.kind, event.operation, event.provider) == (Kind.LLM, "chat", "openai")


@pytest.mark.parametrize(
    ("value", "metrics"),
    [(2, (("hits", 2.0),)), (0.5, (("hits", 0.5),)), ("2", ()), (True, ()), (float("nan"), ())],
)
def test_a_metric_sent_as_a_span_is_a_metric(value, metrics):
    assert map_one({"metric.name": "hits", "metric.value": value}).metrics == metrics


def test_traceloops_properties_are_metadata():
    attributes = {
        "traceloop.span.kind": "workflow",
        "traceloop.association.properties.plan": "pro",
        "traceloop.association.properties.session_id": "s",
        "traceloop.entity.input": LONG,
    }

    event = map_all(attributes)

    assert (event.kind, event.session_own, event.metadata) == (Kind.CHAIN, "s", '{"plan":"pro"}')
    assert event.payload.input == LONG
