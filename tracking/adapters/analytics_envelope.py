"""What the door asks of every event: a type, a time that can be, data, ids where needed. Pure."""

import re
from datetime import UTC, datetime, timedelta

import msgspec

from tracking.adapters.analytics_times import BadTimeError, parse_time
from tracking.adapters.json_items import MAX_DEPTH, FaultError, Item, is_too_deep
from tracking.adapters.near_forms import hint_at, hint_at_list
from tracking.cleaning import MAX_NAME_BYTES, clean_name
from tracking.events import Receipt
from tracking.timestamps import is_expired

SPAN = "span"
EXAMPLE = '{"type": "variant.complete", "timestamp": "2026-03-04T09:15:00Z", "data": {...}}'
TRACE_ID_KEYS = ("trace_id", "traceId")
SPAN_ID_KEYS = ("span_id", "spanId")
PARENT_KEYS = ("parent_span_id", "parentSpanId")
ENVIRONMENT_KEYS = ("environment", "env")
START_KEYS = ("start", "start_time_unix_nano", "start_time", "startTime")
END_KEYS = ("end", "end_time_unix_nano", "end_time", "endTime")

_is_hex = re.compile("[0-9A-Fa-f]+").fullmatch
_MAX_ISO_US = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp()) * 1_000_000
_encode = msgspec.json.Encoder(order="deterministic").encode


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """An event that the door lets in, not understood yet."""

    type: str
    at_ns: int | None
    end_ns: int | None  # of spans
    data: dict[str, object]
    content: bytes  # of points canonical: the same for the same event, however it was written
    rest: dict[str, object] | None  # keys of the envelope that mean nothing here
    given_id: str
    trace_id: str  # of spans, as OTLP writes it
    span_id: str
    warnings: tuple[str, ...]


def open_envelope(item: Item, receipt: Receipt) -> Envelope:
    """Return the envelope of an item; raise FaultError with the reason to refuse it."""
    if item.fault is not None:
        raise FaultError(*item.fault)
    value = item.value
    if not isinstance(value, dict):
        raise FaultError("not_an_object", f"an event is an object like {EXAMPLE}")
    event_type = _type_of(value)
    data = _data_of(value)
    trace_id, span_id = _ids_of(data) if event_type == SPAN else ("", "")
    at_ns, end_ns = _times_of(event_type, value.get("timestamp"), data)
    if at_ns is not None and is_expired(at_ns // 1000, receipt):
        raise FaultError("expired", expired_text(at_ns // 1000, receipt))
    if is_too_deep(value):
        raise FaultError("too_deep", f"nested more than {MAX_DEPTH} levels deep")
    return Envelope(
        event_type,
        at_ns,
        end_ns,
        data,
        item.encoded if event_type == SPAN else _encode([event_type, at_ns, data]),
        _rest_of(value) if len(value) > 3 else None,
        _id_of(value.get("id")),
        trace_id,
        span_id,
        item.warnings,
    )


def id_among(data: dict[str, object], keys: tuple[str, ...]) -> str:
    """Return the first of several keys that holds an id; "" when none does."""
    for key in keys:
        if key in data and (found := _id_of(data[key])):
            return found
    return ""


def first_among(data: dict[str, object], keys: tuple[str, ...]) -> object:
    for key in keys:
        if key in data and (found := data[key]) is not None:
            return found
    return None


def _type_of(value: dict[str, object]) -> str:
    event_type = value.get("type")
    if not isinstance(event_type, str) or not event_type.strip():
        hint = f"an event is an object like {EXAMPLE}"
        if not id_among(value, TRACE_ID_KEYS):
            hint += hint_at_list(value, "events") or hint_at("type", value)
            raise FaultError("type_missing", f'"type" must be a text that is not empty: {hint}')
        hint = 'a span is {"type": "span", "data": {"trace_id": ..., "span_id": ...}}'
        raise FaultError("type_missing", f'"type" is missing: {hint}')
    if len(event_type.encode()) > MAX_NAME_BYTES:
        raise FaultError("type_too_long", f'"type" is longer than {MAX_NAME_BYTES} bytes')
    return event_type


def _data_of(value: dict[str, object]) -> dict[str, object]:
    data = value.get("data")
    if isinstance(data, dict):
        return data
    if data is None:
        return {}
    raise FaultError("data_not_an_object", f'"data" must be an object, as in {EXAMPLE}')


def _ids_of(data: dict[str, object]) -> tuple[str, str]:
    trace_id, span_id = id_among(data, TRACE_ID_KEYS), id_among(data, SPAN_ID_KEYS)
    if trace_id and span_id:
        return wire_id(trace_id), wire_id(span_id)
    name = "span_id" if trace_id else "trace_id"
    raise FaultError(f"{name}_missing", f'a span needs "data.{name}": a text that is not empty')


def wire_id(sent: str) -> str:
    """Return a trace or span id as OTLP writes it when it is one, so both ways meet."""
    return sent.lower() if len(sent) in (16, 32) and _is_hex(sent) else clean_name(sent)


def _times_of(
    event_type: str, timestamp: object, data: dict[str, object]
) -> tuple[int | None, int | None]:
    if event_type != SPAN:
        return _time("timestamp", timestamp), None
    start = first_among(data, START_KEYS)
    at_ns = _time("data.start", start) if start else _time("timestamp", timestamp)
    return at_ns, _time("data.end", first_among(data, END_KEYS))


def _time(name: str, value: object) -> int | None:
    try:
        return parse_time(value)
    except BadTimeError as error:
        raise FaultError("timestamp_invalid", f'"{name}": {error}') from None


def expired_text(at_us: int, receipt: Receipt) -> str:
    return before_horizon(at_us, receipt.horizon_us)


def before_horizon(at_us: int, horizon_us: int) -> str:
    return f"{_iso(at_us)} is before {_iso(horizon_us)}, the oldest time that this project keeps"


def _iso(at_us: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=min(at_us, _MAX_ISO_US))
    return moment.isoformat(timespec="seconds")


def _rest_of(value: dict[str, object]) -> dict[str, object] | None:
    known = ("type", "timestamp", "data")
    return {key: each for key, each in value.items() if key not in known} or None


def _id_of(value: object) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
