"""Lists of sessions, traces and spans: filtered, sorted, paged by keyset.

Each statement reads a bounded number of rows; what a filter cannot find among them is continued by
the next page's cursor (``tracking.shapes.Page``). Raises ``FilterError`` for a sort that is not the
list's, ``core.api.CursorError`` for a cursor of another list.
"""

from tracking.candidates import (
    arm_conditions,
    find_sessions,
    score_conditions,
    screen_words,
    text_conditions,
)
from tracking.event_conditions import group_event_conditions
from tracking.filters import ANY_ERROR, STATUSES, EventFilter
from tracking.keyset import Sort, pick_sort
from tracking.rows import SESSION_COLUMNS, TRACE_COLUMNS, build_sessions, build_trace
from tracking.scanning import ROWS_LOOKED_INTO, ROWS_READ, Scan, add_ranges, add_times, read_page
from tracking.shapes import Page, SessionRow, TraceRow
from tracking.span_listing import list_spans
from tracking.statements import Where

__all__ = ["list_sessions", "list_spans", "list_traces"]

SESSIONS_COMPARED = 10_000  # when not sorted by a time
TEXTS_SPLIT = 2_000  # into words, row by row
# By floats, exact for the hundred years that a session may last: extract() would make numerics.
MICROSECONDS = "(date_part('epoch', {} - {}) * 1000000)::bigint"
SESSION_DURATION = MICROSECONDS.format("s.last_at", "s.first_at")
SESSION_TIMES = ("last_at", "first_at")
SESSION_SORTS = {
    name: Sort(name, value, "s.session_id", name in SESSION_TIMES)
    for name, value in {
        "last_at": "s.last_at",
        "first_at": "s.first_at",
        "duration": SESSION_DURATION,
        "cost": "s.cost_nano",
        "tokens": "s.tokens_in + s.tokens_out",
        "errors": "s.n_errors",
        "llm_calls": "s.n_llm",
        "spans": "s.n_spans",
        "traces": "s.n_traces",
    }.items()
}
TRACE_DURATION = MICROSECONDS.format("t.last_at", "t.first_at")
TRACE_SORTS = {
    name: Sort(name, value, "t.trace_id", name == "started_at")
    for name, value in {
        "started_at": "t.first_at",
        "duration": TRACE_DURATION,
        "cost": "t.cost_nano",
        "tokens": "t.tokens_in + t.tokens_out",
        "errors": "t.n_errors",
        "llm_calls": "t.n_llm",
        "spans": "t.n_spans",
    }.items()
}
# Scalar subqueries: the planner looks into the other table row by row and keeps the rows' order,
# where it might turn a join or an EXISTS round and read the whole of that table.
TEXT_OF_SESSION = (
    "SELECT {} FROM tracking_sessiontext x"
    " WHERE x.project_id = s.project_id AND x.session_id = s.session_id"
)
ARM_OF = "SELECT true FROM tracking_armseen a WHERE {} AND a.session_id = {} LIMIT 1"
EVENT_OF_TRACE = (
    "SELECT true FROM tracking_event e WHERE e.project_id = t.project_id"
    " AND e.trace_id = t.trace_id AND e.occurred_at BETWEEN t.first_at AND t.last_at AND {} LIMIT 1"
)
SESSION_OF_TRACE = "coalesce(nullif(t.claim_session, ''), 'trace:' || t.trace_id)"
TRACES_OF_SESSIONS = (
    "t.trace_id IN (SELECT p.trace_id FROM tracking_tracepart p"
    " WHERE p.project_id = %s AND p.session_id = ANY (%s))"
)


def list_sessions(
    project_id: int, flt: EventFilter, *, page_size: int = 50, cursor: str = ""
) -> Page[SessionRow]:
    """``flt.sort``: last_at (newest first), first_at, duration, cost, tokens, errors…

    The time range holds the last event, or, sorted by first_at, the first one. Sessions of traces
    that name none are left out unless asked for, or addressed by an id or an experiment.
    """
    sort = pick_sort(flt, SESSION_SORTS, "last_at")
    by_time = sort if sort.is_time else SESSION_SORTS["last_at"]
    limit = ROWS_READ if sort.is_time else SESSIONS_COMPARED
    scan = Scan(SESSION_COLUMNS, "tracking_session", "s", sort, by_time, limit=limit)
    scan.inner.add("s.project_id = %s", project_id)
    add_times(scan.inner, flt, by_time.value)
    found = find_sessions(project_id, flt, exact=True)
    if found.ids is not None:
        scan.inner.add("s.session_id = ANY (%s)", found.ids)
    _keep_sessions(scan, flt)
    if not found.is_checked:
        _check_sessions(scan, project_id, flt, is_few=found.ids is not None)
    return read_page(
        project_id,
        flt,
        scan=scan,
        cursor=cursor,
        page_size=page_size,
        build=lambda rows: build_sessions(project_id, rows),
    )


