"""Calls of tools as providers name them: functions, custom tools, tools of their own."""

import json

import pytest

from tracking.adapters.dialects.message_parts import Part, message_of, parts_of
from tracking.adapters.dialects.model_bodies import messages_of_request, messages_of_response

CALLS = {
    "OpenAI's custom tool": (
        {"id": "c1", "type": "custom", "custom": {"name": "grep", "input": "raw text"}},
        ("c1", "grep", "raw text"),
    ),
    "LangChain's": (
        {"id": "c1", "type": "tool_call", "name": "find", "args": {"q": 1}},
        ("c1", "find", '{"q":1}'),
    ),
}


@pytest.mark.parametrize(("sent", "told"), CALLS.values(), ids=CALLS)
def test_the_calls_of_a_message_are_told(sent, told):
    (call,) = message_of({"role": "assistant", "content": None, "tool_calls": [sent]}).parts

    assert (call.type, call.call_id, call.name, call.arguments) == ("tool_call", *told)


OWN_TOOLS = {
    "Anthropic's": (
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "x"}},
        Part("tool_call", call_id="s1", name="web_search", arguments='{"query":"x"}'),
    ),
    "Anthropic's result": (
        {"type": "web_search_tool_result", "tool_use_id": "s1", "content": "found"},
        Part("tool_result", call_id="s1", text="found"),
    ),
    "thoughts kept secret": (
        {"type": "redacted_thinking", "data": "EqQB"},
        Part("text", text="(redacted)", name="reasoning"),
    ),
}


@pytest.mark.parametrize(("sent", "part"), OWN_TOOLS.values(), ids=OWN_TOOLS)
def test_tools_of_a_provider_are_tools(sent, part):
    assert parts_of([sent]) == [part]


ITEMS = [
    {"type": "web_search_call", "id": "w1", "action": {"type": "search", "query": "x"}},
    {"type": "custom_tool_call", "call_id": "c1", "name": "grep", "input": "raw"},
    {"type": "function_call", "call_id": "c2", "name": "find", "arguments": "{}"},
]


def test_items_of_responses_beside_functions_are_calls():
    messages = messages_of_response({"output": ITEMS})

    calls = [part for message in messages for part in message.parts]
    assert [(call.name, call.arguments) for call in calls] == [
        ("web_search", '{"type":"search","query":"x"}'),
        ("grep", "raw"),
        ("find", "{}"),
    ]


def test_what_they_gave_comes_with_the_next_request():
    given = {"type": "custom_tool_call_output", "call_id": "c1", "output": "line 1"}

    *_, last = messages_of_request({"model": "m", "input": [*ITEMS, given]})

    assert last.parts == [Part("tool_result", call_id="c1", text="line 1")]


def test_tools_on_offer_are_not_calls():
    offered = [{"type": "function", "function": {"name": "find", "parameters": {}}}]

    assert messages_of_response(json.loads(json.dumps(offered))) == []
