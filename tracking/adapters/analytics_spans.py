"""A span sent as a JSON event to an :class:`IncomingEvent`, through the dialects. Pure."""

from collections.abc import Sequence
from typing import Any

from tracking.adapters.analytics_envelope import (
    END_KEYS,
    ENVIRONMENT_KEYS,
    PARENT_KEYS,
    START_KEYS,
    Envelope,
    id_among,
    wire_id,
)
from tracking.adapters.analytics_fields import gather_span, whole_us
from tracking.adapters.analytics_points import error_text
from tracking.adapters.analytics_told import settle_fields
from tracking.adapters.dialects.attributes import Gathered, settle
from tracking.adapters.dialects.keys import JSON_SPANS, MAP_VERSION, TOLD_FIELDS
from tracking.adapters.dialects.opentelemetry import RESOURCE_COLUMNS
from tracking.adapters.otlp_settling import settle_beyond
from tracking.cleaning import clean_error, clean_name
from tracking.events import IncomingEvent, Kind, Payload, Receipt, Status
from tracking.identity import content_rank
from tracking.timestamps import settle_span

_STATUSES: dict[object, int] = {
    "ok": 1,
    "error": 2,
    "unset": 0,
    "OK": 1,
    "ERROR": 2,
    "UNSET": 0,
    0: 0,
    1: 1,
    2: 2,
}
_TROUBLE = frozenset({"error", "status_message"})
_CALL_COLUMNS = frozenset({"model", "tokens_in", "tokens_out"})


_RESOURCE_KEYS = {
    column: tuple(key for key, filled in RESOURCE_COLUMNS.items() if filled == column)
    for column in ("environment", "release")
}


def map_span(envelope: Envelope, identity: bytes, receipt: Receipt) -> IncomingEvent:
    data = envelope.data
    unused: dict[str, object] = {}
    gathered = gather_span(data, unused)
    times = settle_span(envelope.at_ns or 0, _end_of(envelope), receipt)
    if times.is_replaced:
        unused |= {key: data[key] for key in (*START_KEYS, *END_KEYS) if key in data}
    status = _settle(gathered, times.duration_us, data, unused)
    told = settle_fields(data, gathered, unused)
    payload = _payload_of(gathered, envelope, unused, told)
    event = IncomingEvent(
        id=identity,
        occurred_us=times.occurred_us,
        duration_us=times.duration_us,
        ns_rest=times.ns_rest,
        needs_clock=times.needs_clock,
        content_rank=content_rank(envelope.content),
        status=status,
        name=_name_of(data),
        trace_id=envelope.trace_id,
        span_id=envelope.span_id,
        parent_span_id=_parent_of(data),
        environment=_resource_name(data, ENVIRONMENT_KEYS, "environment"),
        release=_resource_name(data, ("release",), "release"),
        seen=gathered.seen,
        map_version=JSON_SPANS + MAP_VERSION,
        warnings=_join(gathered.warnings, times.warnings, envelope.warnings),
        payload=payload,
        evaluations=gathered.evaluations,
        **gathered.columns,
    )
    return event if gathered.beyond is None else settle_beyond(event, gathered.beyond)


def _resource_name(data: dict[str, object], keys: tuple[str, ...], column: str) -> str:
    """A JSON event has no resource of its own: what one would say may stand among attributes."""
    attributes = data.get("attributes")
    said = id_among(data, keys)
    if not said and isinstance(attributes, dict):
        said = id_among(attributes, _RESOURCE_KEYS[column])
    return clean_name(said)


def _settle(
    gathered: Gathered, duration_us: int, data: dict[str, object], unused: dict[str, object]
) -> int:
    """Decide what takes several columns, and return the status."""
    columns = gathered.columns
    has_kind = "kind" in columns or "operation" in columns
    settle(gathered, duration_us)
    if "model" in columns:
        columns.setdefault("model_requested", columns["model"])
    if not has_kind and not _CALL_COLUMNS.isdisjoint(columns):
        columns["kind"] = int(Kind.LLM)
    return _settle_status(data, columns, unused)


def _payload_of(
    gathered: Gathered, envelope: Envelope, unused: dict[str, object], told: int
) -> Payload:
    take = gathered.columns.pop
    extra = dict(envelope.rest or {})
    if unused:
        sent = envelope.data  # in its order: of two names for one thing the last is heard
        extra["data"] = {key: unused[key] for key in sent if key in unused}
    if told:
        extra[TOLD_FIELDS] = told
    return Payload(
        take("input", None),
        take("output", None),
        take("system", None),
        gathered.leftover or None,
        extra=extra or None,
    )


def _join(*warnings: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({*warnings[0], *warnings[1], *warnings[2]})) if any(warnings) else ()


def _end_of(envelope: Envelope) -> int:
    if envelope.end_ns is None and envelope.at_ns is not None:
        length_us = whole_us(envelope.data.get("duration_ms"))
        return 0 if length_us is None else envelope.at_ns + length_us * 1000
    return envelope.end_ns or 0


def _name_of(data: dict[str, object]) -> str:
    name = data.get("name")
    return clean_name(name) if isinstance(name, str) and name else "span"


def _parent_of(data: dict[str, object]) -> str:
    sent = id_among(data, PARENT_KEYS)
    return wire_id(sent) if sent.strip("0") else ""


def _settle_status(
    data: dict[str, object], columns: dict[str, Any], unused: dict[str, object]
) -> int:
    """Read the status, which is an error too when an error is told and no status is."""
    sent = data.get("status")
    known = _STATUSES.get(sent) if isinstance(sent, str | int) and sent is not True else None
    if known is None and sent is not None:
        known = _STATUSES.get(sent.lower()) if isinstance(sent, str) else None
        unused["status"] = sent
    if _TROUBLE.isdisjoint(data):
        return known or int(Status.UNSET)
    if known is None and data.get("error"):
        known = int(Status.ERROR)
    message = data.get("status_message")
    text = message if isinstance(message, str) else error_text(data)
    if text and known == Status.ERROR:
        columns["error"] = clean_error(text)
    for key in _TROUBLE & data.keys():
        if data[key] is not None and data[key] != columns.get("error"):
            unused[key] = data[key]
    return known or int(Status.UNSET)
