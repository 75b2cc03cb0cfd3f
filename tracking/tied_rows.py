"""Ties of stored events: found by the indexes of tied spans alone, and written.

The caller holds the locks of the traces: nobody else changes the ties of their events.
"""

import datetime
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg

from tracking.event_rows import COLUMNS, EventKey, fact_of_row
from tracking.events import CALL_KINDS
from tracking.folding import Fact, Tie
from tracking.reports import MOST_REPORTS, TOGETHER_US
from tracking.staging import datetime_of
from tracking.ties import Tag

Span = tuple[str, str]
"""(trace id, span id)."""

Reach = tuple[datetime.datetime, datetime.datetime]
"""The first and last moment of the traces, so that only their weeks are looked at."""

_CALLS = ", ".join(str(int(kind)) for kind in sorted(CALL_KINDS))
_PASSED = f"e.prompt_key = '' AND e.above_key IS NOT NULL AND e.kind IN ({_CALLS})"
PROMPT_KEY = f"CASE WHEN {_PASSED} THEN e.above_key ELSE e.prompt_key END"
PROMPT_VERSION = f"CASE WHEN {_PASSED} THEN e.above_version ELSE e.prompt_version END"
"""The prompt that an event ``e`` counts under: what it names, else what was named above a call."""

BY_SPAN = (
    f"SELECT {COLUMNS} FROM unnest(%s::text[], %s::text[]) k (trace_id, span_id)"
    " JOIN tracking_event e ON e.trace_id = k.trace_id AND e.span_id = k.span_id"
    " WHERE e.project_id = %s AND e.is_tied AND e.occurred_at BETWEEN %s AND %s"
)
# Of spans that share an id: the first one is the parent of those below it, as it is of calls.
FIRST_OF_SPANS = (
    "WITH first AS (SELECT DISTINCT ON (k.trace_id, k.span_id, is_call) e.occurred_at, e.id"
    " FROM unnest(%s::text[], %s::text[]) k (trace_id, span_id)"
    " JOIN tracking_event e ON e.trace_id = k.trace_id AND e.span_id = k.span_id"
    f" CROSS JOIN LATERAL (SELECT e.kind IN ({_CALLS}) AS is_call) c"
    " WHERE e.project_id = %s AND e.is_tied AND e.occurred_at BETWEEN %s AND %s"
    " ORDER BY k.trace_id, k.span_id, is_call, e.occurred_at, e.id)"
    f" SELECT {COLUMNS} FROM first f JOIN tracking_event e"
    " ON e.occurred_at = f.occurred_at AND e.id = f.id WHERE e.project_id = %s"
)
CALLS_BELOW = (
    f"SELECT {COLUMNS} FROM unnest(%s::text[], %s::text[]) k (trace_id, span_id)"
    " JOIN tracking_event e ON e.trace_id = k.trace_id AND e.parent_span_id = k.span_id"
    " WHERE e.project_id = %s AND e.is_tied AND e.occurred_at BETWEEN %s AND %s"
    f" AND e.kind IN ({_CALLS})"
)
CALLS_BESIDE = (
    f"SELECT DISTINCT ON (e.occurred_at, e.id) {COLUMNS} FROM unnest(%s::text[], %s::text[],"
    " %s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])"
    " k (trace_id, parent, tokens_in, tokens_out, low, high)"
    " JOIN tracking_event e ON e.trace_id = k.trace_id AND e.parent_span_id = k.parent"
    " AND e.occurred_at BETWEEN k.low AND k.high"
    " AND e.tokens_in = k.tokens_in AND e.tokens_out = k.tokens_out"
    " WHERE e.project_id = %s AND e.is_tied AND e.occurred_at BETWEEN %s AND %s"
    f" AND e.kind IN ({_CALLS})"
)
BY_RESPONSE = (
    f"SELECT {COLUMNS} FROM unnest(%s::text[], %s::bigint[]) k (trace_id, response)"
    " CROSS JOIN LATERAL (SELECT * FROM tracking_event e WHERE e.project_id = %s"
    " AND e.trace_id = k.trace_id AND e.response = k.response AND e.occurred_at BETWEEN %s AND %s"
    f" ORDER BY e.occurred_at, e.id LIMIT {MOST_REPORTS + 1}) e"
)
SAVE = (
    "UPDATE tracking_event e SET is_tied = k.tied, above_key = k.key, above_version = k.version,"
    " same_as = k.same_as, response = k.response"
    " FROM unnest(%s::timestamptz[], %s::uuid[], %s::bool[], %s::text[], %s::text[], %s::uuid[],"
    " %s::bigint[]) k (at, id, tied, key, version, same_as, response)"
    " WHERE e.project_id = %s AND e.occurred_at = k.at AND e.id = k.id"
)
# A parent that came after its children brings them what it passes down. Spans that have it already
# are passed by, and so is what lies below them: each is written once, however a trace is split.
_PASS_DOWN = (
    "WITH RECURSIVE below AS ("
    " SELECT e.occurred_at, e.id, e.trace_id, e.span_id, {ends} AS ends, k.key, k.version"
    " FROM unnest(%(traces)s::text[], %(spans)s::text[], %(keys)s::text[], %(versions)s::text[])"
    " k (trace_id, span_id, key, version)"
    " JOIN tracking_event e ON e.trace_id = k.trace_id AND e.parent_span_id = k.span_id"
    " WHERE {open}"
    " UNION SELECT e.occurred_at, e.id, e.trace_id, e.span_id, {ends}, b.key, b.version"
    " FROM below b JOIN tracking_event e ON e.trace_id = b.trace_id"
    " AND e.parent_span_id = b.span_id WHERE NOT b.ends AND {open}"
    ") UPDATE tracking_event e SET above_key = b.key, above_version = b.version FROM below b"
    " WHERE e.project_id = %(project)s AND e.occurred_at = b.occurred_at AND e.id = b.id"
    f" RETURNING {COLUMNS}"
)
_OPEN = (
    "e.project_id = %(project)s AND e.is_tied AND e.above_key IS NULL"
    " AND e.occurred_at BETWEEN %(first)s AND %(last)s"
)
_ENDS = (
    f"e.prompt_key <> '' AND (e.kind NOT IN ({_CALLS}) OR e.same_as IS NOT NULL) OR e.span_id = ''"
)
_TWIN_OF_ANOTHER = (
    "EXISTS (SELECT FROM tracking_event f WHERE f.project_id = %(project)s"
    " AND f.trace_id = e.trace_id AND f.span_id = e.span_id AND f.is_tied"
    " AND f.occurred_at BETWEEN %(first)s AND %(last)s"
    " AND (f.occurred_at, f.id) < (e.occurred_at, e.id))"
)
PASS_DOWN = _PASS_DOWN.format(ends=f"({_ENDS})", open=_OPEN)
PASS_DOWN_TANGLED = _PASS_DOWN.format(ends=f"({_ENDS} OR {_TWIN_OF_ANOTHER})", open=_OPEN)


