"""From the parts of a document to its events and what lists show of it. Pure."""

from collections.abc import Sequence

from tracking.adapters.dogpile.building import build_run
from tracking.adapters.dogpile.shapes import Shape, tell_shape
from tracking.adapters.dogpile.spans import spans_of
from tracking.adapters.dogpile.summary import summarise
from tracking.adapters.dogpile.timeline import build_timeline
from tracking.adapters.dogpile.values import (
    count_of,
    first_text,
    number_of,
    object_of,
    open_body,
    text_of,
    time_of,
)
from tracking.cleaning import clean_error, clean_name
from tracking.events import Derived, IncomingEvent, Kind, Part, Payload, Status
from tracking.identity import content_rank, given_identity
from tracking.previews import shorten
from tracking.timestamps import AHEAD_US


def derive_run(key: str, parts: Sequence[Part]) -> Derived:
    run = build_run(key, list(parts))
    line = build_timeline(run)
    return Derived(spans_of(run, line), summarise(run, line))


def derive_loose(key: str, parts: Sequence[Part]) -> Derived:
    """What names no run: a metrics snapshot, which is only listed, or an error before the start."""
    part = parts[0]
    value = open_body(part.body)
    if tell_shape(value) is Shape.EVENT:
        return _derive_error(key, value, part)
    summary: dict[str, object] = {
        "kind": str(Shape.METRICS),
        "outcome": clean_name(text_of(value.get("outcome"))),
        "tokens_in": count_of(value.get("totalInputTokens", value.get("inputTokens"))),
        "tokens_out": count_of(value.get("totalOutputTokens", value.get("outputTokens"))),
        "cost_usd": number_of(value.get("totalCostUsd", value.get("costUsd"))),
        "turns": count_of(value.get("turns")),
        "duration_ms": number_of(value.get("durationMs")),
    }
    return Derived([], summary)


def _derive_error(key: str, value: dict[str, object], part: Part) -> Derived:
    detail = object_of(value.get("detail"))
    code = clean_name(first_text(detail.get("code"), value.get("name")))
    message = text_of(value.get("message"))
    at_us = time_of(value)
    if at_us is None or at_us > part.received_us + AHEAD_US:
        at_us = part.received_us
    event = IncomingEvent(
        id=given_identity(f"dogpile-loose\0{key}"),
        occurred_us=at_us,
        content_rank=content_rank(part.body),
        kind=int(Kind.EVENT),
        status=int(Status.ERROR),
        name="error",
        error_type=code,
        error=clean_error(message),
        payload=Payload(attributes=value),
    )
    return Derived([event], {"kind": "error", "error_type": code, "error": shorten(message)})