def _keep_sessions(scan: Scan, flt: EventFilter) -> None:
    kept = scan.outer
    addressed = flt.session_id or flt.trace_id or flt.run_id or flt.experiment
    if not (flt.implicit or addressed):
        kept.add("NOT s.is_implicit")
    kept.add_if(flt.user_id, "s.user_id = %s")
    if flt.status:
        kept.add(f"s.n_root_errors {'> 0' if flt.status == 'error' else '= 0'}")
    if flt.error == ANY_ERROR:
        kept.add("s.n_errors > 0")
    add_ranges(
        kept,
        flt,
        cost="s.cost_nano",
        duration=SESSION_DURATION,
        tokens="s.tokens_in + s.tokens_out",
        unpriced="s.n_unpriced",
    )


def _check_sessions(scan: Scan, project_id: int, flt: EventFilter, *, is_few: bool) -> None:
    text = screen_words(flt, "x.")  # first: a value that is selected is worked out in its order
    text.add_all(text_conditions(flt, "x."))
    if text.texts:
        scan.outer.add(f"({TEXT_OF_SESSION.format(text.sql)})", *text.params)
    if flt.experiment:
        _keep_arm(scan.outer, project_id, flt, "s.session_id")
    scan.outer.add_all(score_conditions(project_id, flt, "s.session_id"))
    if not is_few and (text.texts or flt.experiment or flt.scores):
        scan.limit = TEXTS_SPLIT if flt.q else ROWS_LOOKED_INTO


def _keep_arm(kept: Where, project_id: int, flt: EventFilter, session: str) -> None:
    arm = arm_conditions(project_id, flt, "a.")
    kept.add(f"({ARM_OF.format(arm.sql, session)})", *arm.params)


def list_traces(
    project_id: int, flt: EventFilter, *, page_size: int = 50, cursor: str = ""
) -> Page[TraceRow]:
    """``flt.sort``: started_at (newest first), duration, cost, tokens, errors, llm_calls, spans.

    A trace matches a model, kind, tag… when one of its events does. Traces without spans (runs of
    points) are left out.
    """
    sort = pick_sort(flt, TRACE_SORTS, "started_at")
    scan = Scan(TRACE_COLUMNS, "tracking_trace", "t", sort, TRACE_SORTS["started_at"])
    scan.inner.add("t.project_id = %s", project_id)
    add_times(scan.inner, flt, "t.first_at")
    scan.inner.add_if(flt.trace_id, "t.trace_id = %s")
    ids = find_sessions(project_id, flt, exact=False).ids
    if ids is not None:
        scan.inner.add(TRACES_OF_SESSIONS, project_id, ids)
    _keep_traces(scan, project_id, flt, is_few=ids is not None or flt.trace_id != "")
    return read_page(
        project_id,
        flt,
        scan=scan,
        cursor=cursor,
        page_size=page_size,
        build=lambda rows: [build_trace(row) for row in rows],
    )


def _keep_traces(scan: Scan, project_id: int, flt: EventFilter, *, is_few: bool) -> None:
    kept = scan.outer
    kept.add("t.n_spans > 0")
    kept.add_if(flt.user_id, "t.claim_user = %s")
    if flt.status:
        kept.add("t.root_status = %s", int(STATUSES[flt.status]))
    if flt.error == ANY_ERROR:
        kept.add("t.n_errors > 0")
    if flt.q:
        kept.add("strpos(lower(t.name), lower(%s)) > 0 OR t.trace_id = %s", flt.q, flt.q)
    add_ranges(
        kept,
        flt,
        cost="t.cost_nano",
        duration=TRACE_DURATION,
        tokens="t.tokens_in + t.tokens_out",
        unpriced="t.n_unpriced",
    )
    groups = group_event_conditions(flt)
    for group in groups:
        kept.add(f"({EVENT_OF_TRACE.format(group.sql)})", *group.params)
    if flt.experiment:
        _keep_arm(kept, project_id, flt, SESSION_OF_TRACE)
    kept.add_all(score_conditions(project_id, flt, SESSION_OF_TRACE))
    if not is_few and (groups or flt.experiment or flt.scores):
        scan.limit = ROWS_LOOKED_INTO
