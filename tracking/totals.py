"""The sums of a time range."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.timebuckets import TimeRange
from tracking.costs import dollars
from tracking.environment_counts import Begun, count_begun
from tracking.events import Kind
from tracking.hourly import CALLS, HOURS, Family, to_ms
from tracking.sketch_sums import SketchSource, pick_step, sum_sketches
from tracking.sketches import merge_sketches, quantiles
from tracking.statements import fetch_one
from tracking.user_counts import count_users


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds; None when nothing was measured."""

    p50: float | None
    p95: float | None
    p99: float | None


NO_LATENCY = Latency(p50=None, p95=None, p99=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    events: int
    spans: int
    llm_calls: int
    traces: int
    sessions: int
    users: int | None
    estimated: list[str]  # of traces, sessions and users, those that were not counted
    errors: int
    tokens_in: int
    tokens_out: int
    cost_usd: float | None  # of what is known
    unpriced_calls: int  # whose cost nobody knows
    latency: Latency


SUMS = (
    "SELECT coalesce(sum(n), 0), coalesce(sum(n_spans), 0),"
    f" coalesce(sum(n) FILTER (WHERE kind = {Kind.LLM:d}), 0),"
    " coalesce(sum(n_errors), 0), coalesce(sum(tokens_in), 0), coalesce(sum(tokens_out), 0),"
    " coalesce(sum(cost_nano), 0), coalesce(sum(n_unpriced), 0),"
    " coalesce(bool_or(kind = ANY (%s)), false),"
    " coalesce(sum(n_traces), 0), coalesce(sum(n_sessions), 0)"
)
# Of one environment, beside what all of them together began: no hour counts that by environment.
SUMS_OF_ONE = (
    f"SELECT one.*, begun.* FROM ({SUMS} {HOURS} AND key_a = %s) one,"
    f" (SELECT coalesce(sum(n_traces), 0), coalesce(sum(n_sessions), 0) {HOURS}) begun"
)

# A row of sums and counts: Any, for whole numbers that PostgreSQL gives as numeric.
Row = Sequence[Any]


def totals(project_id: int, time_range: TimeRange, *, environment: str = "") -> Totals:
    """Sum the hours a range touches; users are those of the sessions begun in it.

    One environment: traces, sessions and users are those of the sessions that met it.
    """
    row = _read_sums(project_id, time_range, environment)
    events, spans, llm_calls, errors, tokens_in, tokens_out, cost_nano, n_unpriced = map(
        int, row[:8]
    )
    begun = _read_begun(project_id, time_range, environment, [*map(int, row[9:])])
    kinds = CALLS if row[8] else ()
    latency = _read_latency(project_id, time_range, environment, kinds) if events else NO_LATENCY
    return Totals(
        events=events,
        spans=spans,
        llm_calls=llm_calls,
        traces=begun.traces,
        sessions=begun.sessions,
        users=begun.users,
        estimated=begun.estimated,
        errors=errors,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        cost_usd=dollars(cost_nano, n_unpriced),
        unpriced_calls=n_unpriced,
        latency=latency,
    )


def _read_sums(project_id: int, time_range: TimeRange, environment: str) -> Row:
    scope = [project_id, time_range.start, time_range.end]
    if not environment:
        return fetch_one(f"{SUMS} {HOURS}", [list(CALLS), *scope, Family.ALL]) or ()
    params = [list(CALLS), *scope, Family.ENVIRONMENT, environment, *scope, Family.ALL]
    row = fetch_one(SUMS_OF_ONE, params) or ()
    return (*row[:9], *row[11:])


def _read_begun(
    project_id: int, time_range: TimeRange, environment: str, counted: Sequence[int]
) -> Begun:
    """``counted``: traces and sessions of all environments."""
    n_traces, n_sessions = counted
    if not environment:
        users, is_estimate = count_users(project_id, time_range, n_traces=n_traces)
        return Begun(n_traces, n_sessions, users, ["users"] if is_estimate else [])
    return count_begun(
        project_id, time_range, environment, n_traces=n_traces, n_sessions=n_sessions
    )


def _read_latency(
    project_id: int, time_range: TimeRange, environment: str, kinds: tuple[int, ...]
) -> Latency:
    source = SketchSource(
        project_id=project_id,
        family=Family.ENVIRONMENT if environment else Family.ALL,
        kinds=kinds,
        environment=environment,
    )
    found = sum_sketches(source, time_range, step=pick_step(time_range))
    sketch = merge_sketches(*(each.sketch for each in found))
    p50, p95, p99 = (to_ms(us) for us in quantiles(sketch, (0.5, 0.95, 0.99)))
    return Latency(p50=p50, p95=p95, p99=p99)
