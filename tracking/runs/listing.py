"""Lists of runs, of benchmark artifacts, and of what names no run. Keyset-paged, newest first."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from tracking.adapters.dogpile import LOOSE_SYSTEM, SYSTEM
from tracking.staging import unix_us
from tracking.statements import Where, fetch_all, fetch_one

STALE_AFTER = timedelta(minutes=15)
STALE = "stale"
STATUSES = ("running", "completed", "failed", "cancelled", STALE)
RUNS_READ = 20_000  # a filter that finds nothing ends there
NUL = "\x00"

Position = tuple[datetime, str]
"""(last event, key) of the last row read."""

COLUMNS = "d.key, d.first_at, d.last_at, d.n_parts, d.summary::text"
LIST = (
    f"SELECT {COLUMNS} FROM (SELECT * FROM tracking_document d WHERE {{}}"
    " ORDER BY d.last_at DESC, d.key LIMIT %s) d"
    " WHERE {} ORDER BY d.last_at DESC, d.key LIMIT %s"
)
ONE = (
    f"SELECT {COLUMNS} FROM tracking_document d"
    " WHERE d.project_id = %s AND d.system = %s AND d.key = %s"
)


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs; empty values leave none out. ``q``: in the intent or the id."""

    status: str = ""
    protocol: str = ""
    tier: str = ""
    q: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """What is known of a run without reading its pieces. Money in US dollars, lengths in ms."""

    run_id: str
    status: str  # running | completed | failed | cancelled | stale
    intent: str
    protocol: str
    tier: str
    provider_id: str
    stop: str  # budget:tokens, convergence, judge:accepted, …; "" when it just ended
    started_at: datetime
    last_at: datetime
    duration_ms: float
    cost_usd: float
    tokens_in: int
    tokens_out: int
    turns: int
    calls: int
    tools: int
    agents: int
    sub_runs: int
    errors: int
    error: str
    quality: float | None
    output: str
    session_id: str
    has_trace: bool
    n_parts: int
    benchmarks: list[dict[str, Any]]  # rows of the board: JSON objects

    @property
    def position(self) -> Position:
        return self.last_at, self.run_id


@dataclass(frozen=True, slots=True)
class BenchmarkRow:
    """One artifact on the board; ``facts``: tracking.adapters.dogpile.summary."""

    run_id: str
    facts: dict[str, Any]  # a JSON object

    @property
    def key(self) -> str:
        """What names it in a comparison."""
        return f"{self.facts.get('id', '')}~{self.run_id}"


@dataclass(frozen=True, slots=True)
class BenchmarkedRun:
    """A run with its artifacts: there may be several, scored in different ways."""

    run_id: str
    last_at: datetime
    rows: list[BenchmarkRow]

    @property
    def position(self) -> Position:
        return self.last_at, self.run_id


@dataclass(frozen=True, slots=True)
class LooseRow:
    """What named no run: a metrics snapshot, or an error from before the start."""

    key: str
    last_at: datetime
    facts: dict[str, Any]  # the summary: a JSON object

    @property
    def position(self) -> Position:
        return self.last_at, self.key


_TOLD = [f.name for f in fields(RunRow)]
_DEFAULTS: dict[str, Any] = {
    **dict.fromkeys(("intent", "protocol", "tier", "provider_id", "stop"), ""),
    **dict.fromkeys(("error", "output", "session_id"), ""),
    **dict.fromkeys(("cost_usd", "duration_ms"), 0.0),
    **dict.fromkeys(("tokens_in", "tokens_out", "turns", "calls", "tools", "agents"), 0),
    **dict.fromkeys(("sub_runs", "errors"), 0),
    "quality": None,
    "has_trace": False,
    "status": "running",
}


def list_runs(
    project_id: int,
    flt: RunFilter,
    *,
    limit: int,
    now: datetime,
    after: Position | None = None,
) -> list[RunRow]:
    if NUL in flt.q + flt.protocol + flt.tier:
        return []
    kept = Where()
    kept.add_if(flt.protocol, "d.summary ->> 'protocol' = %s")
    kept.add_if(flt.tier, "d.summary ->> 'tier' = %s")
    if flt.q:
        kept.add("strpos(lower(d.summary ->> 'intent'), lower(%s)) > 0 OR d.key = %s", flt.q, flt.q)
    _keep_status(kept, flt.status, now)
    rows = _read(_runs_of(project_id, after), kept, limit)
    return [_build_run(row, now) for row in rows]


def list_benchmarks(
    project_id: int, *, limit: int, after: Position | None = None
) -> list[BenchmarkedRun]:
    where = _runs_of(project_id, after)
    where.add("d.summary ? 'benchmarks'")
    return [
        BenchmarkedRun(key, last_at, [BenchmarkRow(key, facts) for facts in _board_of(summary)])
        for key, _, last_at, _, summary in _read(where, Where(), limit)
    ]


def _board_of(summary: str) -> list[dict[str, Any]]:  # JSON objects
    found: list[dict[str, Any]] = json.loads(summary).get("benchmarks", [])
    return found


def list_loose(project_id: int, *, limit: int, after: Position | None = None) -> list[LooseRow]:
    where = _documents_of(project_id, LOOSE_SYSTEM, after)
    rows = _read(where, Where(), limit)
    return [LooseRow(key, last_at, json.loads(summary)) for key, _, last_at, _, summary in rows]


def find_run_row(project_id: int, run_id: str, *, now: datetime) -> RunRow | None:
    row = None if NUL in run_id else fetch_one(ONE, [project_id, SYSTEM, run_id])
    return None if row is None else _build_run(row, now)


def _runs_of(project_id: int, after: Position | None) -> Where:
    return _documents_of(project_id, SYSTEM, after)


def _documents_of(project_id: int, system: str, after: Position | None) -> Where:
    where = Where()
    where.add(f"d.project_id = %s AND d.system = '{system}'", project_id)
    if after is not None:
        where.add("d.last_at <= %s", after[0])
        where.add("d.last_at < %s OR d.key > %s", *after)
    return where


# Rows are columns of many types: Any, here and below.
def _read(inner: Where, kept: Where, limit: int) -> list[tuple[Any, ...]]:
    sql = LIST.format(inner.sql, kept.sql)
    return fetch_all(sql, [*inner.params, RUNS_READ, *kept.params, limit])


def _keep_status(kept: Where, status: str, now: datetime) -> None:
    if not status:
        return
    if status not in ("running", STALE):
        kept.add("d.summary ->> 'status' = %s", status)
        return
    edge = unix_us(now - STALE_AFTER)
    sign = "<=" if status == STALE else ">"
    kept.add("d.summary ->> 'status' = 'running'")
    kept.add(f"(d.summary ->> 'received_us')::bigint {sign} %s", edge)


def _build_run(row: Sequence[Any], now: datetime) -> RunRow:
    key, first_at, last_at, n_parts, text = row
    summary = json.loads(text)
    told = {name: summary.get(name) for name in _TOLD if summary.get(name) is not None}
    is_stale = summary.get("received_us", 0) <= (unix_us(now - STALE_AFTER) or 0)
    if told.get("status") == "running" and is_stale:
        told["status"] = STALE
    own = {"run_id": key, "started_at": first_at, "last_at": last_at, "n_parts": n_parts}
    return RunRow(**{**_DEFAULTS, "benchmarks": [], **told, **own})
