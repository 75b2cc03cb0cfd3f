"""An attempt at answering a request to a span: what was asked, who answered, how it went. Pure."""

from typing import Any

import msgspec

from tracking.adapters.dialects.attributes import gather_attributes, settle
from tracking.adapters.dialects.codecs import METADATA
from tracking.adapters.json_values import JsonObject, name, obj, objects, text
from tracking.adapters.matey_attempts import Attempt
from tracking.adapters.matey_usage import usage_columns
from tracking.cleaning import clean_error, clean_name
from tracking.events import IncomingEvent, Kind, Payload, Receipt, Status
from tracking.identity import content_rank, span_identity
from tracking.timestamps import END_MISSING, settle_moment

PREFIX = "matey."
IR_WARNING = "ir:"
"""Before the category of a warning of ai.matey's own among an event's warning codes."""

MAX_CODES = 20
LONG = 65_536  # characters of what was asked
SYSTEM = "ai.matey"
ROOT_ID = "request"
_OWN_CUSTOM = frozenset({"cost", "sessionId", "userId", "environment"})
_FROM_CUSTOM = ("arms", "prompt_key", "prompt_version", "config_key", "config_version", "tags")
_encode = msgspec.json.Encoder(order="deterministic").encode


class Whose(msgspec.Struct, frozen=True):
    """What the spans of a request share."""

    trace_id: str
    session: str
    user: str
    environment: str
    received_us: int


class Passage(msgspec.Struct, frozen=True):
    """The way of a request: its format, then middleware, router, and who answered."""

    frontend: str
    middleware: list[str]
    router: str
    backend: str


def passage_of(metadata: JsonObject) -> Passage:
    said = obj(metadata.get("provenance"))
    middleware = said.get("middleware")
    layers = [text(each) for each in middleware] if isinstance(middleware, list) else []
    return Passage(
        name(said.get("frontend")),
        [each for each in layers if each],
        name(said.get("router")),
        name(said.get("backend")),
    )


def ir_warnings(attempt: Attempt) -> list[JsonObject]:
    return objects(attempt.metadata.get("warnings"))


def span_of(
    attempt: Attempt, whose: Whose, *, index: int, has_root: bool, first_asked: int
) -> IncomingEvent:
    """``first_asked``: the index of the first attempt with the same request."""
    metadata = attempt.metadata
    custom, passage = obj(metadata.get("custom")), passage_of(metadata)
    occurred_us, warnings = settle_start(attempt.started_us, whose)
    duration_us, ttft_us = _lengths(attempt, occurred_us)
    span_id = f"attempt-{index + 1}"
    columns = usage_columns(obj(attempt.response.get("usage")), custom)
    columns |= (
        _model_columns(attempt, passage) | _outcome_columns(attempt) | _custom_columns(custom)
    )
    if ttft_us is not None:
        columns["ttft_us"] = ttft_us
    codes = [*warnings, *([] if duration_us is not None else [END_MISSING])]
    codes += attempt.stream.warnings if attempt.stream else []
    if not attempt.is_answered:
        codes.append("response_missing")
    return seal_rank(
        IncomingEvent(
            id=span_identity(whose.trace_id, span_id),
            occurred_us=occurred_us,
            duration_us=duration_us or 0,
            content_rank=0,
            kind=int(Kind.LLM),
            operation="chat",
            name=clean_name(f"chat {columns['model']}" if columns.get("model") else "chat"),
            trace_id=whose.trace_id,
            span_id=span_id,
            parent_span_id=ROOT_ID if has_root else "",
            session_own=whose.session,
            user_own=whose.user,
            environment=whose.environment,
            metadata=_metadata_of(custom, passage),
            warnings=warning_codes(codes, ir_warnings(attempt)),
            payload=_payload_of(attempt, index, first_asked),
            **columns,
        )
    )


def settle_start(started_us: int | None, whose: Whose) -> tuple[int, tuple[str, ...]]:
    """When it began: without a usable time, when its first piece was received."""
    occurred_us, _, warnings = settle_moment(started_us, Receipt(whose.received_us, 0))
    return occurred_us, warnings


def seal_rank(event: IncomingEvent) -> IncomingEvent:
    rank = content_rank(msgspec.json.encode(event))
    return msgspec.structs.replace(event, content_rank=rank)


def warning_codes(codes: list[str], warnings: list[JsonObject]) -> tuple[str, ...]:
    categories = {clean_name(IR_WARNING + text(w.get("category"))) for w in warnings}
    return tuple(sorted({*codes, *sorted(categories)[:MAX_CODES]}))


def _lengths(attempt: Attempt, occurred_us: int) -> tuple[int | None, int | None]:
    """Duration and time to the first token: as the envelope says, else from times of chunks."""
    stream, duration_us, ttft_us = attempt.stream, attempt.duration_us, attempt.ttft_us
    if stream is not None and attempt.started_us is not None:
        if duration_us is None and stream.last_us is not None:
            duration_us = _between(occurred_us, stream.last_us)
        if ttft_us is None and stream.first_content_us is not None:
            ttft_us = _between(occurred_us, stream.first_content_us)
    if ttft_us is not None and duration_us is not None and ttft_us > duration_us:
        ttft_us = None
    return duration_us, ttft_us


