"""Bodies of requests to models and of their answers, as messages. Pure, for pages.

Whoever records a call without a convention of messages keeps the very body: that of OpenAI (chat,
Responses), Anthropic, Google, or what AI SDK, LangChain and Fallom make of them. A body is told by
keys that only such bodies have: an object that a model wrote, or arguments of a tool, may have a
key ``text`` or ``input`` too and is no conversation.
"""

from collections.abc import Callable, Iterator
from typing import Any

from tracking.adapters.dialects.langchain_messages import unwrapped
from tracking.adapters.dialects.message_parts import (
    Message,
    Part,
    call_of,
    is_call,
    is_result,
    message_of,
    parts_of,
    text_of,
)

MAX_ITEMS = 1000

_SYSTEMS = ("system", "instructions", "systemInstruction", "system_instruction")
_ASKED = ("input", "prompt", "prompts", "contents")
_LONE_QUESTIONS = frozenset({"input", "query", "question", "prompt", "prompts"})
_LONE_ANSWERS = frozenset({"output", "text", "answer", "object"})
_ANSWERED = frozenset(
    {
        *("finishReason", "responseId", "toolCalls", "functionCall", "steps"),
        *("usage", "candidates", "modelId"),
    }
)
_FACTS = frozenset({"finishReason", "responseId", "model", "modelId", "status", "type", "id"})
_MAX_DEPTH = 8


def messages_of_request(body: object) -> list[Message]:
    """What was said to a model; none when the body is not one of a request."""
    body = unwrapped(body)
    if isinstance(body, list):
        return _messages_of_any(body, "user")
    if not isinstance(body, dict):
        return []
    asked = _asked_of(body)
    if not asked:
        return [message_of(body)] if "role" in body else []
    config = body.get("config")  # of Google's clients, its system instruction too
    said = {**config, **body} if isinstance(config, dict) and "contents" in body else body
    systems = [said[key] for key in _SYSTEMS if said.get(key)]
    return [*(Message("system", _parts_of_any(each)) for each in systems), *asked]


def _asked_of(body: dict[str, Any]) -> list[Message]:
    messages = body.get("messages")
    if isinstance(messages, list) and messages:
        flat = [
            item for batch in messages for item in (batch if isinstance(batch, list) else [batch])
        ]
        return _messages_of_items(flat, "user")
    is_request = "model" in body or "contents" in body
    for key in _ASKED:
        asked = body.get(key)
        if asked and (is_request or body.keys() == {key}):
            return _messages_of_any(asked, "user")
    if len(body) == 1 and not body.keys().isdisjoint(_LONE_QUESTIONS):
        return _messages_of_any(next(iter(body.values())), "user")
    return []


def messages_of_response(body: object) -> list[Message]:
    """What a model said, and the tools it called on the way; none when it is no answer's body."""
    body = unwrapped(body)
    if isinstance(body, list):
        return _messages_of_items(body, "assistant")
    if not isinstance(body, dict):
        return []
    if "role" in body:
        return [message_of(body, "assistant")]
    found = _messages_of_candidates([body])
    for key, read in _LISTS.items():
        found = found or read(_list(body, key))
    if found:
        return found
    if not _ANSWERED.isdisjoint(body) and body.get("object") != "list":  # as embeddings are
        return _messages_of_answer(body)
    if len(body) == 1 and not body.keys().isdisjoint(_LONE_ANSWERS):
        return _messages_of_any(next(iter(body.values())), "assistant")
    return []


def is_silent(body: object) -> bool:
    """Whether a body is an answer in which nothing was said: cut short, filtered, not read. Of a
    call that failed LangSmith says ``{"output": null}``."""
    if body in (None, {"output": None}):
        return True
    is_answer = isinstance(body, dict) and ("finishReason" in body or "responseId" in body)
    return is_answer and not _says(body)


def _says(value: object, depth: int = 0) -> bool:
    if depth > _MAX_DEPTH:
        return True
    if isinstance(value, dict):
        return any(_says(held, depth + 1) for key, held in value.items() if key not in _FACTS)
    if isinstance(value, list):
        return any(_says(held, depth + 1) for held in value)
    return isinstance(value, str) and value != ""


def lone_text(body: object) -> str | None:
    """The text of ``{"input": …}``, ``{"output": …}`` and the like: what a tool took or gave."""
    if isinstance(body, str):
        return body
    message = unwrapped(body)
    if isinstance(message, dict) and message is not body and isinstance(message["content"], str):
        return message["content"]
    if isinstance(body, dict) and len(body) == 1:
        ((key, value),) = body.items()
        if key in _LONE_QUESTIONS | _LONE_ANSWERS and isinstance(value, str):
            return value
    return None


def _messages_of_any(said: object, role: str) -> list[Message]:
    if isinstance(said, list) and not all(isinstance(each, str) for each in said):
        return _messages_of_items(said, role)
    parts = _parts_of_any(said)
    return [Message(role, parts)] if parts else []


