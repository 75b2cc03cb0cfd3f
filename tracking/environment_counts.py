"""Traces, sessions and users of one environment: of the sessions that met it.

Which environments a session met stands in its facets, and no sum counts sessions by them. Few are
looked at one by one. Of many a sample is: sessions that follow on moments spread over the range as
evenly as its traces are. What share of them met the environment is what share of all did. A share
changes slowly, and sampling costs more than all else that a page shows: it is kept for a minute,
and what was counted for ten seconds.
"""

from typing import NamedTuple

from django.core.cache import cache
from xxhash import xxh64_hexdigest

from core.timebuckets import TimeRange
from tracking.hourly import HOURS, Family
from tracking.statements import fetch_one

MOST_COUNTED = 10_000
"""Traces of a range: of more, traces and sessions are estimated. Each may be a session of its own,
whose facets have to be looked at."""

MOMENTS, AT_ONCE = 100, 20  # of the sample: 2,000 sessions, a share to within 2 % (95 %)
SHARES_KEPT, COUNTS_KEPT = 60, 10  # seconds

EXACTLY = (
    "SELECT coalesce(sum(s.n_traces), 0), count(*) FILTER (WHERE NOT s.is_implicit),"
    " count(DISTINCT nullif(s.user_id, '')) FROM tracking_session s"
    " JOIN tracking_sessiontext t USING (project_id, session_id)"
    " WHERE s.project_id = %s AND s.first_at >= %s AND s.first_at < %s"
    " AND t.project_id = %s AND t.facets @> ARRAY[%s]"
)
SAMPLE = (
    "WITH begun AS (SELECT hour, sum(n_traces) AS n,"
    " sum(sum(n_traces)) OVER (ORDER BY hour) AS upto"
    f" {HOURS} GROUP BY hour HAVING sum(n_traces) > 0),"
    " moments AS (SELECT hour + interval '1 hour' * ((place - upto + n) / n)::float8 AS at"
    "  FROM generate_series(0, %s - 1) turn,"
    "  LATERAL (SELECT turn * max(upto) / %s AS place FROM begun) wanted,"
    "  LATERAL (SELECT hour, n, upto FROM begun WHERE upto > place ORDER BY upto LIMIT 1) found)"
    " SELECT sum(s.n_traces) FILTER (WHERE t.session_id IS NOT NULL)::float8"
    "  / nullif(sum(s.n_traces), 0),"
    " (count(t.session_id) FILTER (WHERE NOT s.is_implicit))::float8"
    "  / nullif(count(*) FILTER (WHERE NOT s.is_implicit), 0)"
    " FROM moments, LATERAL (SELECT project_id, session_id, is_implicit, n_traces"
    "  FROM tracking_session WHERE project_id = %s AND first_at >= at AND first_at < %s"
    "  ORDER BY first_at LIMIT %s) s"
    " LEFT JOIN tracking_sessiontext t ON t.project_id = s.project_id"
    "  AND t.session_id = s.session_id AND t.facets @> ARRAY[%s]"
)


class Begun(NamedTuple):
    """``users``: None where only a sample was looked at, which cannot tell. ``estimated``: the
    names of those that were not counted."""

    traces: int
    sessions: int
    users: int | None
    estimated: list[str]


def count_begun(
    project_id: int, time_range: TimeRange, environment: str, *, n_traces: int, n_sessions: int
) -> Begun:
    """``n_traces``, ``n_sessions``: those of all environments in the range."""
    facet = f"env:{environment}"
    if n_traces <= MOST_COUNTED:
        counted = _count(project_id, time_range, facet, of=(n_traces, n_sessions))
        return Begun(*counted, [])
    of_traces, of_sessions = _shares(project_id, time_range, facet)
    traces, sessions = round(n_traces * of_traces), round(n_sessions * of_sessions)
    return Begun(traces, sessions, None, ["traces", "sessions"])


def _count(
    project_id: int, time_range: TimeRange, facet: str, *, of: tuple[int, int]
) -> tuple[int, int, int]:
    """Traces, sessions and users, looked at again when there are others of them, or seconds later:
    what a session met is known a little after it."""
    params = [project_id, time_range.start, time_range.end, project_id, facet]
    key = f"begun:{xxh64_hexdigest(repr((params, of)).encode())}"
    kept: tuple[int, int, int] | None = cache.get(key)
    if kept is None:
        traces, sessions, users = fetch_one(EXACTLY, params) or (0, 0, 0)
        kept = (int(traces), sessions, users)
        cache.set(key, kept, COUNTS_KEPT)
    return kept


def _shares(project_id: int, time_range: TimeRange, facet: str) -> tuple[float, float]:
    """Of traces, and of sessions, up to a minute ago."""
    scope = [project_id, time_range.start, time_range.end, Family.ALL]
    params = [*scope, MOMENTS, MOMENTS, project_id, time_range.end, AT_ONCE, facet]
    key = f"shares:{xxh64_hexdigest(repr(params).encode())}"
    kept: tuple[float, float] | None = cache.get(key)
    if kept is None:
        of_traces, of_sessions = fetch_one(SAMPLE, params) or (0, 0)
        kept = (of_traces or 0.0, of_sessions or 0.0)
        cache.set(key, kept, SHARES_KEPT)
    return kept
