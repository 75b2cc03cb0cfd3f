"""A stored span that came as JSON read again by the tables of today. Pure.

The item that was received is put together from columns and payload, as far as mapping looks at it,
and mapped by the very function that maps what comes. Ids, times and the rank of the content stay.
"""

from typing import Any

import msgspec

from tracking.adapters.analytics_envelope import END_KEYS, SPAN, START_KEYS, Envelope
from tracking.adapters.analytics_spans import map_span
from tracking.adapters.analytics_told import fields_of
from tracking.adapters.dialects.attributes import KEPT, rebuild_attributes
from tracking.adapters.dialects.keys import TABLE_WARNINGS, TOLD_FIELDS
from tracking.adapters.dialects.sealing import unseal
from tracking.adapters.json_values import obj
from tracking.events import IncomingEvent, Payload, Receipt

_STATUSES = ("unset", "ok", "error")
_TIMES = frozenset({*START_KEYS, *END_KEYS})


def remap_json_span(event: IncomingEvent, payload: Payload) -> IncomingEvent:
    """Map a stored span again that came as a JSON event."""
    extra = dict(payload.extra or {})
    unused = obj(extra.pop("data", None))
    told = extra.pop(TOLD_FIELDS, 0)
    code = extra.pop("status_code", event.status)
    data = {
        "name": event.name,
        **_status(code),
        **unused,
        # Of two names for one thing the last is heard: it is that which the column gives back.
        **fields_of(told if isinstance(told, int) else 0, event, payload),
        **attributes_in(rebuild_attributes(event, payload)),
    }
    start_ns, end_ns = times_of(event)
    envelope = Envelope(
        SPAN, start_ns, end_ns, data, b"", extra or None, "", event.trace_id, event.span_id, ()
    )
    mapped = map_span(envelope, event.id, receipt_of(event))
    times = {key: unused[key] for key in _TIMES & unused.keys()}
    return restore(mapped, event, _with_unused(mapped.payload, times))


def _status(code: object) -> dict[str, object]:
    return {"status": _STATUSES[code]} if code in (0, 1, 2) and isinstance(code, int) else {}


def _with_unused(payload: Payload, further: dict[str, object]) -> Payload:
    """Times that were replaced are times no more: they are kept as they were."""
    if not further:
        return payload
    extra = dict(payload.extra or {})
    extra["data"] = {**further, **obj(extra.get("data"))}
    return msgspec.structs.replace(payload, extra=extra)


# --- of both formats


def attributes_in(rebuilt: dict[str, object]) -> dict[str, object]:
    return (
        {"attributes": {name: unseal(value) for name, value in rebuilt.items()}} if rebuilt else {}
    )


def times_of(event: IncomingEvent) -> tuple[int, int]:
    """Start and end in nanoseconds, as they were settled."""
    start_rest, end_rest = divmod(event.ns_rest, 1000)
    end_us = event.occurred_us + (event.duration_us or 0)
    return event.occurred_us * 1000 + start_rest, end_us * 1000 + end_rest


def receipt_of(event: IncomingEvent) -> Receipt:
    """One that finds nothing wrong with the span's times: that was settled once."""
    return Receipt(event.occurred_us + (event.duration_us or 0), 0)


def restore(mapped: IncomingEvent, stored: IncomingEvent, payload: Payload) -> IncomingEvent:
    """Put back what is not of the tables."""
    kept: dict[str, Any] = {name: getattr(stored, name) for name in KEPT}
    stay = {code for code in stored.warnings if code not in TABLE_WARNINGS}
    return msgspec.structs.replace(
        mapped,
        **kept,
        payload=payload,
        needs_clock=False,
        warnings=tuple(sorted(stay | set(mapped.warnings))),
    )
