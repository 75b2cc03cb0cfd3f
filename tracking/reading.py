"""Reads one thing whole: a session, a trace, a span, a stretch of a session's events."""

import json
from collections.abc import Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from tracking.adapters.dialects.attributes import rebuild_attributes
from tracking.events import CALL_KINDS, Payload
from tracking.payloads import load_payloads
from tracking.reports import MOST_REPORTS
from tracking.rows import (
    KIND_NAMES,
    SESSION_COLUMNS,
    SPAN_COLUMNS,
    SPAN_FIELDS,
    TRACE_COLUMNS,
    Columns,
    build_sessions,
    build_span,
    build_spans,
    build_trace,
    load_claims,
)
from tracking.shapes import (
    CallReport,
    SessionDetail,
    SessionWindow,
    SpanContent,
    SpanDetail,
    SpanRow,
    TraceDetail,
    TraceRow,
)
from tracking.statements import Where, fetch_all, fetch_one

TRACE_LIMIT = 5_000
WINDOW = 200
OVERLAPPING = 500  # trace parts that may run at the same moment of one session
CALLS_MEASURED = 2_000
CALL_NAMES = frozenset(KIND_NAMES[kind] for kind in CALL_KINDS)
NUL = "\x00"  # PostgreSQL's text cannot hold it: no id has it

SESSION = (
    f"SELECT {SESSION_COLUMNS} FROM tracking_session s"
    " WHERE s.project_id = %s AND s.session_id = %s AND s.first_at IS NOT NULL"
)
TRACES_OF_SESSION = (
    f"SELECT {TRACE_COLUMNS} FROM ("
    " SELECT p.project_id, p.trace_id, min(p.first_at) AS at FROM tracking_tracepart p"
    " WHERE p.project_id = %s AND p.session_id = %s GROUP BY 1, 2 ORDER BY 3, 2 LIMIT %s) q"
    " JOIN tracking_trace t ON t.project_id = q.project_id AND t.trace_id = q.trace_id"
    " WHERE t.first_at IS NOT NULL ORDER BY q.at, q.trace_id"
)
# Within the traces' times, so that only their weeks are looked at.
EVENTS_WITHIN = (
    "e.project_id = %s AND e.trace_id = ANY (%s) AND e.occurred_at >= %s AND e.occurred_at <= %s"
)
LATENCIES = (
    "SELECT percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY duration_us) FROM ("
    f" SELECT e.duration_us FROM tracking_event e WHERE {EVENTS_WITHIN}"
    " AND e.kind = ANY (%s) AND e.duration_us IS NOT NULL AND e.same_as IS NULL LIMIT %s) calls"
)
TRACE = (
    f"SELECT {TRACE_COLUMNS} FROM tracking_trace t"
    " WHERE t.project_id = %s AND t.trace_id = %s AND t.first_at IS NOT NULL"
)
EVENTS = (
    f"SELECT {SPAN_COLUMNS} FROM tracking_event e WHERE {EVENTS_WITHIN}"
    " ORDER BY e.occurred_at, e.id LIMIT %s"
)
N_EVENTS = f"SELECT count(*) FROM tracking_event e WHERE {EVENTS_WITHIN}"
CONTENT_FIELDS = [
    *SPAN_FIELDS,
    *[
        "seen",
        "origin",
        "block_id",
        "block_ix",
        "ns_rest",
        "cost_reported",
        "is_tied",
    ],
]
CONTENT_COLUMNS = ", ".join(f"e.{name}" for name in CONTENT_FIELDS)
ONE_EVENT = (
    f"SELECT {CONTENT_COLUMNS} FROM tracking_event e WHERE {EVENTS_WITHIN}"
    " AND (e.span_id = %s OR e.id = %s) ORDER BY e.occurred_at, e.id LIMIT 1"
)
EVENT_BY_KEY = (
    f"SELECT {CONTENT_COLUMNS} FROM tracking_event e"
    " WHERE e.project_id = %s AND e.occurred_at = %s AND e.id = %s"
)
SOME_EVENTS = (
    f"SELECT {CONTENT_COLUMNS} FROM tracking_event e WHERE {EVENTS_WITHIN}"
    " AND (e.span_id = ANY (%s) OR e.id = ANY (%s)) ORDER BY e.occurred_at, e.id LIMIT %s"
)
REPORTS = (
    "SELECT e.id, e.span_id, e.name, e.same_as, o.body FROM tracking_event e"
    " LEFT JOIN tracking_origin o ON o.project_id = e.project_id AND o.hash = e.origin"
    f" WHERE {EVENTS_WITHIN} AND e.is_tied AND (e.same_as = %s OR e.id = %s)"
    " ORDER BY e.occurred_at, e.id LIMIT %s"
)
ORIGIN = "SELECT body FROM tracking_origin WHERE project_id = %s AND hash = %s"
PARTS = (
    "SELECT p.trace_id, p.session_own, p.first_at, p.last_at FROM tracking_tracepart p"
    " WHERE {} ORDER BY p.first_at, p.trace_id LIMIT %s"
)
WINDOW_EVENTS = (
    f"SELECT {CONTENT_COLUMNS} FROM tracking_event e WHERE {{}}"
    " ORDER BY e.occurred_at, e.id LIMIT %s"
)


