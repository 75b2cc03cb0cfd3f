"""What reading gives: rows of lists and details, in the shapes the API answers with.

Times are aware datetimes, durations milliseconds, money US dollars, absent text ``""``. Spans are
msgspec structs: a trace may have 33,000, and dataclasses take five times as long to make.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from tracking.events import SCORE
from tracking.score_chips import SCORE_METRIC, ScoreChip, ScoreRow, sum_up

Row = TypeVar("Row")

MOST_NAMES = 30
"""Metrics, and names of scores, that the page of a session shows of it."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list.

    A page may hold fewer rows than asked for and still have a next one: reading stops after a
    bounded number of candidates. ``is_partial``: sorted by something other than time, only the
    latest sessions or traces of the time range were compared.
    """

    rows: list[Row]
    next_cursor: str | None = None
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class Named(Generic[Row]):
    """The first of things with names of their own, which a session may have thousands of.
    ``n_more``: how many are not shown, if positive."""

    shown: list[Row]
    n_more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    id: str
    implicit: bool
    user_id: str
    first_at: datetime
    last_at: datetime
    duration_ms: float
    traces: int
    spans: int
    points: int
    llm_calls: int
    tool_calls: int
    errors: int
    root_errors: int  # a session is a success when there is none
    tokens_in: int
    tokens_out: int
    tokens_cache_read: int
    tokens_cache_write: int
    tokens_reasoning: int
    cost_usd: float | None  # of what is known
    unpriced_calls: int  # whose cost nobody knows
    models: list[str]
    prompts: list[str]  # "key@version", or "key" when no version was named
    configs: list[str]
    tags: list[str]
    arms: dict[str, str]  # experiment → variant: the first one met
    scores: list[ScoreRow]  # the latest, newest first
    metrics: dict[str, float]  # name → latest value
    first_input: str
    last_output: str

    @property
    def other_metrics(self) -> "Named[tuple[str, float]]":
        """What is no score: those are told by ``scores``."""
        found = [pair for pair in self.metrics.items() if not pair[0].startswith(SCORE_METRIC)]
        return Named(found[:MOST_NAMES], len(found) - MOST_NAMES)

    @property
    def score_chips(self) -> "Named[ScoreChip]":
        found = sum_up(self.scores, self.metrics)
        return Named(found[:MOST_NAMES], len(found) - MOST_NAMES)


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRow:
    trace_id: str
    name: str
    session_id: str  # an implicit session's id when the trace names none
    user_id: str
    started_at: datetime
    duration_ms: float
    status: str  # unset | ok | error: the root span's
    spans: int
    llm_calls: int
    errors: int
    tokens_in: int
    tokens_out: int
    cost_usd: float | None  # of what is known
    unpriced_calls: int  # whose cost nobody knows


class Tokens(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    input: int | None
    output: int | None
    cache_read: int | None
    cache_write: int | None
    reasoning: int | None


class PromptRef(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    key: str
    version: str
    inherited: bool = False  # named by a span above the call, not by itself


class ConfigRef(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A configuration that the sender names: what the calls below it belong to."""

    key: str
    version: str


class SpanRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A span, or a point (no duration). ``id`` identifies both within the project."""

    id: str  # UUID
    trace_id: str
    span_id: str  # "" of a point that had none
    parent_span_id: str
    kind: str  # event | llm | tool | agent | chain | retriever | embedding | evaluator | guardrail
    name: str
    session_id: str
    user_id: str
    run_id: str
    started_at: datetime
    duration_ms: float | None
    ttft_ms: float | None
    status: str
    error_type: str
    error: str
    provider: str
    model_requested: str
    model: str
    operation: str
    finish_reason: str
    tokens: Tokens
    cost_usd: float | None
    cost_source: str  # none | caller | computed | override
    prompt: PromptRef | None
    arms: dict[str, str]
    environment: str
    release: str
    tags: list[str]
    metadata: dict[str, object]
    metrics: dict[str, float]
    warnings: list[str]
    config: ConfigRef | None = None
    duplicate_of: str | None = None  # id of the report of the same call that counts instead

    @property
    def is_unpriced(self) -> bool:
        """Whether it is a model call that counts, of unknown cost (tracking.folding)."""
        used = (self.tokens.input, self.tokens.output)
        if self.kind not in ("llm", "embedding") or self.duplicate_of or self.cost_usd is not None:
            return False
        return any(used) or (used == (None, None) and self.status != "error")

    @property
    def label(self) -> str:
        """What a list calls it: of a score its name and value, not that it is one."""
        if self.operation == SCORE and len(self.metrics) == 1:
            ((metric, value),) = self.metrics.items()
            name = metric.removeprefix(SCORE_METRIC)
            if value == 1 and "=" in name:  # a label is counted
                return name.replace("=", " = ", 1)
            return f"{name} = {value:g}"
        return self.name or self.kind

    @property
    def key(self) -> str:
        """What names it within its trace, in URLs: the span id, or the UUID of a point."""
        return self.span_id or self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanContent:
    """The heavy part of a span: what its payload holds and its attributes, rebuilt exactly."""

    input: str | None
    output: str | None
    system: str | None
    attributes: dict[str, object]
    span_events: list[object]
    links: list[object]
    resource: dict[str, object]
    extra: dict[str, object] = field(default_factory=dict)  # what stood beside the attributes


@dataclass(frozen=True, slots=True)
class CallReport:
    """Another span that tells of the same call; ``reporter`` is its scope, or ""."""

    key: str
    name: str
    reporter: str
    counts: bool


@dataclass(frozen=True, slots=True)
class SpanDetail:
    span: SpanRow
    content: SpanContent
    reports: list[CallReport] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TraceDetail:
    """A trace and its spans by start; ``hidden`` more are not shown (beyond the limit)."""

    trace: TraceRow
    spans: list[SpanRow]
    hidden: int


@dataclass(frozen=True, slots=True)
class SessionDetail:
    """A session and its first traces by start; ``hidden_traces`` more are not shown."""

    session: SessionRow
    traces: list[TraceRow]
    hidden_traces: int
    latency_p50_ms: float | None  # of its latest model calls, at most 2,000
    latency_p95_ms: float | None


@dataclass(frozen=True, slots=True)
class SessionWindow:
    """A stretch of a session's events by time, with content; ``next_after`` continues it."""

    events: list[SpanDetail]
    next_after: str | None
    is_continuation: bool