def load_spans(
    cursor: psycopg.Cursor[Any], project_id: int, spans: Iterable[Span], reach: Reach
) -> list[Fact]:
    """The tied spans of these ids."""
    wanted = sorted(set(spans))
    if not wanted:  # points, which lie nowhere below
        return []
    traces, ids = zip(*wanted, strict=True)
    cursor.execute(BY_SPAN, (list(traces), list(ids), project_id, *reach))
    return [fact_of_row(row) for row in cursor]


def load_first_spans(
    cursor: psycopg.Cursor[Any], project_id: int, spans: Iterable[Span], reach: Reach
) -> list[Fact]:
    """The first tied span of each of these ids, and the first that is a call and that is none."""
    wanted = sorted(set(spans))
    if not wanted:
        return []
    traces, ids = zip(*wanted, strict=True)
    values = (list(traces), list(ids), project_id, *reach, project_id)
    cursor.execute(FIRST_OF_SPANS, values)
    return [fact_of_row(row) for row in cursor]


def load_calls_below(
    cursor: psycopg.Cursor[Any], project_id: int, spans: Iterable[Span], reach: Reach
) -> list[Fact]:
    """The tied model calls whose parents have these ids."""
    traces, ids = zip(*sorted(set(spans)), strict=True)
    cursor.execute(CALLS_BELOW, (list(traces), list(ids), project_id, *reach))
    return [fact_of_row(row) for row in cursor]


def load_calls_beside(
    cursor: psycopg.Cursor[Any], project_id: int, calls: Sequence[Fact], reach: Reach
) -> list[Fact]:
    """The tied calls with the parents and tokens of these, that begin together with them or with
    what does."""
    events = [fact.event for fact in calls]
    columns = (
        [event.trace_id for event in events],
        [event.parent_span_id for event in events],
        [event.tokens_in for event in events],
        [event.tokens_out for event in events],
        [datetime_of(event.occurred_us - 2 * TOGETHER_US) for event in events],
        [datetime_of(event.occurred_us + 2 * TOGETHER_US) for event in events],
    )
    cursor.execute(CALLS_BESIDE, (*columns, project_id, *reach))
    return [fact_of_row(row) for row in cursor]


def load_responses(
    cursor: psycopg.Cursor[Any], project_id: int, named: Iterable[tuple[str, int]], reach: Reach
) -> list[Fact]:
    """The tied calls that name these answers (trace id, response): the first ones of each, and
    one more than can be reports of one call."""
    traces, responses = zip(*sorted(set(named)), strict=True)
    cursor.execute(BY_RESPONSE, (list(traces), list(responses), project_id, *reach))
    return [fact_of_row(row) for row in cursor]


def pass_down(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    said: dict[Span, Tag],
    reach: Reach,
    *,
    is_tangled: bool,
) -> list[Fact]:
    """Tell the tied spans below these what they pass down; return those that were told nothing
    before, as they are now. ``is_tangled``: spans may share ids."""
    traces, spans = zip(*said, strict=True)
    keys, versions = zip(*said.values(), strict=True)
    values = {
        "project": project_id,
        "traces": list(traces),
        "spans": list(spans),
        "keys": list(keys),
        "versions": list(versions),
        "first": reach[0],
        "last": reach[1],
    }
    cursor.execute(PASS_DOWN_TANGLED if is_tangled else PASS_DOWN, values)
    return [fact_of_row(row) for row in cursor]


def save_ties(
    cursor: psycopg.Cursor[Any], project_id: int, ties: Sequence[tuple[EventKey, Tie | None]]
) -> None:
    if ties:
        times = [datetime_of(us) for (us, _), _ in ties]
        ids = [uuid.UUID(bytes=identity) for (_, identity), _ in ties]
        tied = [None if tie is None else True for _, tie in ties]
        keys = [tie.prompt_key or None if tie else None for _, tie in ties]
        versions = [tie.prompt_version if tie and tie.prompt_key else None for _, tie in ties]
        same_as = [uuid.UUID(bytes=tie.same_as) if tie and tie.same_as else None for _, tie in ties]
        responses = [tie.response or None if tie else None for _, tie in ties]
        values = (times, ids, tied, keys, versions, same_as, responses, project_id)
        cursor.execute(SAVE, values)
