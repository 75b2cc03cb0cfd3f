"""The dialect table: every key, every precedence, poison, and the way back."""

import itertools
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tracking.adapters.otlp_building import map_one
from tests.tracking.vendor_keys import OPENINFERENCE, VENDORS
from tracking.adapters.dialects import keys as bits
from tracking.adapters.dialects import table
from tracking.adapters.dialects.attributes import gather_attributes, rebuild_attributes, settle
from tracking.adapters.dialects.sealing import seal, unseal
from tracking.events import IncomingEvent, Kind, Payload

GEN_AI = {
    "gen_ai.operation.name": ("chat", {"operation": "chat", "kind": Kind.LLM}),
    "gen_ai.provider.name": ("openai", {"provider": "openai"}),
    "gen_ai.system": ("openai", {"provider": "openai"}),
    "gen_ai.request.model": ("gpt-4o", {"model_requested": "gpt-4o", "model": "gpt-4o"}),
    "gen_ai.response.model": ("gpt-4o-1", {"model": "gpt-4o-1"}),
    "gen_ai.usage.input_tokens": (5, {"tokens_in": 5}),
    "gen_ai.usage.prompt_tokens": (5, {"tokens_in": 5}),
    "gen_ai.usage.output_tokens": (0, {"tokens_out": 0}),
    "gen_ai.usage.completion_tokens": (9, {"tokens_out": 9}),
    "gen_ai.usage.cache_read.input_tokens": (1, {"tokens_cache_read": 1}),
    "gen_ai.usage.cache_read_input_tokens": (1, {"tokens_cache_read": 1}),
    "gen_ai.usage.cache_write.input_tokens": (2, {"tokens_cache_write": 2}),
    "gen_ai.usage.cache_creation.input_tokens": (2, {"tokens_cache_write": 2}),
    "gen_ai.usage.cache_creation_input_tokens": (2, {"tokens_cache_write": 2}),
    "gen_ai.usage.reasoning.output_tokens": (3, {"tokens_reasoning": 3}),
    "gen_ai.usage.reasoning_tokens": (3, {"tokens_reasoning": 3}),
    "gen_ai.usage.cost": (0.25, {"cost_reported": 0.25}),
    "gen_ai.response.time_to_first_chunk": (0.5, {"ttft_us": 500_000}),
    "gen_ai.server.time_to_first_token": (0.25, {"ttft_us": 250_000}),
    "gen_ai.response.finish_reasons": (["stop"], {"finish_reason": "stop"}),
    "gen_ai.conversation.id": ("c", {"session_own": "c"}),
    "gen_ai.prompt.name": ("greet", {"prompt_key": "greet"}),
    "gen_ai.prompt.version": ("3", {"prompt_version": "3"}),
    "gen_ai.input.messages": ("[]", {"input": "[]"}),
    "gen_ai.output.messages": ("[]", {"output": "[]"}),
    "gen_ai.system_instructions": ("[]", {"system": "[]"}),
    "gen_ai.tool.call.arguments": ("{}", {"input": "{}"}),
    "gen_ai.tool.call.result": ("ok", {"output": "ok"}),
    "gen_ai.cost.total_cost": (0.25, {"cost_reported": 0.25}),
    "gen_ai.usage.total_cost": (0.25, {"cost_reported": 0.25}),
    "gen_ai.client.operation.time_to_first_chunk": (0.5, {"ttft_us": 500_000}),
    "gen_ai.retrieval.query.text": ("q", {"input": "q"}),
    "gen_ai.retrieval.documents": ("[]", {"output": "[]"}),
    "gen_ai.task.input": ("{}", {"input": "{}"}),
    "gen_ai.task.output": ("{}", {"output": "{}"}),
}
OTHERS = {
    "anthropic.message.stop_reason": ("end_turn", {"finish_reason": "end_turn"}),
    "session.id": ("s", {"session_own": "s"}),
    "user.id": ("u", {"user_own": "u"}),
    "enduser.id": ("u", {"user_own": "u"}),
    "error.type": ("timeout", {"error_type": "timeout"}),
    "assay.config": ("cheap", {"config_key": "cheap"}),
    "assay.config_version": ("2", {"config_version": "2"}),
    "assay.prompt": ("greet", {"prompt_key": "greet"}),
    "assay.prompt_version": ("3", {"prompt_version": "3"}),
    "assay.assignments": ('{"b": "y", "a": "x"}', {"arms": (("a", "x"), ("b", "y"))}),
}
PAIRS = {
    ("assay.experiment", "assay.variant"),
    ("experiment.name", "experiment.variant"),
    ("feature_flag.key", "feature_flag.result.variant"),
    ("feature_flag.key", "feature_flag.variant"),
}
SINGLE = GEN_AI | OPENINFERENCE | OTHERS | VENDORS
TABLE = [(name, value, columns) for name, (value, columns) in SINGLE.items()]


