"""The greatest models, prompts, environments and errors of a time range."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache

from core.timebuckets import TimeRange
from tracking.costs import dollars
from tracking.events import Kind
from tracking.hourly import CALLS, HOURS, Family, to_ms
from tracking.sketch_sums import Sketch, SketchSource, pick_step, sum_sketches
from tracking.sketches import merge_sketches, quantiles
from tracking.statements import fetch_all


@dataclass(frozen=True, slots=True, kw_only=True)
class TopRow:
    """One of the greatest. Of an error type only ``errors`` is known: the sessions that met it.

    Only models have a latency.
    """

    key: str  # model, prompt key, environment or error type
    detail: str = ""  # a model's provider
    events: int = 0
    llm_calls: int = 0
    errors: int = 0
    tokens: int = 0
    cost_usd: float | None = 0.0  # of what is known
    unpriced_calls: int = 0  # whose cost nobody knows
    latency_p50_ms: float | None = None
    latency_p95_ms: float | None = None


TOP_FAMILIES = {
    "model": (Family.MODEL, "key_b", "max(key_a)"),
    "prompt": (Family.PROMPT, "key_a", "''"),
    "environment": (Family.ENVIRONMENT, "key_a", "''"),
}
NAMES = (
    f"SELECT family, CASE family WHEN {Family.MODEL:d} THEN key_b ELSE key_a END, sum(n)"
    " FROM tracking_usagerollup WHERE project_id = %s AND hour >= %s AND hour < %s"
    f" AND family IN ({Family.MODEL:d}, {Family.PROMPT:d}) GROUP BY 1, 2 ORDER BY 3 DESC, 2"
)
ERRORS_LOOKED_AT = 1_000
TOPS_KEPT = 10  # seconds
ERRORS = (
    "SELECT substr(facet, 7), count(*) FROM ("
    " SELECT project_id, session_id FROM tracking_session"
    " WHERE project_id = %s AND last_at >= %s AND last_at < %s AND n_errors > 0"
    " ORDER BY last_at DESC LIMIT %s) s"
    " JOIN tracking_sessiontext t USING (project_id, session_id), unnest(t.facets) facet"
    " WHERE facet LIKE 'error:%%' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT %s"
)


def top(
    project_id: int,
    time_range: TimeRange,
    *,
    family: str,
    limit: int = 10,
) -> list[TopRow]:
    """Return the greatest of a family: model, prompt, environment, or error (by sessions).

    They may be ten seconds old: pages ask for them more often than they change. Error types are
    counted over the latest 1,000 sessions of the range that met an error.
    """
    hours = f"{time_range.start:%Y%m%d%H}:{time_range.end:%Y%m%d%H}"
    key = f"top:{project_id}:{hours}:{family}:{limit}"
    rows: list[TopRow] | None = cache.get(key)
    if rows is None:
        scope = [project_id, time_range.start, time_range.end]
        if family == "error":
            found = fetch_all(ERRORS, [*scope, ERRORS_LOOKED_AT, limit])
            rows = [TopRow(key=error, errors=n) for error, n in found]
        else:
            rows = _sum_greatest(project_id, time_range, family, limit)
        cache.set(key, rows, TOPS_KEPT)
    return rows


def _sum_greatest(project_id: int, time_range: TimeRange, family: str, limit: int) -> list[TopRow]:
    number, key, detail = TOP_FAMILIES[family]
    sql = (
        f"SELECT {key}, {detail}, sum(n), coalesce(sum(n) FILTER (WHERE kind = {Kind.LLM:d}), 0),"
        f" sum(n_errors), sum(tokens_in + tokens_out), sum(cost_nano), sum(n_unpriced)"
        f" {HOURS}"
        f" AND {key} <> '' GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT %s"
    )
    rows = fetch_all(sql, [project_id, time_range.start, time_range.end, number, limit])
    is_measured = family == "model" and rows
    sketches = _model_sketches(project_id, time_range) if is_measured else {}
    return [_top_row(row, sketches.get(row[0])) for row in rows]


def list_names(
    project_id: int, time_range: TimeRange, *, limit: int
) -> dict[str, list[tuple[str, int]]]:
    """The most used models and prompts, with how many events have them: the hours are read once."""
    scope = [project_id, time_range.start, time_range.end]
    found: dict[int, list[tuple[str, int]]] = {Family.MODEL: [], Family.PROMPT: []}
    for family, name, n in fetch_all(NAMES, scope):
        if name and len(found[family]) < limit:
            found[family].append((name, int(n)))
    return {"model": found[Family.MODEL], "prompt": found[Family.PROMPT]}


def _model_sketches(project_id: int, time_range: TimeRange) -> dict[str | int, list[int]]:
    source = SketchSource(project_id=project_id, family=Family.MODEL, group="key_b", kinds=CALLS)
    by_model: dict[str | int, list[Sketch]] = {}
    for found in sum_sketches(source, time_range, step=pick_step(time_range)):
        by_model.setdefault(found.group, []).append(found.sketch)
    return {model: merge_sketches(*held) for model, held in by_model.items()}


def _top_row(row: Sequence[Any], sketch: list[int] | None) -> TopRow:
    key, detail, n, llm, errors, tokens, cost_nano, n_unpriced = row
    p50, p95 = quantiles(sketch, (0.5, 0.95))
    return TopRow(
        key=key,
        detail=detail,
        events=int(n),
        llm_calls=int(llm),
        errors=int(errors),
        tokens=int(tokens),
        cost_usd=dollars(int(cost_nano), int(n_unpriced)),
        unpriced_calls=int(n_unpriced),
        latency_p50_ms=to_ms(p50),
        latency_p95_ms=to_ms(p95),
    )
