"""What was said to a model and by it, from whichever way a dialect writes it. Pure, for pages.

Ways, best first: messages, or the body of a call, as JSON in the payload; flattened attributes;
messages as span events; plain text. Content is a stranger's: nothing is allocated by an index it
names, what cannot be understood is shown as the text it is.
"""

from typing import Literal

from tracking.adapters.dialects.message_events import messages_of_events
from tracking.adapters.dialects.message_parts import (
    Message,
    Part,
    call_of,
    decode_json,
    message_of,
    parts_of,
)
from tracking.adapters.dialects.model_bodies import (
    is_silent,
    messages_of_request,
    messages_of_response,
)
from tracking.events import Payload

MAX_ITEMS = 1000
MAX_INDEX_DIGITS = 10

Direction = Literal["input", "output"]

_WRAPPERS = ("message.", "prompt.", "completion.", "embedding.")
_MEDIA = ("audio", "video", "document")
_ROLES = {"input": "user", "output": "assistant"}
_THOUGHTS_BESIDE = "ai.response.reasoning"
_LOGFIRE_EVENTS = "events"
_CALLS_BESIDE = ("ai.response.toolCalls", "ai.result.toolCalls")
_FLATTENED = {
    "input": ("llm.input_messages.", "gen_ai.prompt.", "llm.prompts.", "embedding.embeddings."),
    "output": ("llm.output_messages.", "gen_ai.completion.", "llm.choices."),
}


def messages_of(
    payload: Payload, attributes: dict[str, object], direction: Direction
) -> list[Message]:
    """The messages of one direction. ``attributes``: the payload's, or all rebuilt ones."""
    body = payload.input if direction == "input" else payload.output
    messages = (
        _messages_of_body(body, direction)
        or _messages_of_flattened(attributes, direction)
        or messages_of_events(payload.span_events or [], direction)
        or _messages_of_logfire(attributes, direction)
    )
    if not messages and body and not (direction == "output" and is_silent(decode_json(body))):
        messages = [Message(_ROLES[direction], [Part("text", text=_plain(body))])]
    if direction == "output":
        messages = _with_thoughts(_with_calls(messages, attributes), attributes)
    if direction == "input" and payload.system:
        messages.insert(0, Message("system", parts_of(decode_json(payload.system))))
    return messages


def _plain(body: str) -> str:
    """A text, also one that was sent as JSON, quoted."""
    value = decode_json(body) if body[:1] == '"' == body[-1:] else body
    return value if isinstance(value, str) else body


def _messages_of_body(body: str | None, direction: Direction) -> list[Message]:
    if not body or body.lstrip()[:1] not in ("[", "{"):
        return []
    read = messages_of_request if direction == "input" else messages_of_response
    return read(decode_json(body))


def _with_calls(messages: list[Message], attributes: dict[str, object]) -> list[Message]:
    """The Vercel AI SDK tells the calls of tools beside the text of an answer."""
    for name in _CALLS_BESIDE:
        sent = attributes.get(name)
        calls = decode_json(sent) if isinstance(sent, str) else sent
        if isinstance(calls, list) and calls:
            told = [call_of(call) for call in calls[:MAX_ITEMS] if isinstance(call, dict)]
            parts = [*(messages[-1].parts if messages else ()), *told]
            return [*messages[:-1], Message("assistant", parts)]
    return messages


def _with_thoughts(messages: list[Message], attributes: dict[str, object]) -> list[Message]:
    """The Vercel AI SDK tells the thoughts beside the text of an answer, too."""
    said = attributes.get(_THOUGHTS_BESIDE)
    if not isinstance(said, str) or not said:
        return messages
    thoughts = Part("text", text=said, name="reasoning")
    parts = messages[-1].parts if messages else []
    return [*messages[:-1], Message("assistant", [thoughts, *parts])]


def _messages_of_logfire(attributes: dict[str, object], direction: Direction) -> list[Message]:
    """Events as one attribute, a JSON list: Pydantic AI, and Logfire's own instrumentations."""
    sent = attributes.get(_LOGFIRE_EVENTS)
    told = decode_json(sent) if isinstance(sent, str) and sent[:1] == "[" else sent
    if not isinstance(told, list):
        return []
    events = [
        (each["event.name"], 0, each)
        for each in told[:MAX_ITEMS]
        if isinstance(each, dict) and isinstance(each.get("event.name"), str)
    ]
    return messages_of_events(events, direction)


def _messages_of_flattened(attributes: dict[str, object], direction: Direction) -> list[Message]:
    for prefix in _FLATTENED[direction]:
        groups = _group(attributes, prefix)
        if groups:
            return [message_of(_unflatten(fields), _ROLES[direction]) for fields in groups]
    return []


def _group(fields: dict[str, object], prefix: str) -> list[dict[str, object]]:
    """The fields below ``prefix`` in the order of their index, which sizes nothing."""
    groups: dict[int, dict[str, object]] = {}
    for name, value in fields.items():
        if name.startswith(prefix):
            index, _, rest = name[len(prefix) :].partition(".")
            if index.isdecimal() and index.isascii() and len(index) <= MAX_INDEX_DIGITS and rest:
                groups.setdefault(int(index), {})[rest] = value
    return [groups[index] for index in sorted(groups)[:MAX_ITEMS]]


def _below(fields: dict[str, object], prefix: str) -> dict[str, object]:
    return {name.removeprefix(prefix): value for name, value in fields.items()}


def _unflatten(fields: dict[str, object]) -> dict[str, object]:
    """One flattened message as the JSON message it was."""
    for wrapper in _WRAPPERS:
        fields = _below(fields, wrapper)
    message = {name: value for name, value in fields.items() if "." not in name}
    message["content"] = _parts_in(message.get("content", message.pop("text", None)))
    contents = [_below(item, "message_content.") for item in _group(fields, "contents.")]
    if contents:
        message["content"] = [_content_of(item) for item in contents]
    calls = [_below(item, "tool_call.") for item in _group(fields, "tool_calls.")]
    if name := message.get("function_call_name"):
        arguments = message.get("function_call_arguments_json")
        calls.append({"name": name, "arguments": arguments or ""})
    if calls:
        message["tool_calls"] = [
            {
                "id": call.get("id", ""),
                "name": call.get("function.name", call.get("name", "")),
                "arguments": call.get("function.arguments", call.get("arguments", "")),
            }
            for call in calls
        ]
    return message


def _parts_in(content: object) -> object:
    """Parts of a message that were written as JSON; any other text as it is."""
    if not isinstance(content, str) or content[:1] != "[":
        return content
    parts = decode_json(content)
    is_parts = isinstance(parts, list) and all(
        isinstance(part, dict) and isinstance(part.get("type"), str) for part in parts
    )
    return parts if is_parts and parts else content


def _content_of(fields: dict[str, object]) -> dict[str, object]:
    """One part of OpenInference's: images, sounds and files lie a level deeper."""
    url = fields.get("image.image.url")
    if url is not None:
        return {"type": "image", "url": url}
    for kind in _MEDIA:
        medium = _below_alone(fields, f"{kind}.{kind}.")
        if medium:
            url = medium.get("url")
            is_data = isinstance(url, str) and url.startswith("data:")
            told = {"filename": medium.get("transcript"), "mime_type": medium.get("mime_type")}
            return {**told, "type": "media", "modality": kind, "data" if is_data else "url": url}
    return dict(fields)


def _below_alone(fields: dict[str, object], prefix: str) -> dict[str, object]:
    return {name[len(prefix) :]: held for name, held in fields.items() if name.startswith(prefix)}