def read_session(
    project_id: int, session_id: str, *, trace_limit: int = WINDOW
) -> SessionDetail | None:
    row = None if NUL in session_id else fetch_one(SESSION, [project_id, session_id])
    if row is None:
        return None
    session = build_sessions(project_id, [row])[0]
    rows = fetch_all(TRACES_OF_SESSION, [project_id, session_id, trace_limit])
    traces = [build_trace(row) for row in rows]
    p50, p95 = _latencies(project_id, rows)
    return SessionDetail(session, traces, max(0, session.traces - len(traces)), p50, p95)


def _latencies(project_id: int, rows: Sequence[Columns]) -> tuple[float | None, float | None]:
    """Return p50 and p95 (ms) of the model calls of these traces."""
    if not rows:
        return None, None
    calls = [int(kind) for kind in CALL_KINDS]
    found = fetch_one(LATENCIES, [*_within(project_id, rows), calls, CALLS_MEASURED])
    if found is None or found[0] is None:
        return None, None
    p50, p95 = found[0]
    return p50 / 1000, p95 / 1000


def _within(project_id: int, rows: Sequence[Columns]) -> list[Any]:
    """Parameters of EVENTS_WITHIN for rows of TRACE_COLUMNS."""
    ids = [row[0] for row in rows]
    return [project_id, ids, min(row[4] for row in rows), max(row[5] for row in rows)]


def read_trace(project_id: int, trace_id: str, *, limit: int = TRACE_LIMIT) -> TraceDetail | None:
    """Return a trace with its earliest ``limit`` spans and points, without payloads."""
    row = _find_trace(project_id, trace_id)
    if row is None:
        return None
    within = _within(project_id, [row])
    rows = fetch_all(EVENTS, [*within, limit])
    hidden = 0
    if len(rows) == limit:
        hidden = (fetch_one(N_EVENTS, within) or (limit,))[0] - limit
    trace = build_trace(row)
    claims = {trace_id: (trace.session_id, trace.user_id)}
    return TraceDetail(trace, build_spans(rows, claims), hidden)


def _find_trace(project_id: int, trace_id: str) -> Columns | None:
    return None if NUL in trace_id else fetch_one(TRACE, [project_id, trace_id])


def read_span(project_id: int, trace_id: str, key: str) -> SpanDetail | None:
    """Return a span with its content. ``key``: ``SpanRow.key``."""
    found = _find_trace(project_id, trace_id)
    if found is None or NUL in key:
        return None
    row = fetch_one(ONE_EVENT, [*_within(project_id, [found]), key, _uuid(key)])
    if row is None:
        return None
    trace: TraceRow = build_trace(found)
    payload = load_payloads(project_id, [_place(row)])[0]
    resource = _load_resource(project_id, row)
    span = build_span(row, (trace.session_id, trace.user_id))
    is_tied = row[CONTENT_FIELDS.index("is_tied")] and span.kind in CALL_NAMES
    reports = _read_reports(_within(project_id, [found]), span) if is_tied else []
    return SpanDetail(span, _build_content(row, payload, resource), reports)


def _read_reports(within: list[Any], span: SpanRow) -> list[CallReport]:
    """The other reports of a call that several tell."""
    rows = fetch_all(REPORTS, [*within, span.id, span.duplicate_of or span.id, MOST_REPORTS])
    return [
        CallReport(
            key=span_id or str(event_id),
            name=name,
            reporter=json.loads(bytes(body)).get("scope", "") if body else "",
            counts=same_as is None,
        )
        for event_id, span_id, name, same_as, body in rows
        if str(event_id) != span.id
    ]


