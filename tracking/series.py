"""Reads hourly aggregates: totals, gap-filled series, the top of a dimension, freshness.

No function here reads events: the cost depends on the hours asked for, not on what came in them.
"""

from dataclasses import dataclass
from datetime import datetime

from core.timebuckets import TimeRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds; None when nothing was measured."""

    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    events: int
    spans: int
    llm_calls: int
    traces: int
    sessions: int
    users: int
    errors: int
    tokens_in: int
    tokens_out: int
    cost_usd: float
    latency: Latency


@dataclass(frozen=True, slots=True)
class Bucket:
    at: datetime
    values: dict[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """``groups`` in the order of their sums; without ``group_by`` the only group is "all"."""

    metric: str
    unit: str  # count | ratio | usd | tokens | ms
    interval: str
    groups: list[str]
    buckets: list[Bucket]


@dataclass(frozen=True, slots=True, kw_only=True)
class TopRow:
    key: str  # model, prompt key, environment or error type; "" when none was named
    detail: str  # a model's provider
    events: int
    llm_calls: int
    errors: int
    tokens: int
    cost_usd: float
    latency_p50_ms: float | None
    latency_p95_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """``data_until``: everything accepted before it can be read."""

    data_until: datetime
    oldest_pending_seconds: float
    pending_batches: int


def totals(project_id: int, time_range: TimeRange, *, environment: str = "") -> Totals:
    """Sum the hours a range touches."""
    raise NotImplementedError


def series(
    project_id: int, *, metric: str, interval: str, time_range: TimeRange, group_by: str = ""
) -> Series:
    """Return a metric by interval (hour, day, week), gaps filled."""
    raise NotImplementedError


def top(project_id: int, time_range: TimeRange, *, family: str, limit: int = 10) -> list[TopRow]:
    """Return the greatest of a family: model, prompt, environment or error."""
    raise NotImplementedError


def freshness(project_id: int, *, now: datetime) -> Freshness:
    raise NotImplementedError
