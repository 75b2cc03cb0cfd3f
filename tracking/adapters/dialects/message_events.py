"""Messages that came as span events: GenAI conventions up to 1.36, and the details event. Pure."""

from collections.abc import Iterable
from typing import Any

from tracking.adapters.dialects.message_parts import Message, decode_json, message_of, parts_of

MAX_EVENTS = 1000

_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
DETAILS = "gen_ai.client.inference.operation.details"
CHOICE = "gen_ai.choice"
_BODIES = {
    "input": {"gen_ai.content.prompt": "gen_ai.prompt", DETAILS: "gen_ai.input.messages"},
    "output": {
        "gen_ai.content.completion": "gen_ai.completion",
        DETAILS: "gen_ai.output.messages",
    },
}
EVENT_NAMES = frozenset({*_ROLES, *_BODIES["input"], *_BODIES["output"], CHOICE})
"""Events that carry messages, on a span or as log records about one."""


def messages_of_events(events: Iterable[Any], direction: str) -> list[Message]:
    """``events`` are a payload's: ``[name, ns, attributes]``."""
    messages: list[Message] = []
    for name, _, attributes, *_ in events:
        read = _read_event(name, attributes, direction)
        messages += [message for message in read if message.parts]
        if len(messages) >= MAX_EVENTS:
            break
    return messages[:MAX_EVENTS]


def _read_event(name: str, attributes: dict[str, Any], direction: str) -> list[Message]:
    body = _BODIES[direction].get(name)
    if body is not None:
        told = _instructions(attributes) if direction == "input" else []
        return told + _read_body(attributes.get(body), direction)
    if direction == "input" and name in _ROLES:
        return [message_of(_decoded(attributes), _ROLES[name])]
    if direction == "output" and name == CHOICE:
        sent = _decoded(attributes)
        message = sent.get("message")
        return [message_of(message if isinstance(message, dict) else sent, "assistant")]
    return []


def _instructions(attributes: dict[str, Any]) -> list[Message]:
    sent = attributes.get("gen_ai.system_instructions")
    parts = parts_of(decode_json(sent) if isinstance(sent, str) else sent)
    return [Message("system", parts)] if parts else []


def _decoded(attributes: dict[str, Any]) -> dict[str, Any]:
    """An event's attributes, with those decoded that hold JSON."""
    return {
        name: decode_json(value) if isinstance(value, str) and value[:1] in ("[", "{") else value
        for name, value in attributes.items()
    }


def _read_body(sent: object, direction: str) -> list[Message]:
    role = "user" if direction == "input" else "assistant"
    body = decode_json(sent) if isinstance(sent, str) else sent
    items = body if isinstance(body, list) else [body]
    return [
        message_of(item if isinstance(item, dict) else {"content": item}, role)
        for item in items
        if item is not None
    ]
