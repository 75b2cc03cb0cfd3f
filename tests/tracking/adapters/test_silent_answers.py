"""Answers in which nothing was said are shown as that, not as the JSON around it."""

import json

import pytest

from tracking.adapters.dialects.messages import messages_of
from tracking.events import Payload


def answered(body):
    return messages_of(Payload(output=json.dumps(body)), {}, "output")


@pytest.mark.parametrize(
    "body",
    [
        {"responseId": None, "model": None, "status": None},  # a stream of OpenAI's Responses
        {"text": None, "finishReason": "content_filter", "responseId": "r", "model": "m"},
        {"text": "", "finishReason": "end_turn", "toolCalls": [], "content": []},
        {"text": "", "finishReason": "end_turn", "content": [{"type": "text", "text": ""}]},
        {"text": "", "candidates": 1, "finishReason": "SAFETY"},
        {"text": "", "finishReason": "length", "steps": [], "responseMessages": []},
    ],
)
def test_nothing_was_said(body):
    assert answered(body) == []


@pytest.mark.parametrize(
    "body",
    [
        {"finishReason": "stop", "somethingNew": "hello"},
        {"finishReason": "stop", "somethingNew": [{"deep": {"text": "hello"}}]},
        {"responseId": None, "model": None, "status": None, "answer": "yes"},
        {"status": "", "model": ""},
        {"usage": {}},
    ],
)
def test_what_is_not_understood_is_shown_as_it_is(body):
    (message,) = answered(body)

    assert message.text == json.dumps(body)


def test_an_object_is_an_answer():
    (message,) = answered({"object": {"ok": False}, "finishReason": "stop"})

    assert message.text == '{"ok":false}'
