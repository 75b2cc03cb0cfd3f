"""Lists of sessions, traces and spans: filtered, sorted, paged by keyset.

Each statement reads a bounded number of index entries; what a filter cannot find among them is
continued by the next page's cursor (``tracking.shapes.Page``).
"""

from tracking.filters import EventFilter
from tracking.shapes import Page, SessionRow, SpanRow, TraceRow


def list_sessions(
    project_id: int, flt: EventFilter, *, page_size: int = 50, cursor: str = ""
) -> Page[SessionRow]:
    """``flt.sort``: last_at, first_at, duration, cost, tokens, errors, llm_calls, traces."""
    raise NotImplementedError


def list_traces(
    project_id: int, flt: EventFilter, *, page_size: int = 50, cursor: str = ""
) -> Page[TraceRow]:
    """``flt.sort``: started_at, duration, cost, tokens, errors, spans."""
    raise NotImplementedError


def list_spans(
    project_id: int, flt: EventFilter, *, page_size: int = 50, cursor: str = ""
) -> Page[SpanRow]:
    """``flt.sort``: started_at."""
    raise NotImplementedError
