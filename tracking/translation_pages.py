"""What pages show of translations: of a span, of a session, and of all backends."""

from typing import Any

from core.timebuckets import TimeRange
from tracking.adapters.dialects.messages import messages_of
from tracking.backends import (
    find_capabilities,
    has_exchange,
    list_backends,
    list_orphans,
    read_drift,
)
from tracking.capabilities import build_matrix, lint
from tracking.events import Payload
from tracking.reading import session_window
from tracking.shapes import SpanDetail, SpanRow
from tracking.translation import Tally, describe_translation

Context = dict[str, Any]  # a template context: values of any type, read by name

SESSION_EVENTS = 100


def describe_span_translation(project_id: int, detail: SpanDetail) -> Context:
    """The translation of a span, and what it asked for beyond its backend's capabilities."""
    translation = describe_translation(detail.content.attributes)
    if translation is None:
        return {"translation": None}
    translation.facts.extend(_speed(detail.span))
    exchange = translation.request_id
    capabilities = find_capabilities(project_id, [translation.backend]).get(translation.backend)
    payload = Payload(input=detail.content.input)
    return {
        "translation": translation,
        "exchange": exchange if exchange and has_exchange(project_id, exchange) else "",
        "capabilities": build_matrix([capabilities]) if capabilities else [],
        "lints": (
            lint(detail.content.attributes, messages_of(payload, {}, "input"), capabilities)
            if capabilities
            else []
        ),
    }


def _speed(span: SpanRow) -> list[tuple[str, str]]:
    """Tokens a second, from the first one on where its time is known."""
    milliseconds = (span.duration_ms or 0) - (span.ttft_ms or 0)
    if not span.tokens.output or milliseconds <= 0:
        return []
    return [("Speed", f"{span.tokens.output / milliseconds * 1000:,.1f} tokens a second")]


def describe_session_translation(project_id: int, session_id: str) -> Context:
    """The translations of a session's first events, counted."""
    window = session_window(project_id, session_id, limit=SESSION_EVENTS)
    tally = Tally()
    for event in window.events:
        translation = describe_translation(event.content.attributes)
        if translation is not None:
            tally.add(translation, event.span.trace_id, event.span.key)
    backends = sorted(find_capabilities(project_id, tally.backends).items())
    return {
        "ir_warnings": tally.list_warnings(),
        "chains": tally.chains.most_common(),
        "ir_parameters": tally.list_parameters(),
        "backend_names": [name for name, _ in backends],
        "matrix": build_matrix([said for _, said in backends]),
        "n_read": SESSION_EVENTS if window.next_after else 0,
    }


def describe_backends(project_id: int, time_range: TimeRange) -> Context:
    backends = list_backends(project_id)
    return {
        "report": read_drift(project_id, time_range),
        "backends": backends,
        "matrix": build_matrix([backend.capabilities for backend in backends]),
        "orphans": list_orphans(project_id),
    }