def _parts_of_any(said: object) -> list[Part]:
    """Parts of a text, blocks, or an object that holds them (Google's systemInstruction)."""
    if isinstance(said, dict) and isinstance(said.get("parts"), list):
        said = said["parts"]
    return parts_of(said)


def _messages_of_items(items: list[Any], role: str) -> list[Message]:
    """A list of messages, or of the items of OpenAI's Responses; of anything else nothing."""
    read = [unwrapped(item) for item in items[:MAX_ITEMS]]
    if not all(isinstance(item, dict) and _is_message(item) for item in read):
        return []
    return [m for item in read if isinstance(item, dict) for m in _messages_of_item(item, role)]


def _is_message(item: dict[str, Any]) -> bool:
    kind = text_of(item.get("type"))
    return (
        "role" in item
        or isinstance(item.get("parts"), list)
        or (is_call(kind) and kind != "function")  # tools that are on offer say so too
        or is_result(kind)
        or kind in {"message", "reasoning"}
    )


def _messages_of_item(item: dict[str, Any], role: str) -> Iterator[Message]:
    kind = text_of(item.get("type"))
    if is_call(kind):
        yield Message("assistant", [call_of(item)])
    elif is_result(kind):
        yield Message("tool", parts_of([item]))
    elif kind == "reasoning":
        said = _list(item, "summary") or _list(item, "content")
        thoughts = [text_of(each.get("text")) for each in said if isinstance(each, dict)]
        if any(thoughts):
            yield Message("assistant", [Part("text", text="\n".join(thoughts), name="reasoning")])
    else:
        yield message_of(item, role)


def _messages_of_choices(choices: list[Any]) -> list[Message]:
    messages = []
    for choice in choices:
        if isinstance(choice, dict) and isinstance(choice.get("message"), dict):
            messages.append(message_of(choice["message"], "assistant"))
        elif isinstance(choice, dict) and isinstance(choice.get("text"), str):
            messages.append(Message("assistant", parts_of(choice["text"])))
    return messages


def _messages_of_candidates(candidates: list[Any]) -> list[Message]:
    contents = [each.get("content") for each in candidates if isinstance(each, dict)]
    contents = [each for each in contents if isinstance(each, dict)]
    return _messages_of_items([each for each in contents if each], "assistant")


def _said_by_assistant(items: list[Any]) -> list[Message]:
    return _messages_of_items(items, "assistant")


_LISTS: dict[str, Callable[[list[Any]], list[Message]]] = {
    "choices": _messages_of_choices,
    "candidates": _messages_of_candidates,
    "output": _said_by_assistant,
    "messages": _said_by_assistant,
}
"""Keys of answers whose list is what was said."""


def _messages_of_answer(body: dict[str, Any]) -> list[Message]:
    """An answer as AI SDK and Fallom write it: steps if there were several, text, tool calls."""
    steps = [step for step in _list(body, "steps") if isinstance(step, dict)]
    messages = [message for step in steps[:MAX_ITEMS] for message in _messages_of_step(step)]
    if not messages:
        return _messages_of_step(body)
    last = body.get("text")
    if last and last != steps[-1].get("text"):
        messages.append(Message("assistant", parts_of(last)))
    return messages


def _messages_of_step(step: dict[str, Any]) -> list[Message]:
    parts = _parts_of_step(step)
    results = [each for each in _list(step, "toolResults") if isinstance(each, dict)]
    given = parts_of([{**_inner(each), "type": "tool-result"} for each in results])
    if not (parts or given):  # AI SDK 5: its results have content; what it said is computed
        content = [part for part in parts_of(_list(step, "content")) if part != Part("text")]
        parts = [part for part in content if part.type != "tool_result"]
        given = [part for part in content if part.type == "tool_result"]
    said = (Message("assistant", parts), Message("tool", given))
    return [message for message in said if message.parts]


def _parts_of_step(step: dict[str, Any]) -> list[Part]:
    parts = []
    thoughts = step.get("reasoningText", step.get("reasoning"))
    if thoughts and isinstance(thoughts, str):
        parts.append(Part("text", text=thoughts, name="reasoning"))
    said = step.get("text") or step.get("object")
    if said:
        parts.append(Part("text", text=text_of(said)))
    calls = [*_list(step, "toolCalls"), step.get("functionCall")]
    parts += [call_of(_inner(call)) for call in calls if isinstance(call, dict)]
    return parts


def _inner(sent: dict[str, Any]) -> dict[str, Any]:
    """Mastra puts a tool's call or result into a ``payload``."""
    payload = sent.get("payload")
    return payload if isinstance(payload, dict) else sent


def _list(body: dict[str, Any], key: str) -> list[Any]:
    value = body.get(key)
    return value[:MAX_ITEMS] if isinstance(value, list) else []
