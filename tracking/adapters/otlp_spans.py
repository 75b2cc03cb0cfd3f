"""One OTLP span, as bytes, to an :class:`IncomingEvent`. Pure."""

from typing import Any

import msgspec
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.proto.trace.v1.trace_pb2 import Status as SpanStatus

from tracking.adapters.dialects.arms import Arm
from tracking.adapters.dialects.attributes import Gathered, gather, settle
from tracking.adapters.dialects.keys import MAP_VERSION
from tracking.adapters.otlp_settling import (
    all_evaluations,
    further_arms,
    settle_beyond,
    settle_status,
)
from tracking.adapters.otlp_values import SHORT, attributes_of, read_entry, recall
from tracking.cleaning import clean_name
from tracking.events import IncomingEvent, Payload, Receipt, Status
from tracking.identity import content_rank, span_identity
from tracking.timestamps import settle_span

_MAX_MEMO = 4096
_NO_SPAN_ID = bytes(8)

_plain_statuses = {b"": int(Status.UNSET), b"\x18\x01": int(Status.OK)}
_clean_names: set[str] = set()
_extras: dict[tuple[object, ...], dict[str, object] | None] = {}


class SpanContext(msgspec.Struct, frozen=True):
    """What all spans of one scope of one resource share."""

    receipt: Receipt
    environment: str = ""
    release: str = ""
    origin: int = 0
    arms: tuple[Arm, ...] = ()  # of the resource: a deployment that is itself a variant


def map_span(span: Any, raw: bytes, context: SpanContext) -> IncomingEvent:
    """Map a span that the door let in. ``raw`` is its bytes, which rank its content."""
    gathered = gather(
        [
            (recall(blob) if len(blob) < SHORT else None) or read_entry(blob)
            for blob in span.attributes
        ]
    )
    odd: dict[str, object] = {}
    start_ns, end_ns = span.start_time_unix_nano, span.end_time_unix_nano
    times = settle_span(start_ns, end_ns, context.receipt)
    if times.warnings:
        gathered.warnings.extend(times.warnings)
        if times.is_replaced:
            odd = {"start_ns": start_ns, "end_ns": end_ns}
    span_events = _read_span_events(span.events) if span.events else None
    settle(gathered, times.duration_us, further_arms(span_events, context.arms))
    status = _plain_statuses.get(span.status)
    if status is None:
        status = _settle_status(gathered, span.status, span_events, odd)
    name, parent = span.name, span.parent_span_id
    if name not in _clean_names:
        name = _settle_name(name, odd)
    is_odd = parent and (len(parent) != 8 or parent == _NO_SPAN_ID)
    parent_span_id = _settle_parent(parent.hex(), odd) if is_odd else parent.hex()
    payload = _payload_of(span, gathered, span_events, odd)
    trace_id, span_id = span.trace_id.hex(), span.span_id.hex()
    event = IncomingEvent(
        id=span_identity(trace_id, span_id),
        occurred_us=times.occurred_us,
        duration_us=times.duration_us,
        ns_rest=times.ns_rest,
        needs_clock=times.needs_clock,
        content_rank=content_rank(raw),
        status=status,
        name=name,
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=parent_span_id,
        environment=context.environment,
        release=context.release,
        origin=context.origin,
        seen=gathered.seen,
        map_version=MAP_VERSION,
        warnings=tuple(sorted(set(gathered.warnings))) if gathered.warnings else (),
        payload=payload,
        evaluations=all_evaluations(gathered, span_events),
        **gathered.columns,
    )
    return event if gathered.beyond is None else settle_beyond(event, gathered.beyond)


def _payload_of(
    span: Any, gathered: Gathered, span_events: list[Any] | None, odd: dict[str, object]
) -> Payload:
    """What no column holds. Takes the bodies out of the columns."""
    take = gathered.columns.pop
    extra = _extra_of(span)
    return Payload(
        take("input", None),
        take("output", None),
        take("system", None),
        gathered.leftover or None,
        span_events,
        _read_links(span.links) if span.links else None,
        {**(extra or {}), **odd} if odd else extra,
    )


def _settle_status(
    gathered: Gathered, blob: bytes, span_events: list[Any] | None, odd: dict[str, object]
) -> int:
    sent = SpanStatus.FromString(blob)
    return settle_status(gathered, int(sent.code), sent.message, span_events, odd)


def _settle_name(sent: str, odd: dict[str, object]) -> str:
    name = clean_name(sent)
    if name != sent:
        odd["name"] = sent
        return name
    if len(_clean_names) >= _MAX_MEMO:
        _clean_names.clear()
    _clean_names.add(name)
    return name


def _settle_parent(sent: str, odd: dict[str, object]) -> str:
    """Zeros say that there is no parent; an id of a wrong length is an id all the same."""
    odd["parent_span_id"] = sent
    return clean_name(sent) if sent.strip("0") else ""


def _extra_of(span: Any) -> dict[str, object] | None:
    """What a span says beside its attributes and has no column; shared, so never changed."""
    said = (
        span.kind,
        span.flags,
        span.trace_state,
        span.dropped_attributes_count,
        span.dropped_events_count,
        span.dropped_links_count,
    )
    if said in _extras:
        return _extras[said]
    names = ("kind", "flags", "trace_state")
    dropped = ("dropped_attributes", "dropped_events", "dropped_links")
    extra = {name: value for name, value in zip(names + dropped, said, strict=True) if value}
    if len(_extras) >= _MAX_MEMO:
        _extras.clear()
    return _extras.setdefault(said, extra or None)


def _read_span_events(blobs: Any) -> list[Any]:
    """Events as ``[name, ns, attributes]``, and how many attributes were dropped if any."""
    events = []
    for blob in blobs:
        event = Span.Event.FromString(blob)
        read = [event.name, event.time_unix_nano, attributes_of(event.attributes)]
        events.append(
            [*read, event.dropped_attributes_count] if event.dropped_attributes_count else read
        )
    return events


def _read_links(blobs: Any) -> list[object]:
    """Links as ``[trace id, span id, attributes]``, and what else they say if anything."""
    links: list[object] = []
    for blob in blobs:
        link = Span.Link.FromString(blob)
        said = {
            "trace_state": link.trace_state,
            "dropped_attributes": link.dropped_attributes_count,
            "flags": link.flags,
        }
        rest = [{name: value for name, value in said.items() if value}]
        ids = link.trace_id.hex(), link.span_id.hex()
        links.append([*ids, attributes_of(link.attributes), *(rest if rest[0] else [])])
    return links