def column(event, name):
    return getattr(event.payload if name in {"input", "output", "system"} else event, name)


def same(left, right):
    return repr(left) == repr(right) and type(left) is type(right)


def rebuilt(event):
    attributes = rebuild_attributes(event, event.payload)
    json.dumps(attributes, allow_nan=False)  # what pages and the API show can be said in JSON
    return {name: unseal(value) for name, value in attributes.items()}


def assert_rebuilds(attributes):
    event = map_one(attributes)
    back = rebuilt(event)
    assert sorted(back) == sorted(attributes)
    assert all(same(back[name], attributes[name]) for name in attributes)


def test_every_key_of_the_table_is_tested():
    assert set(table.KEYS) == set(SINGLE) | set(itertools.chain(*PAIRS))


def test_bits_are_never_shared_and_fit_a_signed_64_bit_column():
    masks = [key.mask for key in table.KEYS.values()]
    masks += [bits.STATUS_MESSAGE_BIT, bits.INPUT_MESSAGES_BIT, bits.OUTPUT_MESSAGES_BIT]
    masks += [key.structured_mask for key in table.KEYS.values()]
    given_masks = [mask for mask in masks if mask]

    assert len(set(given_masks)) == len(given_masks)
    assert max(given_masks) < 2**63


def test_bits_stay_what_they_were():
    bits = {name: key.mask.bit_length() - 1 for name, key in table.KEYS.items() if key.mask}

    assert bits["assay.experiment"] == 0
    assert bits["gen_ai.operation.name"] == 5
    assert bits["gen_ai.tool.call.result"] == 33
    assert bits["openinference.span.kind"] == 35
    assert bits["feature_flag.variant"] == 59


def test_every_column_exists():
    columns = {key.column for key in table.KEYS.values()}
    known = set(IncomingEvent.__struct_fields__) | set(Payload.__struct_fields__)

    assert {name for name in columns - known if ":" not in name} == {"assignments"}


@pytest.mark.parametrize(("name", "value", "columns"), TABLE, ids=SINGLE)
def test_each_key_fills_its_column_and_comes_back(name, value, columns):
    event = map_one({name: value})

    assert {column_name: column(event, column_name) for column_name in columns} == columns
    assert same(rebuilt(event), {name: value})
    if table.KEYS[name].mask:
        assert event.payload.attributes is None
        assert event.seen == table.KEYS[name].mask


@pytest.mark.parametrize("pair", sorted(PAIRS))
def test_a_name_and_a_variant_make_an_arm(pair):
    attributes = dict(zip(pair, ("tone", "friendly"), strict=True))

    event = map_one(attributes)

    assert event.arms == (("tone", "friendly"),)
    assert (event.payload.attributes, rebuilt(event)) == (None, attributes)


def test_half_a_pair_makes_no_arm():
    event = map_one({"assay.experiment": "tone"})

    assert event.arms == ()
    assert event.payload.attributes == {"assay.experiment": "tone"}


def test_several_sources_make_several_arms():
    attributes = {
        "assay.experiment": "tone",
        "assay.variant": "friendly",
        "feature_flag.key": "rag",
        "feature_flag.variant": "deep",
        "assay.assignments": '{"size": "big"}',
    }

    event = map_one(attributes)

    assert event.arms == (("rag", "deep"), ("size", "big"), ("tone", "friendly"))
    assert rebuilt(event) == attributes


def test_the_most_explicit_source_wins_an_experiment():
    attributes = {
        "feature_flag.key": "tone",
        "feature_flag.result.variant": "flag",
        "experiment.name": "tone",
        "experiment.variant": "named",
        "assay.assignments": '{"tone": "assigned"}',
    }

    assert map_one(attributes).arms == (("tone", "assigned"),)
    del attributes["assay.assignments"]
    assert map_one(attributes).arms == (("tone", "named"),)
    assert map_one(attributes).warnings == ("arm_conflict",)
    assert rebuilt(map_one(attributes)) == attributes


