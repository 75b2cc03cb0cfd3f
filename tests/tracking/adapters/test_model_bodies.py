"""Bodies of model calls as messages, and what only looks like one."""

import json

import pytest

from tracking.adapters.dialects.message_parts import Message, Part
from tracking.adapters.dialects.messages import messages_of
from tracking.adapters.dialects.model_bodies import lone_text
from tracking.events import Payload

HELLO = Message("user", [Part("text", text="hello")])
CALL = Part("tool_call", call_id="c1", name="find", arguments='{"q":"x"}')


def asked(body):
    return messages_of(Payload(input=json.dumps(body)), {}, "input")


def answered(body):
    return messages_of(Payload(output=json.dumps(body)), {}, "output")


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": "hello"}], "model": "m", "tools": None},
        {"messages": [[{"role": "user", "content": "hello"}]]},
        {"model": "m", "input": "hello", "instructions": None},
        {
            "model": "m",
            "input": [{"role": "user", "content": [{"type": "input_text", "text": "hello"}]}],
        },
        {"model": "m", "prompt": "hello", "schema": "provided"},
        {"contents": [{"role": "user", "parts": [{"text": "hello"}]}], "generationConfig": {}},
        {"contents": "hello"},
        {"prompts": ["hello"]},
        {"input": "hello"},
        {"query": "hello"},
        [{"role": "user", "parts": [{"text": "hello"}]}],
        ["hello"],
    ],
)
def test_requests_say_what_was_asked(body):
    assert asked(body) == [HELLO]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("system", "be brief"),
        ("system", [{"type": "text", "text": "be brief"}]),
        ("instructions", "be brief"),
        ("systemInstruction", {"parts": [{"text": "be brief"}]}),
    ],
)
def test_a_system_prompt_comes_first(key, value):
    body = {"model": "m", "messages": [{"role": "user", "content": "hello"}], key: value}

    assert asked(body) == [Message("system", [Part("text", text="be brief")]), HELLO]


@pytest.mark.parametrize(
    ("items", "result"),
    [
        (
            [
                {
                    "type": "function_call",
                    "id": "fc",
                    "call_id": "c1",
                    "name": "find",
                    "arguments": '{"q":"x"}',
                },
                {"type": "function_call_output", "call_id": "c1", "output": "found"},
            ],
            Part("tool_result", call_id="c1", text="found"),
        ),
        (
            [
                {
                    "role": "assistant",
                    "content": [
                        {
                            "type": "tool-call",
                            "toolCallId": "c1",
                            "toolName": "find",
                            "args": {"q": "x"},
                        }
                    ],
                },
                {
                    "role": "tool",
                    "content": [
                        {
                            "type": "tool-result",
                            "toolCallId": "c1",
                            "toolName": "find",
                            "result": "found",
                        }
                    ],
                },
            ],
            Part("tool_result", call_id="c1", name="find", text="found"),
        ),
        (
            [
                {
                    "role": "assistant",
                    "content": [
                        {
                            "type": "tool-call",
                            "toolCallId": "c1",
                            "toolName": "find",
                            "input": {"q": "x"},
                        }
                    ],
                },
                {
                    "role": "tool",
                    "content": [
                        {
                            "type": "tool-result",
                            "toolCallId": "c1",
                            "toolName": "find",
                            "output": {"type": "text", "value": "found"},
                        }
                    ],
                },
            ],
            Part("tool_result", call_id="c1", name="find", text="found"),
        ),
    ],
    ids=["responses", "ai-sdk-4", "ai-sdk-5"],
)
def test_tools_called_before_are_read(items, result):
    assert asked({"model": "m", "input": items}) == [
        Message("assistant", [CALL]),
        Message("tool", [result]),
    ]


