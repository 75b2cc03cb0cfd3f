"""What lists, pages and exports are filtered by: URL parameters ↔ one frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.timebuckets import TimeRange


class FilterError(ValueError):
    """A parameter that means nothing. Names it, so that a form can point at it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Empty values filter nothing. Ranges are inclusive: dollars, milliseconds, tokens (in + out)."""

    time_range: TimeRange | None = None
    session_id: str = ""
    user_id: str = ""
    trace_id: str = ""
    run_id: str = ""
    model: str = ""
    provider: str = ""
    kind: str = ""
    status: str = ""
    error: str = ""  # an error type; "any": with an error
    prompt: str = ""
    prompt_version: str = ""
    experiment: str = ""
    variant: str = ""
    environment: str = ""
    tag: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    cost_gte: float | None = None
    cost_lte: float | None = None
    duration_gte: float | None = None
    duration_lte: float | None = None
    tokens_gte: float | None = None
    tokens_lte: float | None = None
    q: str = ""
    implicit: bool = False
    sort: str = ""  # a field, descending with a leading "-"; "" is the list's own order


def parse_filter(params: Mapping[str, Any], *, now: datetime | None = None) -> EventFilter:
    """Read URL parameters. Unknown ones are not ours (cursors, tabs) and are left alone."""
    raise NotImplementedError


def to_query(flt: EventFilter) -> str:
    """Return the query string that :func:`parse_filter` reads back, without ``?``."""
    raise NotImplementedError
