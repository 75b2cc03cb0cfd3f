"""Scores read: of sessions, traces and spans for pages, by any of these for the API."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.timebuckets import TimeRange
from tracking.adapters.otlp_log_events import RESPONSE_TRACE
from tracking.adapters.scores import SPAN_TRACE, SYSTEM, USER_TRACE
from tracking.cleaning import clean_name
from tracking.score_chips import SCORE_METRIC, ScoreRow
from tracking.statements import Where, fetch_all

SHOWN = 200  # scores of one session or trace
SHOWN_IN_LISTS = 1_000  # of all sessions of a page together
PLACES = ("trace_id", "span_id", "session_id", "run_id", "user_id")

COLUMNS = "d.key, d.summary::text, d.last_at"
# Parts that hold a metric are few; the collation is that of the index on what a summary says.
OF_SESSIONS = (
    "tracking_tracepart p JOIN tracking_document d ON d.project_id = p.project_id"
    f" AND d.system = '{SYSTEM}'"
    " AND (d.summary ->> 'trace_id') = p.trace_id COLLATE \"default\""
    " AND coalesce(d.summary ->> 'session_own', '') = p.session_own COLLATE \"default\""
)
SESSION_SCORES = (
    f"SELECT p.session_id, {COLUMNS} FROM {OF_SESSIONS} WHERE p.project_id = %s"
    " AND p.session_id = ANY (%s) AND p.metrics IS NOT NULL ORDER BY d.last_at DESC, d.key LIMIT %s"
)
SCORES = f"SELECT {COLUMNS} FROM {{}} WHERE {{}} ORDER BY d.last_at DESC, d.key LIMIT %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreFilter:
    """Which scores; empty values leave none out. A session has those of its traces and spans."""

    session_id: str = ""
    trace_id: str = ""
    span_id: str = ""
    run_id: str = ""
    user_id: str = ""
    name: str = ""
    source: str = ""
    time_range: TimeRange | None = None


def is_score_metric(name: str) -> bool:
    return name.startswith(SCORE_METRIC)


def load_session_scores(project_id: int, session_ids: Sequence[str]) -> dict[str, list[ScoreRow]]:
    """The latest scores of sessions, with those of their traces and spans."""
    if not session_ids:
        return {}
    limit = SHOWN if len(session_ids) == 1 else SHOWN_IN_LISTS
    found: dict[str, list[ScoreRow]] = {}
    for session_id, *row in fetch_all(SESSION_SCORES, [project_id, list(session_ids), limit]):
        found.setdefault(session_id, []).append(_build(row))
    return found


def load_trace_scores(
    project_id: int, trace_id: str, *, span_ids: Sequence[str] = (), response_id: str = ""
) -> list[ScoreRow]:
    """The latest scores of a trace and of its spans; also of spans judged without their trace, and
    of an answer of a model that was judged by its id alone."""
    where = Where()
    where.add(f"d.project_id = %s AND d.system = '{SYSTEM}'", project_id)
    traces = [trace_id, *(clean_name(SPAN_TRACE + span_id) for span_id in span_ids)]
    traces += [clean_name(RESPONSE_TRACE + response_id)] if response_id else []
    where.add("(d.summary ->> 'trace_id') = ANY (%s)", traces)
    rows = fetch_all(SCORES.format("tracking_document d", where.sql), [*where.params, SHOWN])
    return [_build(row) for row in rows]


def list_scores(
    project_id: int,
    flt: ScoreFilter,
    *,
    limit: int,
    after: tuple[datetime, str] | None = None,
) -> list[ScoreRow]:
    """Scores, the newest first; ``after``: (at, id) of the last one read."""
    where = Where()
    where.add(f"d.project_id = %s AND d.system = '{SYSTEM}'", project_id)
    where.add("d.summary <> '{}'")  # what was taken back
    source = "tracking_document d"
    if flt.session_id:
        source = OF_SESSIONS
        where.add("p.project_id = %s AND p.session_id = %s", project_id, flt.session_id)
        where.add("p.metrics IS NOT NULL")
    _keep(where, flt)
    if after is not None:
        where.add("d.last_at <= %s AND (d.last_at < %s OR d.key > %s)", after[0], *after)
    rows = fetch_all(SCORES.format(source, where.sql), [*where.params, limit])
    return [_build(row) for row in rows]


def _keep(where: Where, flt: ScoreFilter) -> None:
    where.add_if(flt.trace_id, "(d.summary ->> 'trace_id') = %s")
    where.add_if(flt.span_id, "(d.summary ->> 'span_id') = %s")
    where.add_if(flt.name, "(d.summary ->> 'name') = %s")
    where.add_if(flt.source, "(d.summary ->> 'source') = %s")
    if flt.run_id:
        where.add("(d.summary ->> 'run_id') = %s", flt.run_id)
        if not flt.trace_id:
            where.add("(d.summary ->> 'trace_id') = %s", flt.run_id)
    if flt.user_id:
        where.add("(d.summary ->> 'trace_id') = %s", clean_name(USER_TRACE + flt.user_id))
    if flt.time_range is not None:
        start, end = flt.time_range.start, flt.time_range.end
        where.add("d.last_at >= %s AND d.last_at < %s", start, end)


def _build(row: Sequence[Any]) -> ScoreRow:  # Any: the columns' values
    key, text, at = row
    said: dict[str, Any] = json.loads(text)
    kind = said["target"]
    named = {name: said[name] for name in PLACES if said.get(name)}
    if kind not in ("trace", "span") or said["trace_id"].startswith(SPAN_TRACE):
        del named["trace_id"]  # one that was made up to hold scores
    value = said["value"]
    return ScoreRow(
        id=key,
        target={"kind": kind, **named},
        name=said["name"],
        value=value if isinstance(value, bool | str) else float(value),
        source=said["source"],
        comment=said["comment"],
        at=at,
    )
