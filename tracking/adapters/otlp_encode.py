"""Parts of an OTLP/JSON request as protobuf messages. Pure."""

from base64 import b64decode
from collections.abc import Iterable
from struct import Struct

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tracking.adapters.otlp_json import (
    JsonEvent,
    JsonLink,
    JsonLogRecord,
    JsonPair,
    JsonResource,
    JsonScope,
    JsonSpan,
    JsonStatus,
    JsonValue,
    MalformedError,
    decode_part,
)
from tracking.adapters.otlp_wire import WireSpan, varint

MAX_DEPTH = 32  # of values in values: protobuf's own limit is 100 messages, two a level
_pack_double = Struct("<d").pack
_INT64 = range(-(2**63), 2**63)
_UINT64 = range(2**64)
_UINT32 = range(2**32)
_INT32 = range(-(2**31), 2**31)


Sight = tuple[bytes, bytes, int]
"""(trace id, span id, start in ns): all of a span that the door looks at."""


def look_at_span(raw: bytes) -> Sight:
    """Raise MalformedError wherever ``encode_span`` would, without encoding plain texts."""
    sent = decode_part(raw, JsonSpan)
    _hex(sent.parent_span_id, "parentSpanId")
    _nano(sent.end_time_unix_nano)
    _verify_pairs(sent.attributes)
    for event in sent.events or ():
        _encode_event(event)
    for link in sent.links or ():
        _encode_link(link)
    ids = _hex(sent.trace_id, "traceId"), _hex(sent.span_id, "spanId")
    return *ids, _nano(sent.start_time_unix_nano)


def _verify_pairs(pairs: Iterable[JsonPair] | None) -> None:
    for pair in pairs or ():
        value = pair.value
        if value is not None and value.string_value is None:
            _encode_value(value, 0)


def encode_span(raw: bytes) -> bytes:
    """A span of a request as protobuf. Ids may have any length here: the door judges them."""
    sent = decode_part(raw, JsonSpan)
    span = WireSpan(
        trace_id=_hex(sent.trace_id, "traceId"),
        span_id=_hex(sent.span_id, "spanId"),
        parent_span_id=_hex(sent.parent_span_id, "parentSpanId"),
        trace_state=sent.trace_state or "",
        name=sent.name or "",
        kind=_within(sent.kind, _INT32),  # unknown numbers survive
        flags=_within(sent.flags, _UINT32),
        start_time_unix_nano=_nano(sent.start_time_unix_nano),
        end_time_unix_nano=_nano(sent.end_time_unix_nano),
        attributes=[_encode_pair(pair) for pair in sent.attributes or ()],
        dropped_attributes_count=_within(sent.dropped_attributes_count, _UINT32),
        dropped_events_count=_within(sent.dropped_events_count, _UINT32),
        dropped_links_count=_within(sent.dropped_links_count, _UINT32),
        events=[_encode_event(event).SerializeToString() for event in sent.events or ()],
        links=[_encode_link(link).SerializeToString() for link in sent.links or ()],
        status=_encode_status(sent.status) if sent.status is not None else b"",
    )
    encoded: bytes = span.SerializeToString()
    return encoded


def _encode_status(sent: JsonStatus) -> bytes:
    status = Status(message=sent.message or "")
    status.code = _within(sent.code, _INT32)  # type: ignore[assignment]  # unknown numbers survive
    return status.SerializeToString()


def _encode_pair(pair: JsonPair) -> bytes:
    """An attribute's message. Texts and numbers, which most are, without the official classes."""
    sent = pair.value
    if not pair.key or sent is None:
        return encode_pairs([pair])[0].SerializeToString()
    if sent.string_value is not None:
        text = sent.string_value.encode()
        value = b"\x0a%b%b" % (varint(len(text)), text)
    elif type(sent.double_value) is float and sent.int_value is None and sent.bool_value is None:
        value = b"\x21" + _pack_double(sent.double_value)
    else:
        value = _encode_value(sent, 0).SerializeToString()
    key = pair.key.encode()
    return b"\x0a%b%b\x12%b%b" % (varint(len(key)), key, varint(len(value)), value)


def encode_resource(raw: bytes) -> Resource:
    sent = decode_part(raw, JsonResource | None) or JsonResource()  # type: ignore[arg-type]
    return Resource(
        attributes=encode_pairs(sent.attributes),
        dropped_attributes_count=_within(sent.dropped_attributes_count, _UINT32),
    )


def encode_scope(raw: bytes) -> InstrumentationScope:
    sent = decode_part(raw, JsonScope | None) or JsonScope()  # type: ignore[arg-type]
    return InstrumentationScope(
        name=sent.name or "",
        version=sent.version or "",
        attributes=encode_pairs(sent.attributes),
        dropped_attributes_count=_within(sent.dropped_attributes_count, _UINT32),
    )


