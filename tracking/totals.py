"""The sums of a time range."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.timebuckets import TimeRange
from tracking.events import Kind
from tracking.hourly import CALLS, HOURS, Family, to_ms
from tracking.sketch_sums import SketchSource, pick_step, sum_sketches
from tracking.sketches import merge_sketches, quantiles
from tracking.statements import fetch_one


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
    users: int
    errors: int
    tokens_in: int
    tokens_out: int
    cost_usd: float
    latency: Latency


SUMS = (
    "SELECT coalesce(sum(n), 0), coalesce(sum(n_spans), 0),"
    f" coalesce(sum(n) FILTER (WHERE kind = {Kind.LLM:d}), 0),"
    " coalesce(sum(n_errors), 0), coalesce(sum(tokens_in), 0), coalesce(sum(tokens_out), 0),"
    " coalesce(sum(cost_nano), 0), coalesce(bool_or(kind = ANY (%s)), false),"
    " coalesce(sum(n_traces), 0), coalesce(sum(n_sessions), 0)"
)
# In one statement with the sums: a page asks for few things.
USERS = (
    ", (SELECT count(*) FROM (SELECT DISTINCT user_id FROM tracking_session"
    " WHERE project_id = %s AND first_at >= %s AND first_at < %s AND user_id <> '') users)"
)
BEGUN_IN_ENVIRONMENT = (
    "SELECT coalesce(sum(s.n_traces), 0), count(*) FILTER (WHERE NOT s.is_implicit),"
    " count(DISTINCT nullif(s.user_id, '')) FROM tracking_session s"
    " JOIN tracking_sessiontext t USING (project_id, session_id)"
    " WHERE s.project_id = %s AND s.first_at >= %s AND s.first_at < %s"
    " AND t.project_id = %s AND t.facets @> ARRAY[%s]"
)

# A row of sums and counts: Any, for whole numbers that PostgreSQL gives as numeric.
Row = Sequence[Any]


def totals(project_id: int, time_range: TimeRange, *, environment: str = "") -> Totals:
    """Sum the hours a range touches; users are those of the sessions begun in it.

    One environment: traces, sessions and users are those of the sessions that met it.
    """
    read = _read_environment if environment else _read_all
    row = read(project_id, time_range, environment)
    events, spans, llm_calls, errors, tokens_in, tokens_out, cost_nano = map(int, row[:7])
    traces, sessions, users = map(int, row[8:])
    kinds = CALLS if row[7] else ()
    latency = _read_latency(project_id, time_range, environment, kinds) if events else NO_LATENCY
    return Totals(
        events=events,
        spans=spans,
        llm_calls=llm_calls,
        traces=traces,
        sessions=sessions,
        users=users,
        errors=errors,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        cost_usd=cost_nano / 1e9,
        latency=latency,
    )


def _read_all(project_id: int, time_range: TimeRange, _environment: str) -> Row:
    scope = [project_id, time_range.start, time_range.end]
    params = [list(CALLS), *scope, *scope, Family.ALL]
    return fetch_one(f"{SUMS}{USERS} {HOURS}", params) or ()


def _read_environment(project_id: int, time_range: TimeRange, environment: str) -> Row:
    scope = [project_id, time_range.start, time_range.end]
    params = [list(CALLS), *scope, Family.ENVIRONMENT, environment]
    sums = fetch_one(f"{SUMS} {HOURS} AND key_a = %s", params) or ()
    begun = fetch_one(BEGUN_IN_ENVIRONMENT, [*scope, project_id, f"env:{environment}"]) or ()
    return (*sums[:8], *begun)


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
