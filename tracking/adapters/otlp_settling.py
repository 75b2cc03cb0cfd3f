"""What a span's own fields and its attributes decide together: status, error, arms. Pure."""

from typing import Any

import msgspec

from tracking.adapters.dialects.arms import Arm, arms_of_flag_event
from tracking.adapters.dialects.attributes import TTFT_TOO_LONG, Gathered
from tracking.adapters.dialects.compounds import Beyond
from tracking.adapters.dialects.evaluations import evaluations_among_events
from tracking.adapters.dialects.keys import STATUS_MESSAGE_BIT
from tracking.cleaning import clean_error, clean_name
from tracking.events import Evaluation, IncomingEvent, Status

_ERROR = int(Status.ERROR)

Extra = dict[str, object]
"""What a span says beside its attributes and has no column."""


def settle_status(
    gathered: Gathered, code: int, text: str, span_events: list[Any] | None, odd: Extra
) -> int:
    """Fill what went wrong: the status message, else the last exception event."""
    if code == _ERROR:
        _fill_error(gathered, text, span_events)
    if text and gathered.columns.get("error") == text:
        gathered.seen |= STATUS_MESSAGE_BIT
    elif text:
        odd["status_message"] = text
    if 0 <= code <= _ERROR:
        return code
    odd["status_code"] = code
    return int(Status.UNSET)


def _fill_error(gathered: Gathered, text: str, span_events: list[Any] | None) -> None:
    kind = ""
    for name, _, attributes, *_ in reversed(span_events or []):
        if name == "exception":
            text = text or str(attributes.get("exception.message") or "")
            kind = str(attributes.get("exception.type") or "")
            break
    if text:
        gathered.columns["error"] = clean_error(text)
    if kind:
        gathered.columns.setdefault("error_type", clean_name(kind))


def further_arms(span_events: list[Any] | None, of_resource: tuple[Arm, ...]) -> tuple[Arm, ...]:
    """Arms of feature flag events, then the resource's."""
    if not span_events:
        return of_resource
    arms = [arm for event in span_events for arm in arms_of_flag_event(event[0], event[2])]
    return (*arms, *of_resource) if arms else of_resource


def all_evaluations(gathered: Gathered, span_events: list[Any] | None) -> tuple[Evaluation, ...]:
    """Evaluations among the attributes, and those that came as events of the span itself."""
    if not span_events:
        return gathered.evaluations
    return (*gathered.evaluations, *evaluations_among_events(span_events))


def settle_beyond(event: IncomingEvent, beyond: Beyond) -> IncomingEvent:
    """Let attributes that speak of the whole span have their say against its own fields."""
    changes: dict[str, Any] = {}
    if beyond.environment:
        changes["environment"] = beyond.environment
    if beyond.release:
        changes["release"] = beyond.release
    if beyond.is_error and event.status != _ERROR:
        changes["status"] = _ERROR
        changes["error"] = event.error or beyond.error
        extra = {**(event.payload.extra or {}), "status_code": event.status}
        changes["payload"] = msgspec.structs.replace(event.payload, extra=extra)
    if beyond.first_token_us is not None and event.ttft_us is None:
        changes |= _first_token(event, beyond.first_token_us)
    return msgspec.structs.replace(event, **changes) if changes else event


def _first_token(event: IncomingEvent, at_us: int) -> dict[str, Any]:
    ttft_us = at_us - event.occurred_us
    if 0 <= ttft_us <= (event.duration_us or 0):
        return {"ttft_us": ttft_us}
    return {"warnings": tuple(sorted({*event.warnings, TTFT_TOO_LONG}))}
