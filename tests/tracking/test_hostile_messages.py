"""Messages are strangers' JSON: whatever its shape, a page can be made of it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracking.span_samples import make_detail
from tracking.adapters.dialects.messages import messages_of
from tracking.adapters.dialects.model_bodies import is_silent
from tracking.conversation import build_thread
from tracking.events import Payload

KEYS = [
    *("role", "type", "content", "parts", "text", "name", "id", "source", "url", "data", "input"),
    *("tool_calls", "function", "arguments", "toolUseId", "image_url", "messages", "choices"),
    *("message", "response", "result", "output", "summary", "functionCall", "additional_kwargs"),
]
TYPES = ["text", "tool_use", "tool_result", "image", "audio", "reasoning", "message", "human", 5]
PLAIN = st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(TYPES) | st.text(max_size=4)
MESSAGES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
    ),
    max_leaves=20,
)


PART_TYPES = {"text", "tool_call", "tool_result", "image", "other"}
# One thing said, in the ways that clients write it.
WAYS = [
    lambda said: {"role": "user", "content": said},
    lambda said: {"role": "system", "content": [said]},
    lambda said: {"role": "assistant", "content": [{"type": "output_text", "text": said}]},
    lambda said: {"role": "assistant", "parts": [{"type": "reasoning", "content": said}]},
    lambda said: {"role": "tool", "tool_call_id": "c", "content": said},
    lambda said: {"role": "user", "content": [{"type": "tool_result", "content": [said]}]},
    lambda said: {"role": "assistant", "tool_calls": [{"function": {"arguments": said}}]},
    lambda said: {"role": "assistant", "content": [{"type": "tool_use", "input": {"q": said}}]},
    lambda said: {"role": "user", "content": [{"type": "odd", "x": [{"y": said}]}]},
]


def assert_shape(messages):
    for message in messages:
        assert isinstance(message.role, str)
        assert message.role
        for part in message.parts:
            assert part.type in PART_TYPES
            texts = (part.text, part.call_id, part.name, part.arguments)
            assert {type(text) for text in texts} == {str}
            assert type(part.is_error) is bool


@settings(max_examples=600, deadline=None)
@given(MESSAGES)
def test_any_json_is_read_as_messages(said):
    text = json.dumps(said)

    for direction in ("input", "output"):
        found = messages_of(Payload(input=text, output=text), {}, direction)
        assert found != [] or (direction == "output" and is_silent(said))
        assert_shape(found)
    assert_shape(messages_of(Payload(system=text), {}, "input"))
    build_thread([make_detail("call", input=text, output=text)])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(WAYS), st.from_regex(r"[a-z]{1,9}", fullmatch=True))))
def test_nothing_that_was_said_is_lost(things):
    words = [f"{word}-{n}" for n, (_, word) in enumerate(things)]
    text = json.dumps([way(word) for (way, _), word in zip(things, words, strict=True)])

    for direction in ("input", "output"):
        found = messages_of(Payload(input=text, output=text), {}, direction)
        shown = [part.text + part.arguments for message in found for part in message.parts]
        assert len(found) == max(len(things), 1)
        assert all(any(word in each for each in shown) for word in words)


@given(st.text(min_size=1))
def test_a_plain_text_is_said_as_it_is(text):
    (message,) = messages_of(Payload(input=json.dumps(text)), {}, "input")

    assert [(part.type, part.text) for part in message.parts] == [("text", text)]


@pytest.mark.parametrize("kind", [{}, [], 5, None, {"a": 1}])
@pytest.mark.parametrize("wrap", [lambda m: m, lambda m: {"role": "user", "content": [m]}])
def test_a_type_that_is_no_text_is_no_type(kind, wrap):
    text = json.dumps([wrap({"type": kind, "role": "user", "text": "said"})])

    assert messages_of(Payload(input=text), {}, "input")
