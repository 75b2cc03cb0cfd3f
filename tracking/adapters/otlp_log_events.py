"""One GenAI log record to an :class:`IncomingEvent`: a point about a span. Pure."""

from typing import Any

import msgspec
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tracking.adapters.dialects.arms import Arm
from tracking.adapters.dialects.attributes import gather, settle
from tracking.adapters.dialects.evaluations import EVENT as EVALUATION
from tracking.adapters.dialects.message_events import DETAILS
from tracking.adapters.dialects.table import read_attribute
from tracking.adapters.otlp_values import attributes_of, value_of
from tracking.adapters.scores import MAX_COMMENT, MAX_NAME, SYSTEM, Said
from tracking.cleaning import MAX_NAME_BYTES, clean_name, clean_text
from tracking.events import IncomingEvent, Kind, Part, Payload, Receipt
from tracking.folding import GREATEST_METRIC
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
_EVALUATED = "gen_ai.evaluation."
_TOLD = frozenset({f"{_EVALUATED}name", f"{_EVALUATED}score.value", f"{_EVALUATED}explanation"})
_encode = msgspec.json.Encoder(order="deterministic").encode


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
    """An evaluation as a score of the span that it names, by a judge; None when it says no value,
    or not of what."""
    attributes = attributes_of(record.attributes)
    name, value = attributes.get(f"{_EVALUATED}name"), _value_of(attributes)
    columns = gather([read_attribute(key, said) for key, said in attributes.items()]).columns
    trace_id, session_id = _hex(record.trace_id), columns.get("session_own", "")
    if not isinstance(name, str) or not name.strip() or value is None:
        return None
    if not (trace_id or session_id):
        return None
    at_ns = record.time_unix_nano or record.observed_time_unix_nano
    comment = attributes.get(f"{_EVALUATED}explanation")
    said = Said(
        name=_cut(clean_text(name.strip()), MAX_NAME),
        value=value,
        source="judge",
        comment=clean_text(comment)[:MAX_COMMENT] if isinstance(comment, str) else "",
        at_us=at_ns // 1000 or None,
        trace_id=trace_id,
        span_id=_hex(record.span_id),
        session_id=session_id,
        rest={key: held for key, held in attributes.items() if key not in _TOLD},
    )
    return Part(
        system=SYSTEM,
        key=f"evaluation:{content_identity(raw, context.ordinal).hex()}",
        body=_encode(said),
        received_us=context.receipt.received_us,
        moments=() if said.at_us is None else (said.at_us,),
    )


def _value_of(attributes: dict[str, object]) -> float | bool | str | None:
    """The number, which a label only explains, else the label."""
    value = attributes.get(f"{_EVALUATED}score.value")
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return float(value) if abs(value) <= GREATEST_METRIC else None
    label = attributes.get(f"{_EVALUATED}score.label")
    if not isinstance(label, str) or not label.strip():
        return None
    return _cut(clean_text(label.strip()), MAX_NAME_BYTES)


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")


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
    if name in {EVALUATION, DETAILS}:
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
