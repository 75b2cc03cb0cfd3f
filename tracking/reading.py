"""Reads one thing whole: a session, a trace, a span, a stretch of a session's events."""

from tracking.shapes import SessionDetail, SessionWindow, SpanDetail, TraceDetail

TRACE_LIMIT = 5_000
WINDOW = 200


def read_session(
    project_id: int, session_id: str, *, trace_limit: int = WINDOW
) -> SessionDetail | None:
    raise NotImplementedError


def read_trace(project_id: int, trace_id: str, *, limit: int = TRACE_LIMIT) -> TraceDetail | None:
    """Return a trace with its earliest ``limit`` spans, without payloads."""
    raise NotImplementedError


def read_span(project_id: int, trace_id: str, key: str) -> SpanDetail | None:
    """Return a span with its content. ``key``: ``SpanRow.key``."""
    raise NotImplementedError


def session_window(
    project_id: int, session_id: str, *, after: str = "", limit: int = WINDOW
) -> SessionWindow:
    """Return up to ``limit`` events of a session by time, with content."""
    raise NotImplementedError