PRECEDENCE = [
    ("provider", ["gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system"]),
    ("model_requested", ["gen_ai.request.model", "llm.request.model_name", "llm.model_name"]),
    ("model", ["gen_ai.response.model", "llm.response.model_name", "gen_ai.request.model"]),
    ("session_own", ["gen_ai.conversation.id", "session.id"]),
    ("user_own", ["user.id", "enduser.id"]),
    ("prompt_key", ["assay.prompt", "gen_ai.prompt.name", "prompt.name", "prompt.id"]),
    (
        "prompt_version",
        ["assay.prompt_version", "gen_ai.prompt.version", "prompt.version"],
    ),
    ("input", ["gen_ai.input.messages", "gen_ai.tool.call.arguments", "input.value"]),
]


@pytest.mark.parametrize(("name", "keys"), PRECEDENCE, ids=[name for name, _ in PRECEDENCE])
def test_the_first_key_wins_whatever_the_order(name, keys):
    attributes = {key: f"value {at}" for at, key in enumerate(keys)}

    for order in itertools.permutations(keys):
        event = map_one({key: attributes[key] for key in order})
        assert column(event, name) == "value 0"
        assert rebuilt(event) == attributes


def test_twins_are_stored_once_and_others_under_their_own_key():
    event = map_one(
        {
            "gen_ai.usage.input_tokens": 7,
            "gen_ai.usage.prompt_tokens": 7,
            "llm.token_count.prompt": 8,
            "gen_ai.system": "openai",
            "llm.provider": "openai",
        }
    )

    assert (event.tokens_in, event.provider) == (7, "openai")
    assert event.payload.attributes == {"llm.token_count.prompt": 8}


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({}, Kind.CHAIN),
        ({"gen_ai.operation.name": "text_completion"}, Kind.LLM),
        ({"gen_ai.operation.name": "generate_content"}, Kind.LLM),
        ({"gen_ai.operation.name": "embeddings"}, Kind.EMBEDDING),
        ({"gen_ai.operation.name": "execute_tool"}, Kind.TOOL),
        ({"gen_ai.operation.name": "invoke_agent"}, Kind.AGENT),
        ({"gen_ai.operation.name": "create_agent"}, Kind.AGENT),
        ({"gen_ai.operation.name": "retrieval"}, Kind.RETRIEVER),
        ({"gen_ai.operation.name": "brew_coffee"}, Kind.CHAIN),
        ({"openinference.span.kind": "RERANKER"}, Kind.RETRIEVER),
        ({"openinference.span.kind": "tool"}, Kind.TOOL),
        ({"openinference.span.kind": "GUARDRAIL"}, Kind.GUARDRAIL),
        ({"openinference.span.kind": "EVENT"}, Kind.CHAIN),
        ({"openinference.span.kind": "AGENT", "gen_ai.operation.name": "chat"}, Kind.AGENT),
        ({"gen_ai.request.model": "m", "gen_ai.usage.output_tokens": 1}, Kind.LLM),
    ],
)
def test_kinds_come_from_what_was_said(attributes, kind):
    event = map_one(attributes)

    assert event.kind == kind
    assert rebuilt(event) == attributes