def encode_log_record(raw: bytes) -> LogRecord:
    sent = decode_part(raw, JsonLogRecord)
    record = LogRecord(
        time_unix_nano=_nano(sent.time_unix_nano),
        observed_time_unix_nano=_nano(sent.observed_time_unix_nano),
        severity_text=sent.severity_text or "",
        body=None if sent.body is None else _encode_value(sent.body, 0),
        attributes=encode_pairs(sent.attributes),
        dropped_attributes_count=_within(sent.dropped_attributes_count, _UINT32),
        flags=_within(sent.flags, _UINT32),
        trace_id=_hex(sent.trace_id, "traceId"),
        span_id=_hex(sent.span_id, "spanId"),
        event_name=sent.event_name or "",
    )
    record.severity_number = _within(sent.severity_number, _INT32)  # type: ignore[assignment]
    return record


def _encode_event(sent: JsonEvent) -> Span.Event:
    return Span.Event(
        name=sent.name or "",
        time_unix_nano=_nano(sent.time_unix_nano),
        attributes=encode_pairs(sent.attributes),
        dropped_attributes_count=_within(sent.dropped_attributes_count, _UINT32),
    )


def _encode_link(sent: JsonLink) -> Span.Link:
    return Span.Link(
        trace_id=_hex(sent.trace_id, "links.traceId"),
        span_id=_hex(sent.span_id, "links.spanId"),
        trace_state=sent.trace_state or "",
        attributes=encode_pairs(sent.attributes),
        dropped_attributes_count=_within(sent.dropped_attributes_count, _UINT32),
        flags=_within(sent.flags, _UINT32),
    )


def encode_pairs(pairs: Iterable[JsonPair] | None, depth: int = 0) -> list[KeyValue]:
    return [
        KeyValue(
            key=pair.key, value=None if pair.value is None else _encode_value(pair.value, depth)
        )
        for pair in pairs or ()
    ]


def _encode_value(sent: JsonValue, depth: int) -> AnyValue:
    if sent.string_value is not None:
        return AnyValue(string_value=sent.string_value)
    if sent.int_value is not None:
        return _encode_int(sent.int_value)
    if sent.bool_value is not None:
        return AnyValue(bool_value=sent.bool_value)
    if sent.double_value is not None:
        return AnyValue(double_value=_double(sent.double_value))
    if sent.bytes_value is not None:
        return AnyValue(bytes_value=_bytes(sent.bytes_value))
    return _encode_nested(sent, depth + 1)


def _encode_nested(sent: JsonValue, depth: int) -> AnyValue:
    if depth > MAX_DEPTH:
        raise MalformedError(f"an attribute is nested more than {MAX_DEPTH} deep")
    value = AnyValue()
    if sent.array_value is not None:
        items = sent.array_value.values or ()
        value.array_value.SetInParent()
        value.array_value.values.extend(
            AnyValue() if item is None else _encode_value(item, depth) for item in items
        )
    elif sent.kvlist_value is not None:
        value.kvlist_value.SetInParent()
        value.kvlist_value.values.extend(encode_pairs(sent.kvlist_value.values, depth))
    return value


def _encode_int(sent: float | str) -> AnyValue:
    """An integer as number or text; one that 64 bits cannot hold stays a text."""
    try:
        number = int(sent)
    except (ValueError, OverflowError):
        return AnyValue(string_value=str(sent))
    if number in _INT64 and (isinstance(sent, str) or number == sent):
        return AnyValue(int_value=number)
    return AnyValue(string_value=str(sent))


def _double(sent: float | str) -> float:
    try:
        return float(sent)
    except ValueError:
        raise MalformedError(f"doubleValue is not a number: {sent[:40]!r}") from None  # type: ignore[index]


def _bytes(sent: str) -> bytes:
    try:
        return b64decode(sent, validate=True)
    except ValueError:
        raise MalformedError(f"bytesValue is not base64: {sent[:40]!r}") from None


def _nano(sent: int | str | None) -> int:
    """Nanoseconds since 1970. Before it or beyond 64 bits is no time at all."""
    if sent is None or sent == "":
        return 0
    try:
        number = int(sent)
    except ValueError:
        raise MalformedError(f"a time is not whole nanoseconds: {str(sent)[:40]!r}") from None
    if number in _UINT64:
        return number
    return 0 if number < 0 else _UINT64[-1]


def _hex(sent: str | None, field: str) -> bytes:
    try:
        return bytes.fromhex(sent) if sent else b""
    except ValueError:
        found = repr((sent or "")[:40])
        raise MalformedError(
            f"{field} is not hexadecimal, as OTLP/JSON has it (not base64): {found}"
        ) from None


def _within(sent: int | None, limits: range) -> int:
    return sent if sent is not None and sent in limits else 0
