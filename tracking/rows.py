"""Rows of the tables → the shapes that are read, with what other tables add to a page of them."""

import json
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from tracking.costs import NANO, dollars
from tracking.events import CALL_KINDS, Kind, Status
from tracking.score_chips import ScoreRow
from tracking.scores import is_score_metric, load_session_scores
from tracking.shapes import ConfigRef, PromptRef, SessionRow, SpanRow, Tokens, TraceRow
from tracking.statements import fetch_all

# A row's columns are of many types, in the order of the constant above its reader: Any.
Columns = Sequence[Any]

MILLISECOND = timedelta(milliseconds=1)
KIND_NAMES = [kind.name.lower() for kind in Kind]
STATUS_NAMES = [status.name.lower() for status in Status]
COST_SOURCES = ["none", "caller", "computed", "override"]

SESSION_COLUMNS = (
    "s.session_id, s.is_implicit, s.user_id, s.first_at, s.last_at, s.n_traces, s.n_spans,"
    " s.n_points, s.n_llm, s.n_tool, s.n_errors, s.n_root_errors, s.tokens_in, s.tokens_out,"
    " s.tokens_cache_read, s.tokens_cache_write, s.tokens_reasoning, s.cost_nano, s.n_unpriced"
)
TEXTS = (
    "SELECT session_id, first_input, last_output, facets FROM tracking_sessiontext"
    " WHERE project_id = %s AND session_id = ANY (%s)"
)
ARMS = (
    "SELECT session_id, experiment, variant FROM tracking_armseen"
    " WHERE project_id = %s AND session_id = ANY (%s) ORDER BY first_seen DESC, variant DESC"
)
METRICS = (
    "SELECT session_id, name, last FROM tracking_sessionmetric"
    " WHERE project_id = %s AND session_id = ANY (%s)"
)


def build_sessions(project_id: int, rows: Sequence[Columns]) -> list[SessionRow]:
    ids = [row[0] for row in rows]
    if not ids:
        return []
    texts = {row[0]: row[1:] for row in fetch_all(TEXTS, [project_id, ids])}
    # The latest comes first and is overwritten: what stays is the first variant met.
    arms = _by_session(fetch_all(ARMS, [project_id, ids]))
    metrics = _by_session(fetch_all(METRICS, [project_id, ids]))
    scored = [name for name, held in metrics.items() if any(map(is_score_metric, held))]
    scores = load_session_scores(project_id, scored)
    return [
        _build_session(
            row,
            texts.get(row[0]),
            arms=arms.get(row[0], {}),
            metrics=metrics.get(row[0], {}),
            scores=scores.get(row[0], []),
        )
        for row in rows
    ]


