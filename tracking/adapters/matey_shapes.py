"""What an item of ``/api/v1/chats`` is: told apart by shape, checked, refused with a hint. Pure.

The shapes are those of ai.matey's types (0.2 to 0.5). The types know no envelope: ``{request,
response?, chunks?, error?, durationMs?, sessionId?}`` is ours, and so are the fields that any
item may carry beside its own (``CONTEXT``).
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tracking.adapters.analytics_times import BadTimeError, parse_time
from tracking.adapters.json_items import MAX_DEPTH, FaultError, Item, is_too_deep
from tracking.adapters.json_values import JsonObject, name, obj
from tracking.events import Receipt
from tracking.timestamps import is_expired

CHUNK_TYPES = ("start", "content", "tool_use", "metadata", "done", "error")
EXAMPLES = {
    "exchange": '{"request": {...}, "response"?, "chunks"?, "error"?, "durationMs"?, "sessionId"?}',
    "request": '{"messages": [...], "metadata": {"requestId", "timestamp"}, "parameters"?}',
    "response": '{"message": {...}, "finishReason", "usage"?, "metadata": {"requestId"}}',
    "chunk": '{"type": "content", "sequence": 1, "delta": "..."}',
    "warning": '{"category", "severity", "message", "field"?, "originalValue"?}',
    "capabilities": '{"backend", "capabilities": {"streaming", "multiModal", ...}}',
}
KEYS = {
    "exchange": {"request", "response", "chunks", "error", "durationMs", "sessionId"},
    "request": {"messages", "parameters", "tools", "toolChoice", "stream", "streamMode"},
    "response": {"message", "finishReason", "usage", "raw"},
    "chunk": {"type", "sequence", "delta", "accumulated", "inputDelta"},
    "warning": {"category", "severity", "originalValue", "transformedValue", "field", "source"},
    "capabilities": {
        "streaming",
        "multiModal",
        "systemMessageStrategy",
        "supportsMultipleSystemMessages",
        "supportsTemperature",
        "supportsTopP",
        "supportsTopK",
        "supportsSeed",
        "maxContextTokens",
        "supportedModels",
        "maxStopSequences",
    },
}
CONTEXT = ("requestId", "sessionId", "userId", "attempt", "backend", "environment", "timestamp")
ELSEWHERE = {
    "resourceSpans": "this is OTLP: send it to /v1/traces",
    "choices": "this is OpenAI's own response: send ai.matey's IR response",
    "runId": "this looks like a run's event: send it to /api/v1/runs or /api/v1/events",
    "data": "this looks like an event: send it to /api/v1/events",
}
_NAMES = {bool: "true or false", list: "an array", dict: "an object", str: "a text"}


class Piece(msgspec.Struct, frozen=True):
    """An item that the door lets in. ``context``: what was said beside ``value``."""

    kind: str
    value: JsonObject
    context: JsonObject
    moments: tuple[int, ...]  # us since 1970

    @property
    def request_id(self) -> str:
        return name(self.context.get("requestId"))


def open_piece(item: Item, receipt: Receipt) -> Piece:
    """Return what an item is; raise FaultError with the reason to refuse it."""
    if item.fault is not None:
        raise FaultError(*item.fault)
    sent = item.value
    if not isinstance(sent, dict):
        raise FaultError("not_an_object", f"an item is an object, not {name_of(sent)}")
    if is_too_deep(sent):
        raise FaultError("too_deep", f"nested more than {MAX_DEPTH} levels deep")
    kind = tell_kind(sent)
    value, context = _unwrap(kind, sent)
    CHECKS[kind](value, kind if value is not sent else "")
    context |= {key: own for key, own in _own_ids(kind, value).items() if key not in context}
    return Piece(kind, value, context, _moments_of(kind, value, receipt))


def tell_kind(sent: JsonObject) -> str:
    if isinstance(sent.get("chunk"), dict) or ("type" in sent and "data" not in sent):
        return "chunk"
    if sent.keys() & {"request", "response", "chunks"} or _is_failure(sent):
        return "exchange"
    if "messages" in sent:
        return "request"
    if "message" in sent and sent.keys() & {"finishReason", "usage", "metadata"}:
        return "response"
    if "category" in sent or isinstance(sent.get("warning"), dict):
        return "warning"
    if "capabilities" in sent or len(sent.keys() & KEYS["capabilities"]) > 1:
        return "capabilities"
    raise FaultError("shape_unknown", _guess(sent))


def _is_failure(sent: JsonObject) -> bool:
    return "error" in sent and "requestId" in sent


def _guess(sent: JsonObject) -> str:
    for key, hint in ELSEWHERE.items():
        if key in sent:
            return hint
    nearest = max(KEYS, key=lambda kind: len(KEYS[kind] & sent.keys()))
    known = KEYS[nearest] & sent.keys()
    if not known:
        return f"none of the shapes: send an exchange {EXAMPLES['exchange']}"
    said = ", ".join(f'"{key}"' for key in sorted(known))
    return f"{said} alone is no shape: the nearest is {_a(nearest)} {EXAMPLES[nearest]}"


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] == "e" else f"a {kind}"


def _unwrap(kind: str, sent: JsonObject) -> tuple[JsonObject, JsonObject]:
    """The value of a shape, and what was said beside it."""
    inner = sent.get(kind)
    is_wrapped = kind in ("chunk", "warning", "capabilities") and inner is not None
    if is_wrapped and not isinstance(inner, dict):
        raise FaultError(
            f"{kind}_invalid", f'"{kind}" must be {EXAMPLES[kind]}, not {name_of(inner)}'
        )
    value = obj(inner) if is_wrapped else sent
    return value, {key: sent[key] for key in CONTEXT if sent.get(key) not in (None, "")}


def _own_ids(kind: str, value: JsonObject) -> JsonObject:
    """The request id that a shape itself carries."""
    sources = [value]
    if kind == "exchange":
        sources = [obj(value.get("request")), obj(value.get("response")), *_starts(value)]
    for source in sources:
        own = name(obj(source.get("metadata")).get("requestId"))
        if own and (kind != "chunk" or value.get("type") == "start"):
            return {"requestId": own}
    return {}


def _starts(exchange: JsonObject) -> list[JsonObject]:
    chunks = exchange.get("chunks")
    found = chunks if isinstance(chunks, list) else []
    return [each for each in found if isinstance(each, dict) and each.get("type") == "start"]


def _check_exchange(value: JsonObject, _at: str) -> None:
    if not any(value.get(key) for key in ("request", "response", "chunks", "error")):
        raise FaultError("exchange_empty", f"nothing is in it: send {EXAMPLES['exchange']}")
    for key, check in (("request", _check_request), ("response", _check_response)):
        if value.get(key) is not None:
            _demand(value, key, dict, EXAMPLES[key], "")
            check(value[key], key)
    if value.get("chunks") is not None:
        _demand(value, "chunks", list, "an array of chunks", "")
        for index, chunk in enumerate(value["chunks"]):
            if not isinstance(chunk, dict):
                raise FaultError("chunk_invalid", f'"chunks[{index}]" must be {EXAMPLES["chunk"]}')
            _check_chunk(chunk, f"chunks[{index}]")
    if value.get("durationMs") is not None:
        _demand(value, "durationMs", (int, float), "a number of milliseconds", "")


def _check_request(value: JsonObject, at: str) -> None:
    messages = _demand(value, "messages", list, "an array of messages", at)
    if not messages:
        raise FaultError("messages_empty", f"{_path(at, 'messages')} must hold a message")
    for index, message in enumerate(messages):
        _check_message(message, _plain_path(at, f"messages[{index}]"))
    _check_optional(value, at, {"metadata": dict, "parameters": dict, "tools": list})


def _check_response(value: JsonObject, at: str) -> None:
    _check_message(value.get("message"), _plain_path(at, "message"))
    _demand(value, "finishReason", str, 'a text such as "stop"', at)
    _check_optional(value, at, {"metadata": dict, "usage": dict})


def _check_message(message: object, at: str) -> None:
    if not isinstance(message, dict):
        hint = '{"role": "user", "content": "..."}'
        raise FaultError("message_invalid", f'"{at}" must be {hint}, not {name_of(message)}')
    _demand(message, "role", str, '"system", "user", "assistant" or "tool"', at)
    content = message.get("content")
    if content is not None and not isinstance(content, str | list):
        hint = "a text or an array of blocks"
        raise FaultError("content_invalid", f'"{at}.content" must be {hint}')
    for index, block in enumerate(content if isinstance(content, list) else ()):
        if not isinstance(block, dict) or not isinstance(block.get("type"), str):
            hint = 'a block such as {"type": "text", "text": "..."}'
            raise FaultError("content_invalid", f'"{at}.content[{index}]" must be {hint}')


def _check_chunk(value: JsonObject, at: str) -> None:
    kind = value.get("type")
    if kind not in CHUNK_TYPES:
        known = ", ".join(f'"{each}"' for each in CHUNK_TYPES)
        shown = f'"{kind[:40]}"' if isinstance(kind, str) else name_of(kind)
        raise FaultError(
            "chunk_type_unknown", f"{_path(at, 'type')} must be one of {known}, not {shown}"
        )
    sequence = _demand(value, "sequence", int, "a whole number from 0", at)
    if not 0 <= sequence < 2**31:
        raise FaultError("sequence_invalid", f"{_path(at, 'sequence')} must be from 0")
    if kind == "content":
        _demand(value, "delta", str, "a text (accumulated is only a check)", at)
    optional = {"accumulated": str, "inputDelta": str, "metadata": dict, "usage": dict}
    _check_optional(value, at, optional)


def _check_warning(value: JsonObject, at: str) -> None:
    _demand(value, "category", str, 'a text such as "parameter-clamped"', at)
    _check_optional(value, at, {"severity": str, "message": str})


def _check_capabilities(value: JsonObject, at: str) -> None:
    if not value.keys() & KEYS["capabilities"]:
        raise FaultError(
            "capabilities_invalid", f"no capability is named: send {EXAMPLES['capabilities']}"
        )


CHECKS: Mapping[str, Callable[[JsonObject, str], None]] = {
    "exchange": _check_exchange,
    "request": _check_request,
    "response": _check_response,
    "chunk": _check_chunk,
    "warning": _check_warning,
    "capabilities": _check_capabilities,
}


def _demand(value: JsonObject, key: str, kind: Any, wanted: str, at: str) -> Any:
    found = value.get(key)
    if isinstance(found, kind) and not isinstance(found, bool):
        return found
    shown = "missing" if found is None else name_of(found)
    raise FaultError(
        f"{_code(key)}_invalid" if found is not None else f"{_code(key)}_missing",
        f"{_path(at, key)} must be {wanted}; it is {shown}",
    )


def _check_optional(value: JsonObject, at: str, kinds: Mapping[str, type]) -> None:
    for key, kind in kinds.items():
        if value.get(key) is not None:
            _demand(value, key, kind, _NAMES[kind], at)


def _moments_of(kind: str, value: JsonObject, receipt: Receipt) -> tuple[int, ...]:
    """The times that an item names, each possible and within what the project keeps."""
    sources = [("", value)]
    if kind == "exchange":
        sources = [(key, obj(value.get(key))) for key in ("request", "response")]
        sources += [("chunks", start) for start in _starts(value)]
    found = []
    for at, source in sources:
        try:
            at_ns = parse_time(obj(source.get("metadata")).get("timestamp"))
        except (BadTimeError, OverflowError) as error:
            path = _path(at, "metadata.timestamp")
            raise FaultError("timestamp_invalid", f"{path}: {error}") from None
        if at_ns is not None and is_expired(at_ns // 1000, receipt):
            raise FaultError("expired", "its time is before the oldest that this project keeps")
        if at_ns is not None and at_ns > 0:
            found.append(at_ns // 1000)
    return tuple(found)


def _plain_path(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key


def _path(at: str, key: str) -> str:
    return f'"{_plain_path(at, key)}"'


def _code(key: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in key)


def name_of(value: object) -> str:
    return _NAMES.get(type(value), "nothing" if value is None else "a number")
