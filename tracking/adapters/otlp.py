"""OTLP traces, protobuf and JSON: what the door refuses and what the digest reads. Pure.

JSON is turned into the same wire bytes span by span, so there is one mapper, and both encodings of
a request give equal events.
"""

from collections.abc import Iterator

from tracking.adapters.otlp_encode import Sight, look_at_span
from tracking.adapters.otlp_json import MalformedError
from tracking.adapters.otlp_origins import origin_of
from tracking.adapters.otlp_requests import (
    LOGS_HINT,
    expired_nano,
    groups_of_json,
    groups_of_protobuf,
    guard_size,
    open_json,
    open_protobuf,
    parse_protobuf,
    wrap_json,
    wrap_protobuf,
)
from tracking.adapters.otlp_spans import SpanContext, map_span
from tracking.adapters.otlp_values import forget_rare
from tracking.events import BadBodyError, Batch, Failure, IncomingEvent, Receipt, Rejection

FORMATS = ("otlp-protobuf", "otlp-json")

EMPTY, MALFORMED, EXPIRED = "empty", "malformed", "expired"
BAD_TRACE_ID, BAD_SPAN_ID = "invalid_trace_id", "invalid_span_id"

_NO_TRACE_ID, _NO_SPAN_ID = bytes(16), bytes(8)


def check(body: bytes, *, json: bool, receipt: Receipt) -> tuple[int, list[Rejection]]:
    """Count the spans and say which are refused. Raises BadBodyError when nothing can be read."""
    horizon_ns = receipt.horizon_us * 1000
    rejections: list[Rejection] = []
    n_spans = 0
    for sight in _look_json(body) if json else _look_protobuf(body):
        if isinstance(sight, MalformedError):
            rejections.append(Rejection(n_spans, MALFORMED, str(sight)))
        elif (refusal := _refuse(n_spans, sight, horizon_ns)) is not None:
            rejections.append(refusal)
        n_spans += 1
    codes = {refusal.code for refusal in rejections}
    if n_spans and len(rejections) == n_spans and len(codes) == 1 and codes <= {EMPTY, MALFORMED}:
        raise BadBodyError(rejections[0].message)
    guard_size(n_spans)
    return n_spans, rejections


def _look_protobuf(body: bytes) -> Iterator[Sight]:
    for of_resource in parse_protobuf(body).resource_spans:
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                yield span.trace_id, span.span_id, span.start_time_unix_nano


SNAKE_HINT = "OTLP/JSON keys are lowerCamelCase: traceId, not trace_id"


def _look_json(body: bytes) -> Iterator[Sight | MalformedError]:
    for group in groups_of_json(body):
        for sent in group.spans:
            try:
                sight = look_at_span(sent)
                if not any(sight) and b'"trace_id"' in sent:
                    yield MalformedError(SNAKE_HINT)
                else:
                    yield sight
            except MalformedError as error:
                yield error


def _refuse(index: int, sight: Sight, horizon_ns: int) -> Rejection | None:
    trace_id, span_id, start_ns = sight
    if len(trace_id) != 16 or trace_id == _NO_TRACE_ID:
        if not trace_id and not span_id and not start_ns:
            return Rejection(index, EMPTY, f"a span without ids and time; {LOGS_HINT}")
        found = f"{len(trace_id)} bytes" if any(trace_id) else "none"
        return Rejection(index, BAD_TRACE_ID, f"traceId is 16 bytes, not all zero; got {found}")
    if len(span_id) != 8 or span_id == _NO_SPAN_ID:
        found = f"{len(span_id)} bytes" if any(span_id) else "none"
        return Rejection(index, BAD_SPAN_ID, f"spanId is 8 bytes, not all zero; got {found}")
    if 999 < start_ns < horizon_ns:
        said = expired_nano("startTimeUnixNano", start_ns, horizon_ns)
        return Rejection(index, EXPIRED, said)
    return None


def read(body: bytes, *, json: bool, receipt: Receipt) -> Batch:
    """Read every span into an event, a rejection (the same as at the door) or a failure."""
    forget_rare()
    groups = groups_of_json(body) if json else groups_of_protobuf(body)
    open_span, wrap = (open_json, wrap_json) if json else (open_protobuf, wrap_protobuf)
    horizon_ns = receipt.horizon_us * 1000
    events: list[IncomingEvent] = []
    batch = Batch(events, [], [], {})
    first = 0
    for group in groups:
        origin = origin_of(group)
        if origin.hash:
            batch.origins[origin.hash] = origin.body
        context = SpanContext(receipt, origin.environment, origin.release, origin.hash, origin.arms)
        for index, sent in enumerate(group.spans, first):
            try:
                span, raw = open_span(sent)
                sight = span.trace_id, span.span_id, span.start_time_unix_nano
                refusal = _refuse(index, sight, horizon_ns)
                if refusal is None:
                    events.append(map_span(span, raw, context))
                else:
                    batch.rejections.append(refusal)
            except MalformedError as error:
                batch.rejections.append(Rejection(index, MALFORMED, str(error)))
            except Exception as error:  # one span that no rule foresaw must not cost the others
                reason = f"{type(error).__name__}: {error}"
                batch.failures.append(Failure(index, reason, wrap(group, sent)))
        first += len(group.spans)
    return batch
