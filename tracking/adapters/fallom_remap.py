"""A stored span that Fallom's clients sent, read again by the tables of today. Pure.

See ``json_remap``: the flat span is put together and mapped as if it had just come.
"""

import msgspec

from tracking.adapters.analytics_told import write_column
from tracking.adapters.dialects.arms import columns_of_arms
from tracking.adapters.dialects.attributes import rebuild_attributes
from tracking.adapters.dialects.keys import TOLD_FIELDS
from tracking.adapters.dialects.sealing import unseal
from tracking.adapters.fallom_bodies import ATTRIBUTE
from tracking.adapters.fallom_raw import RESPONSE, body_text, read_response
from tracking.adapters.fallom_spans import (
    CONTENT_DROPPED,
    FIELDS,
    REST,
    TWICE,
    FlatSpan,
    map_flat_span,
)
from tracking.adapters.json_remap import receipt_of, restore, times_of
from tracking.adapters.json_values import JsonObject
from tracking.events import IncomingEvent, Kind, Payload

_INPUTS = ("fallom.raw.request", "input")
_TIMES = tuple(f"{REST}{name}" for name in ("start_time", "end_time"))
_STATUSES = ("UNSET", "OK", "ERROR")


def remap_flat_span(event: IncomingEvent, payload: Payload) -> IncomingEvent | None:
    """Map a stored flat span again; None for one whose content was dropped: half of what it said,
    its models and finish reason among it, was said there."""
    if CONTENT_DROPPED in event.warnings:
        return None
    extra = dict(payload.extra or {})
    told = extra.pop(TOLD_FIELDS, None)
    sent = rebuild_attributes(event, payload)
    data, attributes = _rebuild(told if isinstance(told, list) else [], sent, event, payload)
    data["attributes"] = attributes
    start_ns, end_ns = times_of(event)
    ids = event.trace_id, event.span_id, event.parent_span_id
    mapped = map_flat_span(FlatSpan(data, b"", *ids, start_ns, end_ns, ()), receipt_of(event))
    # Times that were replaced are times no more: they are kept as they were.
    times = {name: sent[name] for name in _TIMES if name in sent}
    again = msgspec.structs.replace(
        mapped.payload,
        attributes={**(mapped.payload.attributes or {}), **times} or None,
        extra={**extra, **(mapped.payload.extra or {})} or None,
    )
    kept = msgspec.structs.replace(
        mapped,
        status=event.status,
        error=event.error,
        error_type=mapped.error_type or event.error_type,
    )
    return restore(kept, event, again)


def _rebuild(
    told: list[object], sent: dict[str, object], event: IncomingEvent, payload: Payload
) -> tuple[JsonObject, JsonObject]:
    """Fields and attributes as they were sent, as far as mapping looks at them."""
    data: JsonObject = {"name": event.name}
    attributes: JsonObject = {}
    for name, held in sent.items():
        if name.startswith(REST):
            data[name.removeprefix(REST)] = unseal(held)
        else:
            attributes[name] = unseal(held)
    for name in map(str, told):
        if name.startswith(ATTRIBUTE):
            key = name.removeprefix(ATTRIBUTE)
            attributes[key] = _body(payload.input if key in _INPUTS else payload.output)
        elif name.startswith(TWICE):
            data.setdefault(name.removeprefix(TWICE), attributes.get(name))
        else:
            data.setdefault(name, _field(name, event, payload, attributes))
    return data, attributes


def _body(text: str | None) -> str | None:
    """What becomes this text when it is read: a lone text in quotes would lose them."""
    return text if text is None or body_text(text) == text else msgspec.json.encode(text).decode()


def _field(
    name: str, event: IncomingEvent, payload: Payload, attributes: JsonObject
) -> object | None:
    if name in FIELDS:
        return write_column(*FIELDS[name], event, payload, {})
    if name == "time_to_first_token_ms":
        return None if event.ttft_us is None else event.ttft_us / 1000
    if name == "model":
        # The span's own model answered, unless the answer named another one.
        answered = read_response(attributes.get(RESPONSE)).answered_by
        return (answered and event.model_requested) or event.model
    arm = columns_of_arms(event.arms)
    return {
        "prompt_ab_test_key": arm.get("arm:assay"),
        "prompt_variant_index": arm.get("variant:assay"),
        "kind": Kind(event.kind).name.lower(),
        "status": _STATUSES[event.status],
        "error_message": event.error,
    }.get(name)