def test_googles_calls_are_read():
    contents = [
        {"role": "model", "parts": [{"functionCall": {"name": "find", "args": {"q": "x"}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "find", "response": {"a": 1}}}]},
    ]

    assert asked({"contents": contents}) == [
        Message("model", [Part("tool_call", name="find", arguments='{"q":"x"}')]),
        Message("user", [Part("tool_result", name="find", text='{"a":1}')]),
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"text": "hi", "finishReason": "stop"},
        {"choices": [{"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]},
        {"choices": [{"text": "hi"}]},
        {"role": "assistant", "type": "message", "content": [{"type": "text", "text": "hi"}]},
        {"output": [{"type": "message", "content": [{"type": "output_text", "text": "hi"}]}]},
        {"candidates": [{"content": {"role": "assistant", "parts": [{"text": "hi"}]}}]},
        {"candidates": 1, "text": "hi", "finishReason": "STOP"},
        {"text": "hi", "steps": []},
        {"text": "hi", "usage": {"inputTokens": 1}, "toolCalls": []},
        {"messages": [{"role": "assistant", "content": "hi"}]},
        {"output": "hi"},
        {"text": "hi"},
    ],
)
def test_answers_say_what_was_said(body):
    assert answered(body) == [Message("assistant", [Part("text", text="hi")])]


@pytest.mark.parametrize(
    "call",
    [
        {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q":"x"}'}},
        {"id": "c1", "name": "find", "arguments": {"q": "x"}},
        {"id": "c1", "name": "find", "args": {"q": "x"}},
        {"toolCallId": "c1", "toolName": "find", "args": {"q": "x"}, "type": "tool-call"},
        {"toolCallId": "c1", "toolName": "find", "input": {"q": "x"}},
        {
            "type": "tool-call",
            "payload": {"toolCallId": "c1", "toolName": "find", "args": {"q": "x"}},
        },
    ],
)
def test_answers_name_the_tools_they_call(call):
    assert answered({"text": None, "toolCalls": [call]}) == [Message("assistant", [CALL])]


def test_flattened_calls_may_be_json():
    attributes = {
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.tool_calls": json.dumps(
            [{"id": "c1", "function": {"name": "find", "arguments": '{"q":"x"}'}}]
        ),
    }

    assert messages_of(Payload(), attributes, "output") == [Message("assistant", [CALL])]


def test_steps_are_told_in_their_order_and_the_last_text_once():
    step = {
        "text": "",
        "toolCalls": [{"toolCallId": "c1", "toolName": "find", "args": {"q": "x"}}],
        "toolResults": [{"toolCallId": "c1", "toolName": "find", "result": "found"}],
    }
    last = {"text": "done", "toolCalls": []}
    told = [
        Message("assistant", [CALL]),
        Message("tool", [Part("tool_result", call_id="c1", name="find", text="found")]),
        Message("assistant", [Part("text", text="done")]),
    ]

    assert answered({"text": "done", "finishReason": "stop", "steps": [step, last]}) == told
    assert answered({"text": "done", "finishReason": "stop", "steps": [step]}) == told


def test_thoughts_are_told_apart():
    body = {
        "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "message", "content": [{"type": "text", "text": "hi"}]},
        ]
    }

    assert answered(body) == [
        Message("assistant", [Part("text", text="hm", name="reasoning")]),
        Message("assistant", [Part("text", text="hi")]),
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"text": "hello", "sentiment": "good"},
        {"output": "x", "score": 1},
        {"choices": ["a", "b"]},
        {"candidates": ["ada"]},
        {"steps_taken": 3},
        ["a", 1],
        [{"id": "d1"}],
        {},
        [],
    ],
)
def test_what_a_model_wrote_as_json_stays_its_text(body):
    assert answered(body) == [Message("assistant", [Part("text", text=json.dumps(body))])]


@pytest.mark.parametrize(
    "body",
    [{"query": "x", "limit": 3}, {"input": "x", "lang": "en"}, {"q": "x"}, [1, 2], [{"a": 1}]],
)
def test_arguments_are_no_conversation(body):
    assert asked(body) == [Message("user", [Part("text", text=json.dumps(body))])]


def test_strangers_sizes_are_bounded():
    body = {"text": "x", "steps": [{"text": str(n)} for n in range(5000)]}

    assert len(answered(body)) <= 1001
    assert len(asked([{"role": "user", "content": "x"}] * 5000)) == 1000


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"input": "x"}, "x"),
        ({"output": "x"}, "x"),
        ({"input": {"a": 1}}, None),
        ({"input": "x", "n": 1}, None),
        ({"city": "x"}, None),
        ("x", "x"),
    ],
)
def test_a_lone_text_is_found(body, text):
    assert lone_text(body) == text
