"""Messages sent twice, in GenAI's way and flattened, are stored once and come back twice."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracking.adapters.otlp_building import map_one
from tests.tracking.mapping_back import map_all
from tracking.adapters.dialects.flattened import INPUT, OUTPUT, read_texts
from tracking.adapters.dialects.keys import INPUT_MESSAGES_BIT, OUTPUT_MESSAGES_BIT
from tracking.adapters.dialects.messages import messages_of
from tracking.content import drop_content

ASKED, ANSWERED, TOLD = "Where is my order?", "On its way.", "Be brief."


def said(role, text):
    return {"role": role, "parts": [{"type": "text", "content": text}]}


TWICE = {
    "gen_ai.system_instructions": json.dumps([{"type": "text", "content": TOLD}]),
    "gen_ai.input.messages": json.dumps([said("user", ASKED)]),
    "gen_ai.output.messages": json.dumps(
        [{**said("assistant", ANSWERED), "finish_reason": "stop"}]
    ),
    f"{INPUT}.0.message.role": "system",
    f"{INPUT}.0.message.content": TOLD,
    f"{INPUT}.1.message.role": "user",
    f"{INPUT}.1.message.content": ASKED,
    f"{OUTPUT}.0.message.role": "assistant",
    f"{OUTPUT}.0.message.content": ANSWERED,
}


def test_equal_messages_are_two_bits():
    event = map_all(TWICE)

    assert event.payload.attributes is None
    assert event.seen & INPUT_MESSAGES_BIT
    assert event.seen & OUTPUT_MESSAGES_BIT
    assert [m.role for m in messages_of(event.payload, {}, "input")] == ["system", "user"]


@pytest.mark.parametrize("name", [f"{INPUT}.1.message.content", f"{OUTPUT}.0.message.content"])
@pytest.mark.parametrize("value", ["other", "", 5, None, {"$bytes": "x"}])
def test_a_message_that_differs_is_kept_with_its_neighbours(name, value):
    event = map_all({**TWICE, name: value})

    assert event.payload.attributes[name] != "On its way."
    assert bool(event.seen & INPUT_MESSAGES_BIT) is (not name.startswith(INPUT))


def test_what_the_texts_do_not_say_is_kept():
    further = {
        f"{INPUT}.1.message.tool_calls.0.tool_call.id": "c",
        f"{INPUT}.2.message.role": "tool",
    }

    event = map_all({**TWICE, **further})

    assert event.payload.attributes == further


@pytest.mark.parametrize(
    "text",
    [
        None,
        "hello",
        "{}",
        "[[]]",
        '[{"role": "user", "parts": []}]',
        '[{"role": "user", "parts": [{"type": "image", "content": "x"}]}]',
        '[{"role": 5, "parts": [{"type": "text", "content": "x"}]}]',
        "[" * 5000,
        json.dumps([said("user", "x")] * 65),
    ],
)
def test_other_texts_are_not_flattened(text):
    assert read_texts(text) == []


def test_dropped_content_is_dropped_in_both_ways():
    event = drop_content(map_one(TWICE))

    assert not event.seen & (INPUT_MESSAGES_BIT | OUTPUT_MESSAGES_BIT)
    assert ASKED not in repr(event)


def test_dropped_content_leaves_no_seal_open():
    event = drop_content(map_one({"ai.values": ["a long text of an embedding", "and another"]}))

    assert "a long text" not in repr(event)
    assert event.payload.attributes is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["user", "assistant"]),
            st.text(st.characters(codec="utf-8"), max_size=8),
        ),
        min_size=1,
        max_size=4,
    ),
    st.booleans(),
)
def test_any_texts_come_back(messages, has_system):
    attributes = {"gen_ai.input.messages": json.dumps([said(*message) for message in messages])}
    if has_system:
        attributes["gen_ai.system_instructions"] = TWICE["gen_ai.system_instructions"]
    flat = [("system", TOLD)] * has_system + messages
    for index, (role, text) in enumerate(flat):
        attributes[f"{INPUT}.{index}.message.role"] = role
        attributes[f"{INPUT}.{index}.message.content"] = text

    event = map_all(attributes)

    assert event.payload.attributes is None
