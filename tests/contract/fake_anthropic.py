"""What Anthropic's API answers to messages. Every answer is the same.

Its ``input_tokens`` leave out what was read from the cache and written to it.
"""

import json
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

TEXT = "Sunny, 21 degrees."
WORDS = ["Sunny, ", "21 ", "degrees."]
TOOL_INPUT = {"city": "Paris"}
CALL_ID = "toolu_weather_1"

USAGE = {
    "input_tokens": 20,
    "cache_read_input_tokens": 8,
    "cache_creation_input_tokens": 2,
    "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 7,
    "service_tier": "standard",
}
ERRORS = {
    429: {"type": "rate_limit_error", "message": "Slow down."},
    500: {"type": "api_error", "message": "Internal server error"},
}


def error_of(status: int) -> Json:
    return {"type": "error", "error": ERRORS[status], "request_id": "req_1"}


def message(body: Json) -> Json:
    block = _block(body)
    reason = "tool_use" if block["type"] == "tool_use" else "end_turn"
    return {**_head(body), "content": [block], "stop_reason": reason, "usage": USAGE}


def message_events(body: Json) -> Iterator[str]:
    """The frames of a streamed message: input tokens first, output tokens at the end."""
    block = _block(body)
    begun = {**_head(body), "content": [], "usage": {**USAGE, "output_tokens": 1}}
    is_tool = block["type"] == "tool_use"
    empty = {**block, "input": {}} if is_tool else {**block, "text": ""}
    deltas: list[Json] = (
        [{"type": "input_json_delta", "partial_json": json.dumps(TOOL_INPUT)}]
        if is_tool
        else [{"type": "text_delta", "text": word} for word in WORDS]
    )
    end = {"stop_reason": "tool_use" if is_tool else "end_turn", "stop_sequence": None}
    events: list[Json] = [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": empty},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    ]
    for event in events:
        yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"


def _block(body: Json) -> Json:
    tools = body.get("tools") or []
    if tools and not _has_tool_result(body):
        return {
            "type": "tool_use",
            "id": CALL_ID,
            "name": tools[0]["name"],
            "input": TOOL_INPUT,
        }
    return {"type": "text", "text": TEXT, "citations": None}


def _has_tool_result(body: Json) -> bool:
    contents = [each["content"] for each in body["messages"]]
    return any(
        part.get("type") == "tool_result"
        for content in contents
        if isinstance(content, list)
        for part in content
    )


def _head(body: Json) -> Json:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "stop_reason": None,
        "stop_sequence": None,
    }
