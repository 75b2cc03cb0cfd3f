"""What OpenAI's API answers: chat completions, responses, embeddings. Every answer is the same."""

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

TEXT = "Sunny, 21 degrees."
WORDS = ["Sunny, ", "21 ", "degrees."]
ARGUMENTS = '{"city": "Paris"}'
CALL_ID = "call_weather_1"
CREATED = 1_760_000_000
ANSWERED_BY = "-2025-08-07"
"""What a provider adds to the name of the model that was asked."""

USAGE = {
    "prompt_tokens": 30,
    "completion_tokens": 7,
    "total_tokens": 37,
    "prompt_tokens_details": {"cached_tokens": 8, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": 0},
}
RESPONSE_USAGE = {
    "input_tokens": 30,
    "input_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 0},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 37,
}
ERRORS: dict[int, Json] = {
    429: {"type": "rate_limit_error", "code": "rate_limit_exceeded", "message": "Slow down."},
    500: {"type": "server_error", "code": None, "message": "The server had an error."},
}


def error_of(status: int) -> Json:
    return {"error": {**ERRORS[status], "param": None}}


def chat(body: Json) -> Json:
    tool = _wanted_tool(body)
    message: Json = {"role": "assistant", "content": None if tool else TEXT, "refusal": None}
    if tool:
        message["tool_calls"] = [_tool_call(tool)]
    finish = "tool_calls" if tool else "stop"
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
    return {**_chat_head(body), "object": "chat.completion", "choices": [choice], "usage": USAGE}


def chat_chunks(body: Json) -> Iterator[str]:
    """The frames of a streamed chat completion. Usage comes last, and only if it was asked for."""
    tool = _wanted_tool(body)
    said: list[Json] = [{"role": "assistant", "content": "" if not tool else None}]
    if tool:
        call = _tool_call(tool)
        first = {**call, "function": {"name": tool, "arguments": ""}}
        said.append({"tool_calls": [{"index": 0, **first}]})
        for piece in (ARGUMENTS[:8], ARGUMENTS[8:]):
            said.append({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
    else:
        said += [{"content": word} for word in WORDS]
    for delta in said:
        yield _chat_chunk(body, [{"index": 0, "delta": delta, "finish_reason": None}])
    finish = "tool_calls" if tool else "stop"
    yield _chat_chunk(body, [{"index": 0, "delta": {}, "finish_reason": finish}])
    if (body.get("stream_options") or {}).get("include_usage"):
        yield _chat_chunk(body, [], usage=USAGE)
    yield "data: [DONE]\n\n"


def _chat_chunk(body: Json, choices: list[Json], **further: Json) -> str:
    chunk = {
        **_chat_head(body),
        "object": "chat.completion.chunk",
        "choices": choices,
        **further,
    }
    return f"data: {json.dumps(chunk)}\n\n"


def _chat_head(body: Json) -> Json:
    return {
        "id": "chatcmpl-1",
        "created": CREATED,
        "model": body["model"] + ANSWERED_BY,
        "service_tier": "default",
        "system_fingerprint": "fp_1",
    }


def _wanted_tool(body: Json) -> str:
    """The first tool on offer, unless its result has been said already."""
    tools = body.get("tools") or []
    done = any(each.get("role") == "tool" for each in body["messages"])
    return tools[0]["function"]["name"] if tools and not done else ""


def _tool_call(name: str) -> Json:
    function = {"name": name, "arguments": ARGUMENTS}
    return {"id": CALL_ID, "type": "function", "function": function}


def response(body: Json) -> Json:
    """An answer of the Responses API."""
    return {**_response_head(body), "status": "completed", "output": [_output_item(body)]} | {
        "usage": RESPONSE_USAGE
    }


def response_events(body: Json) -> Iterator[str]:
    item = _output_item(body)
    empty = {**_response_head(body), "status": "in_progress", "output": [], "usage": None}
    events: list[Json] = [
        {"type": "response.created", "response": empty},
        {"type": "response.in_progress", "response": empty},
        {"type": "response.output_item.added", "output_index": 0, "item": _begun(item)},
        *_deltas(item),
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": response(body)},
    ]
    for number, event in enumerate(events):
        data = json.dumps({**event, "sequence_number": number})
        yield f"event: {event['type']}\ndata: {data}\n\n"


def _begun(item: Json) -> Json:
    rest: Json = {"content": []} if item["type"] == "message" else {"arguments": ""}
    return {**item, **rest, "status": "in_progress"}


def _deltas(item: Json) -> list[Json]:
    place = {"item_id": item["id"], "output_index": 0}
    if item["type"] == "function_call":
        kind = "response.function_call_arguments"
        named = {"arguments": ARGUMENTS, "name": item["name"]}
        return [
            {"type": f"{kind}.delta", **place, "delta": ARGUMENTS},
            {"type": f"{kind}.done", **place, **named},
        ]
    place["content_index"] = 0
    part = item["content"][0]
    begun = {"type": "response.content_part.added", **place, "part": {**part, "text": ""}}
    deltas = [
        {"type": "response.output_text.delta", **place, "delta": word, "logprobs": []}
        for word in WORDS
    ]
    return [
        begun,
        *deltas,
        {"type": "response.output_text.done", **place, "text": TEXT, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": part},
    ]


def _output_item(body: Json) -> Json:
    tools = body.get("tools") or []
    sent = body.get("input")
    items = sent if isinstance(sent, list) else []
    done = any(each.get("type") == "function_call_output" for each in items)
    if tools and not done:
        return {
            "type": "function_call",
            "id": "fc_1",
            "call_id": CALL_ID,
            "name": tools[0]["name"],
            "arguments": ARGUMENTS,
            "status": "completed",
        }
    part = {"type": "output_text", "text": TEXT, "annotations": [], "logprobs": []}
    head = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
    return {**head, "content": [part]}


def _response_head(body: Json) -> Json:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": CREATED,
        "model": body["model"] + ANSWERED_BY,
        "instructions": body.get("instructions"),
        "error": None,
        "incomplete_details": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": body.get("tools") or [],
        "top_p": 1.0,
        "previous_response_id": body.get("previous_response_id"),
        "reasoning": {"effort": None, "summary": None},
        "text": {"format": {"type": "text"}},
        "truncation": "disabled",
        "service_tier": "default",
    }


def embeddings(body: Json) -> Json:
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    vector = [0.25, -0.5, 1.0]
    if body.get("encoding_format") == "base64":
        sent: object = base64.b64encode(struct.pack("<3f", *vector)).decode()
    else:
        sent = vector
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": sent}
            for index, _ in enumerate(texts)
        ],
        "model": body["model"],
        "usage": {"prompt_tokens": 5, "total_tokens": 5},
    }