def _by_session(rows: Iterable[Columns]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for session_id, name, value in rows:
        found.setdefault(session_id, {})[name] = value
    return found


def _build_session(
    row: Columns,
    text: Columns | None,
    *,
    arms: dict[str, str],
    metrics: dict[str, float],
    scores: list[ScoreRow],
) -> SessionRow:
    first_input, last_output, facets = text or ("", "", [])
    return SessionRow(
        id=row[0],
        implicit=row[1],
        user_id=row[2],
        first_at=row[3],
        last_at=row[4],
        duration_ms=(row[4] - row[3]) / MILLISECOND,
        traces=row[5],
        spans=row[6],
        points=row[7],
        llm_calls=row[8],
        tool_calls=row[9],
        errors=row[10],
        root_errors=row[11],
        tokens_in=row[12],
        tokens_out=row[13],
        tokens_cache_read=row[14],
        tokens_cache_write=row[15],
        tokens_reasoning=row[16],
        cost_usd=dollars(row[17], row[18]),
        unpriced_calls=row[18],
        models=_facet_values(facets, "model:"),
        prompts=_prompts(facets),
        configs=_facet_values(facets, "config:"),
        tags=_facet_values(facets, "tag:"),
        arms=arms,
        scores=scores,
        metrics=metrics,
        first_input=first_input,
        last_output=last_output,
    )


def _facet_values(facets: Sequence[str], prefix: str) -> list[str]:
    return [facet[len(prefix) :] for facet in facets if facet.startswith(prefix)]


def _prompts(facets: Sequence[str]) -> list[str]:
    """A prompt is a facet with and without its version: keep the more telling one."""
    named = _facet_values(facets, "prompt:")
    versioned = {name.rpartition("@")[0] for name in named if "@" in name}
    return [name for name in named if name not in versioned]


TRACE_COLUMNS = (
    "t.trace_id, t.name, t.claim_session, t.claim_user, t.first_at, t.last_at, t.root_status,"
    " t.n_spans, t.n_llm, t.n_errors, t.tokens_in, t.tokens_out, t.cost_nano,"
    " t.n_unpriced"
)


def implicit_session(trace_id: str) -> str:
    """The session of a trace that names none."""
    return f"trace:{trace_id}"


def build_trace(row: Columns) -> TraceRow:
    return TraceRow(
        trace_id=row[0],
        name=row[1],
        session_id=row[2] or implicit_session(row[0]),
        user_id=row[3],
        started_at=row[4],
        duration_ms=(row[5] - row[4]) / MILLISECOND,
        status=STATUS_NAMES[row[6]],
        spans=row[7],
        llm_calls=row[8],
        errors=row[9],
        tokens_in=row[10],
        tokens_out=row[11],
        cost_usd=dollars(row[12], row[13]),
        unpriced_calls=row[13],
    )


SPAN_FIELDS = [
    "id",
    "trace_id",
    "span_id",
    "parent_span_id",
    "kind",
    "name",
    "session_own",
    "user_own",
    "run_id",
    "occurred_at",
    "duration_us",
    "ttft_us",
    "status",
    "error_type",
    "error",
    "provider",
    "model_requested",
    "model",
    "operation",
    "finish_reason",
    "tokens_in",
    "tokens_out",
    "tokens_cache_read",
    "tokens_cache_write",
    "tokens_reasoning",
    "cost_nano",
    "cost_source",
    "prompt_key",
    "prompt_version",
    "arms",
    "environment",
    "release",
    "tags",
    "metadata",
    "metrics",
    "warnings",
    "config_key",
    "config_version",
    "above_key",
    "above_version",
    "same_as",
]
SPAN_COLUMNS = ", ".join(f"e.{name}" for name in SPAN_FIELDS)
CLAIMS = (
    "SELECT trace_id, claim_session, claim_user FROM tracking_trace"
    " WHERE project_id = %s AND trace_id = ANY (%s)"
)
Claims = dict[str, tuple[str, str]]  # trace id → the session and user of its unnamed events


def load_claims(project_id: int, trace_ids: Iterable[str]) -> Claims:
    wanted = list(set(trace_ids))
    rows = fetch_all(CLAIMS, [project_id, wanted]) if wanted else []
    return {row[0]: (row[1] or implicit_session(row[0]), row[2]) for row in rows}


def build_spans(rows: Iterable[Columns], claims: Claims) -> list[SpanRow]:
    return [build_span(row, claims.get(row[1], ("", ""))) for row in rows]


def build_span(row: Columns, claim: tuple[str, str]) -> SpanRow:
    return SpanRow(
        id=str(row[0]),
        trace_id=row[1],
        span_id=row[2],
        parent_span_id=row[3],
        kind=KIND_NAMES[row[4]],
        name=row[5],
        session_id=row[6] or claim[0],
        user_id=row[7] or claim[1],
        run_id=row[8],
        started_at=row[9],
        duration_ms=_ms(row[10]),
        ttft_ms=_ms(row[11]),
        status=STATUS_NAMES[row[12]],
        error_type=row[13],
        error=row[14],
        provider=row[15],
        model_requested=row[16],
        model=row[17],
        operation=row[18],
        finish_reason=row[19],
        tokens=Tokens(
            input=row[20],
            output=row[21],
            cache_read=row[22],
            cache_write=row[23],
            reasoning=row[24],
        ),
        cost_usd=None if row[25] is None else row[25] / NANO,
        cost_source=COST_SOURCES[row[26]],
        prompt=_prompt_of(row),
        arms=dict(json.loads(row[29])) if row[29] else {},
        environment=row[30],
        release=row[31],
        tags=row[32] or [],
        metadata=json.loads(row[33]) if row[33] else {},
        metrics=dict(json.loads(row[34])) if row[34] else {},
        warnings=row[35] or [],
        config=ConfigRef(key=row[36], version=row[37]) if row[36] else None,
        duplicate_of=str(row[40]) if row[40] else None,
    )


def _prompt_of(row: Columns) -> PromptRef | None:
    """What a span names itself, else what was named above a model call."""
    if row[27]:
        return PromptRef(key=row[27], version=row[28])
    if row[38] and row[4] in CALL_KINDS:
        return PromptRef(key=row[38], version=row[39] or "", inherited=True)
    return None


def _ms(us: int | None) -> float | None:
    return None if us is None else us / 1000