POISON = [
    ("gen_ai.usage.input_tokens", "12", "tokens_in", 12, "attribute_type"),
    ("gen_ai.usage.input_tokens", 12.0, "tokens_in", 12, "attribute_type"),
    ("gen_ai.usage.input_tokens", True, "tokens_in", None, "attribute_type"),
    ("gen_ai.usage.input_tokens", -1, "tokens_in", None, "attribute_range"),
    ("gen_ai.usage.input_tokens", "9" * 30, "tokens_in", None, "attribute_range"),
    ("gen_ai.usage.input_tokens", "many", "tokens_in", None, "attribute_type"),
    ("gen_ai.usage.input_tokens", 1.5, "tokens_in", None, "attribute_type"),
    ("gen_ai.usage.input_tokens", float("nan"), "tokens_in", None, "attribute_type"),
    ("gen_ai.usage.input_tokens", [12], "tokens_in", None, "attribute_type"),
    ("gen_ai.usage.input_tokens", 10**12, "tokens_in", 10**12, ""),
    ("gen_ai.usage.input_tokens", 10**12 + 1, "tokens_in", None, "attribute_range"),
    ("gen_ai.usage.cost", -0.5, "cost_reported", None, "attribute_range"),
    ("gen_ai.usage.cost", float("inf"), "cost_reported", None, "attribute_type"),
    ("gen_ai.usage.cost", "NaN", "cost_reported", None, "attribute_range"),
    ("gen_ai.usage.cost", -0.0, "cost_reported", 0.0, ""),
    ("gen_ai.usage.cost", 1, "cost_reported", 1.0, ""),
    ("gen_ai.server.time_to_first_token", -1.0, "ttft_us", None, "attribute_range"),
    ("gen_ai.server.time_to_first_token", 9e9, "ttft_us", None, "ttft_longer_than_span"),
    ("gen_ai.server.time_to_first_token", 0.1234567, "ttft_us", 123_457, ""),
    ("gen_ai.response.finish_reasons", ["stop", "length"], "finish_reason", "stop", ""),
    ("gen_ai.response.finish_reasons", [], "finish_reason", "", ""),
    ("gen_ai.response.finish_reasons", "stop", "finish_reason", "stop", ""),
    ("gen_ai.prompt.version", 3, "prompt_version", "3", ""),
    ("gen_ai.request.model", ["a"], "model_requested", "", "attribute_type"),
    ("session.id", "", "session_own", "", ""),
    ("tag.tags", "solo", "tags", ("solo",), ""),
    ("tag.tags", ["a", 1, "a", ""], "tags", ("a",), "attribute_cut"),
    ("tag.tags", ["a", "b", "a", ""], "tags", ("a", "b"), ""),
    ("tag.tags", 5, "tags", (), "attribute_type"),
    ("metadata", "[1]", "metadata", "", "attribute_type"),
    ("metadata", "{", "metadata", "", "attribute_type"),
    ("metadata", "[" * 5000, "metadata", "", "attribute_type"),
    ("metadata", '{"a": "' + "x" * 500 + '"}', "metadata", '{"a":"' + "x" * 500 + '"}', ""),
    ("assay.assignments", '{"a": 1}', "arms", (), "attribute_type"),
    ("llm.model_name", b"\xff", "model_requested", "", "attribute_type"),
]


@pytest.mark.parametrize(("name", "value", "column_name", "kept", "warning"), POISON)
def test_a_wrong_value_costs_its_column_at_most(name, value, column_name, kept, warning):
    event = map_one({name: value, "user.id": "u"})

    assert same(column(event, column_name), kept)
    assert event.warnings == ((warning,) if warning else ())
    assert same(rebuilt(event)[name], value)
    assert event.user_own == "u"


@pytest.mark.parametrize("name", ["gen_ai.input.messages", "gen_ai.tool.call.arguments"])
def test_a_structure_becomes_text_and_comes_back_as_a_structure(name):
    sent = [{"role": "user", "n": [1, 1.0, True, None, b"\x00", float("inf")]}]

    event = map_one({name: sent})

    assert event.payload.input.startswith('[{"role":"user","n":[1,1.0,true,null,')
    assert event.payload.attributes is None
    assert same(rebuilt(event), {name: sent})


def test_feature_flag_events_name_arms():
    gathered = gather_attributes({"experiment.name": "tone", "experiment.variant": "terse"})
    settle(gathered, None, (("rag", "deep"),))

    assert gathered.columns["arms"] == (("rag", "deep"), ("tone", "terse"))
    assert gathered.leftover == {"experiment.name": "tone", "experiment.variant": "terse"}


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.binary(max_size=8),
    st.text(st.characters(codec="utf-8"), max_size=12),
    st.sampled_from(["12", "LLM", "chat", "{}", "[]", '{"a":"b"}', "x" * 600]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(st.text(st.characters(codec="utf-8"), max_size=4), st.just("$bytes")),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)
keys = st.one_of(
    st.sampled_from(sorted(table.KEYS)), st.text(st.characters(codec="utf-8"), max_size=8)
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(keys, values, max_size=12))
def test_any_attributes_map_and_come_back(attributes):
    assert_rebuilds(attributes)


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(keys, scalars, max_size=8), st.randoms())
def test_the_order_of_any_attributes_says_nothing(attributes, random):
    names = list(attributes)
    random.shuffle(names)

    one, other = map_one(attributes), map_one({name: attributes[name] for name in names})

    assert one.seen == other.seen
    assert one.warnings == other.warnings
    assert one.payload == other.payload
    assert one.arms == other.arms


@given(values)
def test_sealing_is_undone_exactly(value):
    assert same(unseal(seal(value)), value)
