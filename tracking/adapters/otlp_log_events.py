"""One GenAI log record to an :class:`IncomingEvent`: a point about a span. Pure."""

from typing import Any

import msgspec
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tracking.adapters.dialects.arms import Arm
from tracking.adapters.dialects.attributes import gather, settle
from tracking.adapters.dialects.evaluations import evaluation_of_event, is_evaluation
from tracking.adapters.dialects.message_events import DETAILS
from tracking.adapters.dialects.table import read_attribute
from tracking.adapters.otlp_values import attributes_of, value_of
from tracking.adapters.span_scores import build_part, build_said
from tracking.cleaning import clean_name
from tracking.events import IncomingEvent, Kind, Part, Payload, Receipt
from tracking.identity import content_identity, content_rank
from tracking.timestamps import settle_moment

SESSION_TRACE = "session:"
RESPONSE_TRACE = "response:"

# What a point may say of itself. Tokens, money and errors are the span's own: said again they would
# mislead.
_COLUMNS = frozenset(
    {
        "session_own",
        "user_own",
        "provider",
        "model_requested",
        "model",
        "operation",
        "finish_reason",
        "config_key",
        "config_version",
        "prompt_key",
        "prompt_version",
        "arms",
        "tags",
        "metadata",
    }
)
_BODIES = ("input", "output", "system")


class LogContext(msgspec.Struct, frozen=True):
    """What a record does not say itself. ``ordinal``: its place among equals of its request."""

    receipt: Receipt
    name: str
    ordinal: int = 0
    environment: str = ""
    release: str = ""
    origin: int = 0
    arms: tuple[Arm, ...] = ()


def map_record(record: LogRecord, raw: bytes, context: LogContext) -> IncomingEvent:
    """Map a record that the door let in. ``raw`` is its bytes, which identify it."""
    attributes = attributes_of(record.attributes)
    at_ns = record.time_unix_nano or record.observed_time_unix_nano
    occurred_us, needs_clock, warnings = settle_moment(at_ns // 1000, context.receipt)
    gathered = gather([read_attribute(name, value) for name, value in attributes.items()])
    settle(gathered, None, context.arms)
    columns = gathered.columns
    bodies: dict[str, str | None] = {name: columns.pop(name, None) for name in _BODIES}
    metrics = columns.pop("metrics", ())
    for column in columns.keys() - _COLUMNS:
        gathered.withhold(column, columns.pop(column))
    payload = Payload(
        bodies["input"],
        bodies["output"],
        bodies["system"],
        gathered.leftover or None,
        _span_events(context.name, at_ns, record, attributes),
        None,
        _extra_of(record),
    )
    return IncomingEvent(
        id=content_identity(raw, context.ordinal),
        occurred_us=occurred_us,
        ns_rest=0 if needs_clock else at_ns % 1000 * 1000,
        needs_clock=needs_clock,
        content_rank=content_rank(raw),
        kind=int(Kind.EVENT),
        name=clean_name(context.name),
        trace_id=_trace_of(record, columns, attributes),
        parent_span_id=_hex(record.span_id),
        environment=context.environment,
        release=context.release,
        origin=context.origin,
        metrics=metrics,
        seen=gathered.seen,
        warnings=tuple(sorted({*gathered.warnings, *warnings})),
        payload=payload,
        **columns,
    )


def score_part(record: LogRecord, raw: bytes, context: LogContext) -> Part | None:
    """An evaluation as a score of the span that it names, by a judge, else of its session, else of
    the answer (``tracking.scores`` finds that by its id); None when it says no value, or not of
    what."""
    attributes = attributes_of(record.attributes)
    evaluation = evaluation_of_event(context.name, attributes)
    columns = gather([read_attribute(key, said) for key, said in attributes.items()]).columns
    session_id = columns.get("session_own", "")
    is_sessions = bool(session_id) and not any(record.trace_id)
    trace_id = "" if is_sessions else _trace_of(record, columns, attributes)
    if evaluation is None or not (trace_id or session_id):
        return None
    at_ns = record.time_unix_nano or record.observed_time_unix_nano
    said = build_said(
        evaluation,
        at_us=at_ns // 1000 or None,
        trace_id=trace_id,
        span_id="" if trace_id.startswith(RESPONSE_TRACE) else _hex(record.span_id),
        session_id=session_id,
    )
    received_us = context.receipt.received_us
    return build_part(said, raw, context.ordinal, received_us=received_us, is_counted=True)


def _hex(identity: bytes) -> str:
    return identity.hex() if any(identity) else ""


def _trace_of(record: LogRecord, columns: dict[str, Any], attributes: dict[str, object]) -> str:
    """The span's trace; without one, what else the event names: its session, or the response."""
    if trace_id := _hex(record.trace_id):
        return trace_id
    if session := columns.get("session_own"):
        return clean_name(SESSION_TRACE + session)
    response = attributes.get("gen_ai.response.id")
    return clean_name(RESPONSE_TRACE + response) if isinstance(response, str) and response else ""


def _span_events(
    name: str, at_ns: int, record: LogRecord, attributes: dict[str, object]
) -> list[object] | None:
    """A message as the span event that it would be, for whatever reads messages."""
    if name == DETAILS or is_evaluation(name):
        return None
    body = value_of(record.body)
    said = body if isinstance(body, dict) else {} if body is None else {"content": body}
    return [[name, at_ns, {**attributes, **said}]]


def _extra_of(record: LogRecord) -> dict[str, object] | None:
    said: dict[str, object] = {
        "severity_number": int(record.severity_number),
        "severity_text": record.severity_text,
        "flags": record.flags,
        "dropped_attributes": record.dropped_attributes_count,
        "observed_ns": record.observed_time_unix_nano,
        "body": value_of(record.body),
    }
    return {name: value for name, value in said.items() if value} or None
