"""A stored span read again by the tables of today. Pure.

What was sent is there exactly, in columns and payload: it is put together, and mapped as if it had
just come. What is not of the tables (ids, times, the rank of the content) stays as it is.
"""

from typing import Any

import msgspec

from tracking.adapters.dialects.attributes import KEPT, gather, rebuild_attributes, settle
from tracking.adapters.dialects.keys import MAP_VERSION, STATUS_MESSAGE_BIT, TABLE_WARNINGS
from tracking.adapters.dialects.table import read_attribute
from tracking.adapters.fallom_headers import fill, recall_told
from tracking.adapters.otlp_origins import read_resource
from tracking.adapters.otlp_settling import (
    all_evaluations,
    further_arms,
    settle_beyond,
    settle_status,
)
from tracking.events import IncomingEvent, Payload


def remap_span(
    event: IncomingEvent, payload: Payload, resource: dict[str, object]
) -> IncomingEvent:
    """Map a stored span again. ``resource``: the attributes of its origin, as they are stored."""
    attributes = rebuild_attributes(event, payload)
    gathered = gather([read_attribute(name, raw) for name, raw in attributes.items()])
    said = read_resource(resource)
    span_events: list[Any] | None = payload.span_events
    settle(gathered, event.duration_us, further_arms(span_events, said.arms))
    extra = dict(payload.extra or {})
    text = str(extra.pop("status_message", event.error if event.seen & STATUS_MESSAGE_BIT else ""))
    code = extra.pop("status_code", event.status)
    assert isinstance(code, int)
    status = settle_status(gathered, code, text, span_events, extra)
    take = gathered.columns.pop
    new_payload = Payload(
        take("input", None),
        take("output", None),
        take("system", None),
        gathered.leftover or None,
        payload.span_events,
        payload.links,
        extra or None,
    )
    kept = {name: getattr(event, name) for name in KEPT}
    stay = {code for code in event.warnings if code not in TABLE_WARNINGS}
    warnings = stay | set(gathered.warnings)
    mapped = IncomingEvent(
        **kept,
        status=status,
        environment=said.environment,
        release=said.release,
        seen=gathered.seen,
        map_version=MAP_VERSION,
        warnings=tuple(sorted(warnings)),
        payload=new_payload,
        evaluations=all_evaluations(gathered, span_events),
        **gathered.columns,
    )
    if gathered.beyond is not None:
        mapped = settle_beyond(mapped, gathered.beyond)
    told = recall_told(payload.extra)
    return mapped if told is None else fill(mapped, told)


def differs(stored: IncomingEvent, mapped: IncomingEvent) -> bool:
    """Whether two readings of one span differ, their payloads and versions apart."""
    not_stored = ("payload", "map_version", "needs_clock", "evaluations")
    same = {name: getattr(mapped, name) for name in not_stored}
    return msgspec.structs.replace(stored, **same) != mapped
