"""Messages are strangers' JSON: whatever its shape, a page can be made of it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracking.span_samples import make_detail
from tracking.adapters.dialects.messages import messages_of
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


@settings(max_examples=600, deadline=None)
@given(MESSAGES)
def test_any_json_is_read_as_messages(said):
    text = json.dumps(said)

    for direction in ("input", "output"):
        messages_of(Payload(input=text, output=text, system=text), {}, direction)
    build_thread([make_detail("call", input=text, output=text)])


@pytest.mark.parametrize("kind", [{}, [], 5, None, {"a": 1}])
@pytest.mark.parametrize("wrap", [lambda m: m, lambda m: {"role": "user", "content": [m]}])
def test_a_type_that_is_no_text_is_no_type(kind, wrap):
    text = json.dumps([wrap({"type": kind, "role": "user", "text": "said"})])

    assert messages_of(Payload(input=text), {}, "input")
