"""Messages that came as events of their own, put back on the call that they belong to. Pure.

The GenAI conventions let a program say its prompts and answers as log records about a span: stored
as points whose parent is the span (tracking.adapters.otlp_logs).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tracking.adapters.dialects.message_events import EVENT_NAMES
from tracking.shapes import SpanContent, SpanDetail, SpanRow

Key = tuple[str, str]
"""(trace id, span id)."""


def is_message_point(span: SpanRow) -> bool:
    return span.kind == "event" and span.name in EVENT_NAMES and span.parent_span_id != ""


def points_of(spans: Iterable[SpanRow], span_id: str) -> list[str]:
    """The keys of the points that tell the messages of a span."""
    if not span_id:
        return []
    return [s.key for s in spans if s.parent_span_id == span_id and is_message_point(s)]


def put_back(events: Sequence[SpanDetail]) -> list[SpanDetail]:
    """Events by time, without the message points whose spans are among them: these tell them."""
    told: dict[Key, list[SpanDetail]] = {}
    for event in events:
        if is_message_point(event.span):
            told.setdefault((event.span.trace_id, event.span.parent_span_id), []).append(event)
    if not told:
        return list(events)
    present = {(e.span.trace_id, e.span.span_id) for e in events if e.span.span_id}
    kept = [
        event
        for event in events
        if not is_message_point(event.span)
        or (event.span.trace_id, event.span.parent_span_id) not in present
    ]
    return [add_messages(e, told.get((e.span.trace_id, e.span.span_id), ())) for e in kept]


def add_messages(event: SpanDetail, points: Sequence[SpanDetail]) -> SpanDetail:
    """The span with what the points tell; what it says itself stays as it is."""
    if not points:
        return event
    content = event.content
    filled = replace(
        content,
        input=_first([content, *_contents(points)], "input"),
        output=_first([content, *_contents(points)], "output"),
        system=_first([content, *_contents(points)], "system"),
        span_events=[
            *content.span_events,
            *(each for found in _contents(points) for each in found.span_events),
        ],
    )
    return SpanDetail(event.span, filled)


def _contents(points: Sequence[SpanDetail]) -> list[SpanContent]:
    return [point.content for point in points]


def _first(contents: Sequence[SpanContent], name: str) -> str | None:
    said: Iterable[str | None] = (getattr(content, name) for content in contents)
    return next((text for text in said if text), None)
