"""Messages as LangChain dumps them: ``{"type": "ai", "data": {"content": …}}``, or flat. Pure.

Names: langchain-core 1.7, ``message_to_dict`` and ``model_dump`` of its message classes.
"""

import re
from ast import literal_eval
from typing import Any

_find_printed = re.compile(
    r"""content=('(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+")"""
    r""" name='[^']*'(?: id='[^']*')? tool_call_id='([^']*)'""",
    re.DOTALL,
).match

_ROLES = {
    "human": "user",
    "HumanMessageChunk": "user",
    "ai": "assistant",
    "AIMessageChunk": "assistant",
    "system": "system",
    "SystemMessageChunk": "system",
    "tool": "tool",
    "ToolMessageChunk": "tool",
}
# Every class of messages dumps these beside the content; other objects of a ``type`` have neither.
_OWN = frozenset({"additional_kwargs", "response_metadata"})


def unwrapped(body: object) -> object:
    """A dumped message as one with a ``role``; anything else as it is."""
    if not isinstance(body, dict) or str(body.get("type")) not in _ROLES:
        return body
    data = body.get("data")
    message: dict[str, Any] = data if isinstance(data, dict) else body
    if "content" not in message or _OWN.isdisjoint(message):
        return body
    kept = {key: value for key, value in message.items() if key not in ("type", "id", *_OWN)}
    return {**kept, "role": _ROLES[body["type"]]}


def printed_result(text: str) -> tuple[str, str] | None:
    """The content and the call's id of a tool's message that was printed, as Fallom's callback
    does (langchain-core 1.7, ``str(ToolMessage)``); None of any other text."""
    found = _find_printed(text) if text.startswith("content=") else None
    if found is None:
        return None
    try:
        return str(literal_eval(found[1])), found[2]
    except (ValueError, SyntaxError):
        return None