def _between(start_us: int, end_us: int) -> int | None:
    return end_us - start_us if 0 <= end_us - start_us <= 86_400_000_000 else None


def _model_columns(attempt: Attempt, passage: Passage) -> JsonObject:
    """The model that was asked for and the one that answered, which may be another one."""
    parameters = obj(attempt.request.get("parameters"))
    cost = obj(obj(attempt.metadata.get("custom")).get("cost"))
    asked = name(parameters.get("model"))
    substituted = [
        name(warning.get("transformedValue"))
        for warning in ir_warnings(attempt)
        if warning.get("category") == "model-substituted"
    ]
    told = (
        name(obj(attempt.response.get("raw")).get("model")),
        *reversed(substituted),
        name(cost.get("model")),
        asked,
    )
    provider = passage.backend.removesuffix("-backend") or name(cost.get("provider"))
    found = {
        "model_requested": asked,
        "model": next((model for model in told if model), ""),
        "provider": provider,
    }
    return {column: clean_name(value) for column, value in found.items() if value}


def _outcome_columns(attempt: Attempt) -> JsonObject:
    finish = text(attempt.response.get("finishReason"))
    if attempt.error is not None:
        error = attempt.error
        return {
            "status": int(Status.ERROR),
            "finish_reason": clean_name(finish or "error"),
            "error_type": clean_name(name(error.get("code")) or name(error.get("name")) or "error"),
            "error": clean_error(text(error.get("message"))),
        }
    status = Status.OK if finish else Status.UNSET
    if finish == "error":
        return {"status": int(Status.ERROR), "finish_reason": finish, "error_type": "error"}
    return {"status": int(status), "finish_reason": clean_name(finish)}


def _custom_columns(custom: JsonObject) -> JsonObject:
    """Arms, prompt and tags, where ``metadata.custom`` names them as span attributes do."""
    gathered = gather_attributes({key: custom[key] for key in custom if key not in _OWN_CUSTOM})
    settle(gathered, None)
    found: JsonObject = gathered.columns
    return {column: found[column] for column in _FROM_CUSTOM if found.get(column)}


def _metadata_of(custom: JsonObject, passage: Passage) -> str:
    """What lists filter on: the ends of the passage, and the user's own flat keys."""
    own = {
        k: v for k, v in custom.items() if k not in _OWN_CUSTOM and not isinstance(v, dict | list)
    }
    ways = {"frontend": passage.frontend, "router": passage.router, "backend": passage.backend}
    said = {**own, **{key: value for key, value in ways.items() if value}}
    found = METADATA.read(said)[0] or METADATA.read(ways)[0]
    return found if isinstance(found, str) else ""


def _payload_of(attempt: Attempt, index: int, first_asked: int) -> Payload:
    """Something long that was asked several times is told by its first attempt alone."""
    messages = attempt.request.get("messages")
    answer = attempt.response.get("message")
    asked = _body_of(messages) if messages else None
    attributes = _attributes_of(attempt, index)
    if asked is not None and len(asked) > LONG and first_asked != index:
        asked = None
        attributes[PREFIX + "asked_in"] = f"attempt-{first_asked + 1}"
        attributes.pop(PREFIX + "tools", None)
    return Payload(
        input=asked,
        output=_body_of([answer]) if isinstance(answer, dict) else None,
        attributes=attributes,
    )


def _body_of(messages: object) -> str:
    """Messages as JSON, the role of each first: parts keep their keys in canonical order."""
    plain = [{"role": each.pop("role", ""), **each} for each in objects(without_data(messages))]
    return msgspec.json.encode(plain).decode()


def without_data(value: Any) -> Any:
    """Content with the size in place of base64 data: the data stays in the document's parts."""
    if isinstance(value, list):
        return [without_data(each) for each in value]
    if not isinstance(value, dict):
        return value
    data = value.get("data")
    if value.get("type") == "base64" and isinstance(data, str):
        rest = {key: each for key, each in value.items() if key != "data"}
        return {**rest, "bytes": len(data.rstrip("=")) * 3 // 4}
    return {key: without_data(each) for key, each in value.items()}


def _attributes_of(attempt: Attempt, index: int) -> dict[str, object]:
    """Everything that no column says, by name; what is empty is left out."""
    request, response, metadata = attempt.request, attempt.response, attempt.metadata
    stream = attempt.stream
    said = {
        "attempt": index + 1,
        "parameters": request.get("parameters"),
        "tools": request.get("tools"),
        "tool_choice": request.get("toolChoice"),
        "response_format": request.get("responseFormat"),
        "stream_mode": request.get("streamMode") if request.get("stream") else None,
        "provenance": metadata.get("provenance"),
        "warnings": metadata.get("warnings"),
        "usage": response.get("usage"),
        "provider_response_id": metadata.get("providerResponseId"),
        "custom": metadata.get("custom"),
        "error": attempt.error,
        "raw": response.get("raw"),
        "stream": _stream_facts(attempt) if stream else None,
    }
    return {PREFIX + key: value for key, value in said.items() if value not in (None, "", {}, [])}


def _stream_facts(attempt: Attempt) -> JsonObject:
    stream = attempt.stream
    assert stream is not None
    return {
        "chunks": stream.n_chunks,
        "content_chunks": stream.n_content,
        "ended": stream.is_ended,
        "missing": stream.missing,
    }
