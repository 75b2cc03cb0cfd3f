"""Reads hourly aggregates: totals, gap-filled series, the top of a dimension, freshness.

No function here reads events: the cost depends on the hours asked for, not on what came in them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from core.timebuckets import MONDAY, Interval, TimeRange, fill_gaps
from tracking.costs import known_sum
from tracking.events import Kind
from tracking.hourly import ALL_GROUPS, CALLS, HOURS, Family, to_ms
from tracking.sketch_sums import SketchSource, SketchSum, sum_sketches
from tracking.sketches import quantiles
from tracking.statements import Where, fetch_all, fetch_one
from tracking.tops import TopRow, top
from tracking.totals import Latency, Totals, totals

__all__ = [
    "Bucket",
    "Freshness",
    "Latency",
    "Scope",
    "Series",
    "SeriesError",
    "TopRow",
    "Totals",
    "freshness",
    "read_series",
    "series",
    "top",
    "totals",
]

INTERVALS = (Interval.HOUR, Interval.DAY, Interval.WEEK)
MAX_GROUPS = 12
OTHER = "other"


class SeriesError(ValueError):
    """A series that cannot be asked for. Names the parameter."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Bucket:
    at: datetime
    values: dict[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """``groups`` in the order of their counts; without ``group_by`` the only group is "all"."""

    metric: str
    unit: str  # count | ratio | usd | tokens | ms
    interval: str
    groups: list[str]
    buckets: list[Bucket]


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """``data_until``: everything accepted before it can be read."""

    data_until: datetime
    oldest_pending_seconds: float
    pending_batches: int


@dataclass(frozen=True, slots=True)
class Metric:
    unit: str
    value: str  # SQL over rollup rows, or the column of sketches
    share: float | None = None  # the quantile of sketches

    @property
    def is_additive(self) -> bool:
        return self.unit in {"count", "usd", "tokens"}

    def read(self, value: Any) -> float | None:
        """As a number; PostgreSQL's sums of whole ones are numeric."""
        if value is None:
            return None
        return int(value) if self.unit in {"count", "tokens"} else float(value)


METRICS = {
    "events": Metric("count", "sum(n)"),
    "spans": Metric("count", "sum(n_spans)"),
    "llm_calls": Metric("count", f"coalesce(sum(n) FILTER (WHERE kind = {Kind.LLM:d}), 0)"),
    "errors": Metric("count", "sum(n_errors)"),
    "error_rate": Metric("ratio", "sum(n_errors)::float8 / nullif(sum(n), 0)"),
    "cost": Metric("usd", known_sum()),
    "unpriced_calls": Metric("count", "sum(n_unpriced)"),
    "tokens": Metric("tokens", "sum(tokens_in + tokens_out)"),
    "tokens_in": Metric("tokens", "sum(tokens_in)"),
    "tokens_out": Metric("tokens", "sum(tokens_out)"),
    "sessions": Metric("count", "sum(n_sessions)"),
    "traces": Metric("count", "sum(n_traces)"),
    "latency_p50": Metric("ms", "latency", 0.5),
    "latency_p95": Metric("ms", "latency", 0.95),
    "latency_p99": Metric("ms", "latency", 0.99),
    "ttft_p50": Metric("ms", "ttft", 0.5),
    "ttft_p95": Metric("ms", "ttft", 0.95),
}
GROUPS = {
    "": (Family.ALL, ALL_GROUPS),
    "model": (Family.MODEL, "key_b"),
    "provider": (Family.MODEL, "key_a"),
    "prompt": (Family.PROMPT, "key_a"),
    "environment": (Family.ENVIRONMENT, "key_a"),
    "kind": (Family.ALL, "kind"),
}
OF_ENVIRONMENT = frozenset({"", "kind", "environment"})
UNGROUPED = frozenset({"sessions", "traces"})  # counted in family ALL only


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Which rollup rows a series is of."""

    project_id: int
    family: Family
    group: str  # SQL of this code
    environment: str = ""

    @property
    def where(self) -> Where:
        where = Where()
        where.add_if(self.environment, "key_a = %s")
        return where


@dataclass(frozen=True, slots=True)
class Scope:
    """What a series is of, and in which steps; of one environment, or of all ("")."""

    project_id: int
    time_range: TimeRange
    step: Interval
    environment: str = ""


SeriesRow = tuple[datetime, str, int, float | None]  # bucket, group, events, value


def series(
    project_id: int,
    *,
    metric: str,
    interval: str,
    time_range: TimeRange,
    group_by: str = "",
    environment: str = "",
) -> Series:
    """Return a metric by interval (hour, day, week), gaps filled; of one environment if asked.

    Latency is that of model calls (of every kind when grouped by kind, or when there is no call).
    """
    step = _check_series(metric, interval, group_by)
    if environment:
        _check_environment(metric, group_by)
    scope = Scope(project_id, time_range, step, environment)
    return read_series(scope, [metric], group_by=group_by)[0]


def read_series(scope: Scope, metrics: Sequence[str], *, group_by: str = "") -> list[Series]:
    """Several metrics that are all sums, or all quantiles of one sketch: read at once."""
    family, group = GROUPS[group_by]
    source = Source(
        project_id=scope.project_id,
        family=Family.ENVIRONMENT if scope.environment else family,
        group=group,
        environment=scope.environment,
    )
    known = [METRICS[metric] for metric in metrics]
    found = _read_rows(source, known, scope.step, scope.time_range)
    return [
        _build(scope, metric, rows, is_grouped=bool(group_by))
        for metric, rows in zip(metrics, found, strict=True)
    ]


def _build(scope: Scope, metric: str, rows: list[SeriesRow], *, is_grouped: bool) -> Series:
    known = METRICS[metric]
    groups, values = _fold(rows, known)
    if not is_grouped:
        groups = [ALL_GROUPS.strip("'")]
    empty = 0 if known.is_additive else None
    filled = fill_gaps(replace(scope.time_range, interval=scope.step), values, {})
    buckets = [Bucket(at, {g: found.get(g, empty) for g in groups}) for at, found in filled]
    return Series(
        metric=metric, unit=known.unit, interval=scope.step.value, groups=groups, buckets=buckets
    )


def _check_series(metric: str, interval: str, group_by: str) -> Interval:
    if metric not in METRICS:
        raise SeriesError("metric", f"One of {', '.join(METRICS)}.")
    if interval not in INTERVALS:
        raise SeriesError("interval", f"One of {', '.join(INTERVALS)}: sums are kept by the hour.")
    if group_by not in GROUPS:
        raise SeriesError("group_by", f"One of {', '.join(filter(None, GROUPS))}.")
    if group_by and metric in UNGROUPED:
        raise SeriesError("group_by", f"'{metric}' is counted for all together.")
    return Interval(interval)


def _check_environment(metric: str, group_by: str) -> None:
    """Sums by environment know of nothing beside it: a cross product would be a row an event."""
    if metric in UNGROUPED:
        raise SeriesError("environment", f"'{metric}' is counted for all environments together.")
    if group_by not in OF_ENVIRONMENT:
        raise SeriesError("environment", f"Sums by {group_by} are of all environments together.")


def _read_rows(
    source: Source, metrics: Sequence[Metric], step: Interval, time_range: TimeRange
) -> list[list[SeriesRow]]:
    """The rows of each metric."""
    shares = [metric.share for metric in metrics if metric.share is not None]
    if shares:
        sketches = SketchSource(
            project_id=source.project_id,
            family=source.family,
            column=metrics[0].value,
            group=source.group,
            kinds=() if source.group == "kind" else CALLS,
            environment=source.environment,
        )
        return _quantile_rows(sketches, shares, step, time_range=time_range)
    where = source.where
    values = ", ".join(metric.value for metric in metrics)
    sql = (
        f"SELECT date_bin(%s, hour, %s), {source.group}, sum(n), {values} {HOURS}"
        f" AND {where.sql} GROUP BY 1, 2"
    )
    scope = [source.project_id, time_range.start, time_range.end, source.family]
    rows = fetch_all(sql, [step.step, MONDAY, *scope, *where.params])
    return [
        [(row[0], _group_name(row[1]), int(row[2]), metric.read(row[3 + index])) for row in rows]
        for index, metric in enumerate(metrics)
    ]


def _quantile_rows(
    source: SketchSource, shares: Sequence[float], step: Interval, *, time_range: TimeRange
) -> list[list[SeriesRow]]:
    found: list[SketchSum] = []
    for wanted in (source, replace(source, kinds=())):
        found = found or sum_sketches(wanted, time_range, step=step)
    rows = [
        (each.at, _group_name(each.group), each.n, quantiles(each.sketch, shares)) for each in found
    ]
    return [
        [(at, group, n, to_ms(values[index])) for at, group, n, values in rows]
        for index in range(len(shares))
    ]


def _group_name(key: str | int) -> str:
    return key if isinstance(key, str) else Kind(key).name.lower()


def _fold(
    rows: list[SeriesRow], metric: Metric
) -> tuple[list[str], dict[datetime, dict[str, float | None]]]:
    """Keep the greatest groups; the others are one group, or left out where sums mean nothing."""
    sizes: dict[str, int] = {}
    for _at, group, n, _value in rows:
        sizes[group] = sizes.get(group, 0) + n
    groups = sorted(sizes, key=lambda group: (-sizes[group], group))
    kept = groups[:MAX_GROUPS]
    if len(groups) > MAX_GROUPS and metric.is_additive and OTHER not in kept:
        kept.append(OTHER)
    values: dict[datetime, dict[str, float | None]] = {}
    for at, group, _n, value in rows:
        found = values.setdefault(at, {})
        if group in kept and group != OTHER:
            found[group] = value
        elif OTHER in kept:
            found[OTHER] = _plus(found.get(OTHER), value) if metric.is_additive else value
    return kept, values


def _plus(first: float | None, second: float | None) -> float | None:
    """None, of what nobody knows, adds nothing."""
    return second if first is None else first + (second or 0)


PENDING = "SELECT count(*), min(received_at) FROM tracking_inboxbatch WHERE project_id = %s"


def freshness(project_id: int, *, now: datetime) -> Freshness:
    count, oldest = fetch_one(PENDING, [project_id]) or (0, None)
    waited = max(now - oldest, timedelta()) if oldest else timedelta()
    return Freshness(
        data_until=now - waited,
        oldest_pending_seconds=waited.total_seconds(),
        pending_batches=count,
    )
