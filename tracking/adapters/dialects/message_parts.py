"""Messages and their parts as GenAI, OpenAI, Anthropic, Google, AI SDK and ai.matey write them.

Pure.
"""

from typing import Any, Literal

import msgspec

from tracking.adapters.dialects.media import describe, medium_of

PartType = Literal["text", "tool_call", "tool_result", "image", "other"]

MAX_PARTS = 1000

_THOUGHTS = frozenset({"reasoning", "thinking"})
_TEXTS = frozenset({"text", "input_text", "output_text"}) | _THOUGHTS
_CALLS = frozenset({"tool_call", "tool_use", "function", "tool-call", "function_call"})
_RESULTS = frozenset(
    {
        *("tool_call_response", "tool_result", "tool_response"),
        *("tool-result", "function_call_output"),
    }
)
# OpenAI's and Anthropic's own tools, whose names go before: "web_search_call", "mcp_tool_use".
_CALL_ENDS, _RESULT_ENDS = ("_call", "_tool_use"), ("_call_output", "_tool_result")
_REDACTED = "redacted_thinking"
_IMAGES = frozenset({"image", "image_url", "input_image"})
_MEDIA = frozenset({"audio", "document", "video"})  # of ai.matey from 0.5, Anthropic's documents
# Google's parts have no type: the key is the type.
_GOOGLE_CALLS = ("functionCall", "function_call")
_GOOGLE_RESULTS = ("functionResponse", "function_response")
_RESULT_KEYS = ("response", "result", "content", "output")
_RESULT_ID_KEYS = ("call_id", "toolCallId", "id", "tool_use_id", "toolUseId", "tool_call_id")


class Part(msgspec.Struct, frozen=True):
    type: PartType
    text: str = ""  # of a text or a result; an address of an image; JSON of anything else
    call_id: str = ""
    name: str = ""  # of the tool; of a text, what kind it is ("reasoning")
    arguments: str = ""  # of a call, JSON text as it was sent
    is_error: bool = False  # of a result


class Message(msgspec.Struct, frozen=True):
    role: str
    parts: list[Part]

    @property
    def text(self) -> str:
        """What was said, and which tools were called."""
        return "\n\n".join(
            f"{part.name}({part.arguments})" if part.type == "tool_call" else part.text
            for part in self.parts
        )


def decode_json(text: str) -> Any:  # JSON of any shape
    """Decode, or give the text back when it is not JSON or too deep."""
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return text