def read_spans(project_id: int, trace_id: str, keys: Sequence[str]) -> list[SpanDetail]:
    """Return some spans or points of a trace with their content, by time, without resources."""
    found = _find_trace(project_id, trace_id) if keys else None
    if found is None:
        return []
    ids = [identity for identity in map(_uuid, keys) if identity]
    rows = fetch_all(SOME_EVENTS, [*_within(project_id, [found]), list(keys), ids, len(keys)])
    trace = build_trace(found)
    payloads = load_payloads(project_id, [_place(row) for row in rows])
    claim = (trace.session_id, trace.user_id)
    return [
        SpanDetail(build_span(row, claim), _build_content(row, payload, {}))
        for row, payload in zip(rows, payloads, strict=True)
    ]


def read_event(project_id: int, occurred_at: datetime, event_id: UUID) -> SpanDetail | None:
    """Return one event with its content, by its key: points of no trace have no other."""
    row = fetch_one(EVENT_BY_KEY, [project_id, occurred_at, event_id])
    if row is None:
        return None
    claim = load_claims(project_id, [row[1]]).get(row[1], ("", ""))
    payload = load_payloads(project_id, [_place(row)])[0]
    content = _build_content(row, payload, _load_resource(project_id, row))
    return SpanDetail(build_span(row, claim), content)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _place(row: Columns) -> tuple[datetime, int, int]:
    facts = dict(zip(CONTENT_FIELDS, row, strict=True))
    return facts["occurred_at"], facts["block_id"], facts["block_ix"]


def _load_resource(project_id: int, row: Columns) -> dict[str, object]:
    found = fetch_one(ORIGIN, [project_id, row[CONTENT_FIELDS.index("origin")]])
    body: dict[str, object] = json.loads(bytes(found[0])) if found else {}
    return body


def _build_content(row: Columns, payload: Payload, resource: dict[str, object]) -> SpanContent:
    facts = SimpleNamespace(**dict(zip(CONTENT_FIELDS, row, strict=True)))
    arms = json.loads(facts.arms) if facts.arms else ()
    facts.arms = tuple((experiment, variant) for experiment, variant in arms)
    return SpanContent(
        input=payload.input,
        output=payload.output,
        system=payload.system,
        attributes=rebuild_attributes(facts, payload),
        span_events=payload.span_events or [],
        links=payload.links or [],
        resource=resource,
        extra=payload.extra or {},
    )


def session_window(
    project_id: int, session_id: str, *, after: str = "", limit: int = WINDOW
) -> SessionWindow:
    """Return up to ``limit`` events of a session by time, with content.

    ``after``: the ``next_after`` of the window before; one that means nothing starts over.
    """
    position = _read_after(after)
    rows = [] if NUL in session_id else _window_rows(project_id, session_id, position, limit)
    following = None
    if len(rows) > limit:
        rows = rows[:limit]
        following = f"{rows[-1][SPAN_FIELDS.index('occurred_at')].isoformat()}~{rows[-1][0]}"
    claims = load_claims(project_id, (row[1] for row in rows))
    payloads = load_payloads(project_id, [_place(row) for row in rows])
    events = [
        SpanDetail(build_span(row, claims.get(row[1], ("", ""))), _build_content(row, payload, {}))
        for row, payload in zip(rows, payloads, strict=True)
    ]
    return SessionWindow(events, following, position is not None)


def _read_after(text: str) -> tuple[datetime, UUID] | None:
    at, _, event_id = text.partition("~")
    try:
        found = datetime.fromisoformat(at.replace(" ", "+")), UUID(event_id)
    except ValueError:
        return None
    return found if found[0].tzinfo else None


def _window_rows(
    project_id: int, session_id: str, position: tuple[datetime, UUID] | None, limit: int
) -> list[Columns]:
    """Fetch the events after a position: they lie in what runs there and what begins next."""
    where = Where()
    where.add("p.project_id = %s AND p.session_id = %s", project_id, session_id)
    where.add("p.first_at IS NOT NULL")
    if position:
        where.add("p.last_at >= %s", position[0])
    n_parts = limit + 1 + OVERLAPPING
    parts = fetch_all(PARTS.format(where.sql), [*where.params, n_parts])
    if not parts:
        return []
    traces, owns, starts, ends = zip(*parts, strict=True)
    # Beyond the start of the last part taken, events of parts left out may come between.
    end = starts[-1] if len(parts) == n_parts else max(ends)
    events = Where()
    events.add(EVENTS_WITHIN, project_id, list(set(traces)), min(starts), end)
    events.add(
        "(e.trace_id, e.session_own) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
        list(traces),
        list(owns),
    )
    if position:
        events.add("(e.occurred_at, e.id) > (%s, %s)", *position)
    return list(fetch_all(WINDOW_EVENTS.format(events.sql), [*events.params, limit + 1]))