def text_of(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()


def message_of(sent: dict[str, Any], role: str = "user") -> Message:
    """One message, however its content is written."""
    parts = parts_of(sent.get("parts", sent.get("content")))
    calls = sent.get("tool_calls")
    if isinstance(calls, str):  # flattened attributes hold a list as JSON
        calls = decode_json(calls)
    if isinstance(calls, list):
        parts += [call_of(call) for call in calls if isinstance(call, dict)]
    said_role = text_of(sent.get("role")) or role
    call_id = sent.get("tool_call_id", sent.get("id") if said_role == "tool" else None)
    if call_id and parts and all(part.type == "text" for part in parts):
        name = text_of(sent.get("name"))
        result = "\n".join(part.text for part in parts)
        parts = [Part("tool_result", text=result, call_id=text_of(call_id), name=name)]
    return Message(said_role, parts)


def parts_of(content: object) -> list[Part]:
    if content is None or content == "":
        return []
    if not isinstance(content, list):
        content = [content]
    return [
        _part_of(item) if isinstance(item, dict) else Part("text", text=text_of(item))
        for item in content[:MAX_PARTS]
    ]


def _part_of(sent: dict[str, Any]) -> Part:
    kind = sent.get("type")
    if not isinstance(kind, str):
        sent, kind = _typed(sent)
    if kind is not None and is_call(kind):
        return call_of(sent)
    if kind is not None and is_result(kind):
        return _result_of(sent)
    if (medium := _medium_of(sent, kind)) is not None:
        return medium
    if kind == _REDACTED:
        return Part("text", text="(redacted)", name="reasoning")
    text = sent.get("content", sent.get("text", sent.get(str(kind))))
    if kind in _TEXTS or (kind is None and isinstance(text, str)):
        is_thought = kind in _THOUGHTS or (kind is None and sent.get("thought") is True)
        return Part("text", text=text_of(text), name="reasoning" if is_thought else "")
    return Part("other", text=text_of(sent), name=text_of(kind))


def _medium_of(sent: dict[str, Any], kind: str | None) -> Part | None:
    if (medium := medium_of(sent)) is not None:
        return Part("image", text=medium[1], name=medium[0])
    if kind in _IMAGES or sent.get("modality") == "image":
        return Part("image", text=_address_of(sent))
    if kind in _MEDIA and isinstance(sent.get("source"), dict):
        words = (
            f"{kind}:",
            _address_of(sent),
            text_of(sent.get("filename", sent.get("transcript"))),
        )
        return Part("image", text=" ".join(word for word in words if word), name=text_of(kind))
    return None


def _typed(sent: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    for names, kind in ((_GOOGLE_CALLS, "tool_call"), (_GOOGLE_RESULTS, "tool_result")):
        for name in names:
            if isinstance(sent.get(name), dict):
                return sent[name], kind
    return sent, None


def is_call(kind: str) -> bool:
    return kind in _CALLS or kind.endswith(_CALL_ENDS)


def is_result(kind: str) -> bool:
    return kind in _RESULTS or kind.endswith(_RESULT_ENDS)


def call_of(sent: dict[str, Any]) -> Part:
    """A call of a tool, in any of their ways: OpenAI's are of functions, or custom."""
    inner = sent.get("function", sent.get("custom"))
    said = {**sent, **inner} if isinstance(inner, dict) else sent
    kind = text_of(sent.get("type"))
    own_tool = kind.removesuffix("_call") if kind.endswith("_call") and kind not in _CALLS else ""
    return Part(
        "tool_call",
        call_id=_first_text(sent, "call_id", "toolCallId", "id"),
        name=_first_text(said, "name", "toolName") or own_tool,
        arguments=_first_text(said, "arguments", "input", "args", "action", "queries", "code"),
    )


def _result_of(sent: dict[str, Any]) -> Part:
    result = next((sent[key] for key in _RESULT_KEYS if sent.get(key) is not None), None)
    if isinstance(result, list):
        result = "\n".join(part.text for part in parts_of(result))
    elif isinstance(result, dict) and result.keys() == {"type", "value"}:
        result = result["value"]  # AI SDK 5: {"type": "text" | "json", "value": …}
    return Part(
        "tool_result",
        text=text_of(result),
        call_id=_first_text(sent, *_RESULT_ID_KEYS),
        name=_first_text(sent, "name", "toolName"),
        is_error=sent.get("is_error") is True or sent.get("isError") is True,
    )


def _first_text(sent: dict[str, Any], *keys: str) -> str:
    return next((text_of(sent[key]) for key in keys if sent.get(key) is not None), "")


def _address_of(sent: dict[str, Any]) -> str:
    """An image's address, or its media type and size. It is shown as text, never fetched."""
    image = sent.get("image_url", sent.get("source", sent.get("url", sent.get("uri"))))
    if isinstance(image, dict):
        image = image.get("url", _embedded(image))
    if isinstance(image, str) and image.startswith("data:"):
        return describe({"data": image}, "")
    return text_of(image if image is not None else sent.get("mime_type"))


def _embedded(source: dict[str, Any]) -> str | None:
    """What is known of an image that was sent along: its media type, and its size in bytes."""
    media_type = source.get("media_type", source.get("mediaType"))
    size, data = source.get("bytes"), source.get("data")
    if isinstance(data, str):
        size = len(data.rstrip("=")) * 3 // 4
    words = [text_of(media_type), f"{size:,} bytes" if isinstance(size, int) else ""]
    return ", ".join(word for word in words if word) or None
