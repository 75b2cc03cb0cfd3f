"""Hourly usage rollups: differences gathered in memory, added in one sorted statement.

Only sums live here. A row that reaches zero stays: it says the same as no row.
"""

import datetime
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import psycopg

from tracking.distinct import cell_of
from tracking.events import CALL_KINDS, Status
from tracking.folding import SPANS, Fact, TraceState, add_usage
from tracking.models import UsageRollup
from tracking.session_deltas import SessionTotals
from tracking.sketches import bucket_of, sketch_of_counts
from tracking.staging import Stage, datetime_of, pg_int8s, pg_time, unix_us

HOUR_US = 3_600_000_000
SLOTS = 4
LIVE = datetime.timedelta(hours=2)
COUNTS = (
    "n",
    "n_spans",
    "n_errors",
    "n_traces",
    "n_sessions",
    "duration_us",
    "tokens_in",
    "tokens_out",
    "tokens_cache_read",
    "tokens_cache_write",
    "tokens_reasoning",
    "cost_nano",
    "n_unpriced",
)
SKETCHES = ("latency", "ttft", "users")
N, SPAN, ERROR, TRACES, SESSIONS, DURATION, TOKENS = range(7)
FAMILIES = UsageRollup.Family
_ERROR = int(Status.ERROR)

Combination = tuple[int, int, str, str, str, str, str, int]
"""(hour, kind, provider, model, prompt key, prompt version, environment, status)."""

RollupKey = tuple[int, int, int, str, str]
"""(hour, family, kind, key_a, key_b)."""

Fold = Callable[[str, str], str]
"""(kind of name, name) → the name to count it under."""


class Usage(msgspec.Struct):
    """Counts in the order of COUNTS, histograms of latency and of time to first token, and the
    cells of users."""

    counts: list[int] = msgspec.field(default_factory=lambda: [0] * len(COUNTS))
    latency: dict[int, int] = {}
    ttft: dict[int, int] = {}
    users: dict[int, int] = {}

    @property
    def sketches(self) -> tuple[dict[int, int], ...]:
        return self.latency, self.ttft, self.users

    def values(self) -> tuple[object, ...]:
        """What a stored row holds of it: counts, then the sketches."""
        return (*self.counts, *map(sketch_of_counts, self.sketches))

    def add(self, other: "Usage") -> None:
        self.counts = [a + b for a, b in zip(self.counts, other.counts, strict=True)]
        for mine, theirs in zip(self.sketches, other.sketches, strict=True):
            for bucket, count in theirs.items():
                mine[bucket] = mine.get(bucket, 0) + count


class RollupDeltas:
    """Differences to be added to the rollups of one project.

    Events are gathered by the combination of all their dimensions first: in a live hour many share
    one, and only combinations are spread over the families.
    """

    def __init__(self) -> None:
        self._usage: dict[Combination, Usage] = {}
        self._counted: dict[int, Usage] = {}

    def add_fact(self, fact: Fact, sign: int = 1) -> None:
        """Count an event. Usage of a wrapper span is not its own: see :meth:`add_wrapper`."""
        event = fact.event
        usage = self._usage_of(fact)
        counts = usage.counts
        counts[N] += sign
        if event.status == _ERROR:
            counts[ERROR] += sign
        if event.duration_us is not None:
            counts[SPAN] += sign
            counts[DURATION] += sign * event.duration_us
            bucket = bucket_of(event.duration_us)
            usage.latency[bucket] = usage.latency.get(bucket, 0) + sign
        if event.ttft_us is not None:
            bucket = bucket_of(event.ttft_us)
            usage.ttft[bucket] = usage.ttft.get(bucket, 0) + sign
        if event.kind in CALL_KINDS:
            add_usage(counts, fact, sign=sign, at=TOKENS)

    def add_wrapper(self, fact: Fact | None, sign: int) -> None:
        """Count, or take back, the usage of a wrapper that stands for calls nobody sent."""
        if fact is not None:
            add_usage(self._usage_of(fact).counts, fact, sign=sign, at=TOKENS)

    def add_trace(self, state: TraceState, sign: int) -> None:
        """Count a trace in the hour it began; one of points alone is no trace to a reader."""
        if state.first_us is not None and state.total(SPANS):
            self._counted_in(state.first_us).counts[TRACES] += sign

    def add_session(self, session: SessionTotals | None, sign: int) -> None:
        """Count a session in the hour it began, and its user, which an implicit one has as well."""
        if session is None or session.first_us is None:
            return
        if not session.is_implicit:
            self._counted_in(session.first_us).counts[SESSIONS] += sign
        if session.user_id:
            users, cell = self._counted_in(session.first_us).users, cell_of(session.user_id)
            users[cell] = users.get(cell, 0) + sign

    def names(self) -> dict[str, set[str]]:
        """The names of rollup keys, by kind: also of events that are taken back, and of wrappers
        that were stored before."""
        names: dict[str, set[str]] = {}
        for _, _, provider, model, prompt, version, environment, _ in self._usage:
            names.setdefault("provider", set()).add(provider)
            names.setdefault("model", set()).add(model)
            names.setdefault("environment", set()).add(environment)
            if prompt:
                names.setdefault("prompt", set()).add(f"{prompt}@{version}")
        return {kind: known for kind in names if (known := names[kind] - {""})}

    def rows(self, fold: Fold) -> dict[RollupKey, Usage]:
        """The differences by rollup row."""
        rows: dict[RollupKey, Usage] = {}
        for combination, usage in self._usage.items():
            for key in _keys(combination, fold):
                rows.setdefault(key, Usage()).add(usage)
        for hour, usage in self._counted.items():
            rows.setdefault((hour, FAMILIES.ALL, 0, "", ""), Usage()).add(usage)
        return rows

    def _usage_of(self, fact: Fact) -> Usage:
        event = fact.event
        combination = (
            event.occurred_us // HOUR_US,
            event.kind,
            event.provider,
            event.model,
            event.prompt_key,
            event.prompt_version,
            event.environment,
            event.status,
        )
        usage = self._usage.get(combination)
        if usage is None:
            usage = self._usage[combination] = Usage()
        return usage

    def _counted_in(self, us: int) -> Usage:
        return self._counted.setdefault(us // HOUR_US, Usage())


def _keys(combination: Combination, fold: Fold) -> tuple[RollupKey, ...]:
    hour, kind, provider, model, prompt, version, environment, status = combination
    if model and (model := fold("model", model)) == OTHER:
        provider = OTHER
    if prompt and (prompt := fold("prompt", f"{prompt}@{version}")) != OTHER:
        prompt, _, version = prompt.rpartition("@")
    elif prompt:
        version = ""
    environment = environment and fold("environment", environment)
    return (
        (hour, FAMILIES.ALL, kind, "", ""),
        (hour, FAMILIES.MODEL, kind, fold("provider", provider) if provider else "", model),
        (hour, FAMILIES.PROMPT, kind, prompt, version),
        (hour, FAMILIES.ENVIRONMENT, kind, environment, STATUS_NAMES[status]),
    )


OTHER = "(other)"
STATUS_NAMES = ("unset", "ok", "error")


USAGE = Stage(
    "stage_usage",
    {
        "hour": "timestamptz",
        "family": "int2",
        "kind": "int2",
        "key_a": "text",
        "key_b": "text",
        **dict.fromkeys(COUNTS, "int8"),
        **dict.fromkeys(SKETCHES, "int8[]"),
    },
)
_MERGED = ", ".join(
    f"{name} = CASE WHEN excluded.{name} IS NULL THEN t.{name} WHEN t.{name} IS NULL"
    f" THEN excluded.{name} ELSE assay_sketch_merge(t.{name}, excluded.{name}) END"
    for name in SKETCHES
)
ADD = (
    f"INSERT INTO tracking_usagerollup AS t (project_id, slot, {USAGE.names})"
    f" SELECT %s, CASE WHEN hour >= %s THEN %s ELSE 0 END, {USAGE.names} FROM stage_usage"
    " ORDER BY hour, family, kind, key_a, key_b"
    " ON CONFLICT (project_id, hour, family, kind, key_a, key_b, slot) DO UPDATE SET "
    + ", ".join(f"{name} = t.{name} + excluded.{name}" for name in COUNTS)
    + f", {_MERGED}"
)


def save_rollups(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    rows: Iterable[tuple[RollupKey, Usage]],
    *,
    slot: int,
    now: datetime.datetime,
) -> None:
    """Add the differences. ``slot`` keeps concurrent writers off each other's rows of the live
    hours; what is older comes seldom, and is kept in one row."""
    staged = [
        (
            pg_time(hour * HOUR_US),
            *rest,
            *usage.counts,
            *map(_sketch, usage.sketches),
        )
        for (hour, *rest), usage in rows
        if any(usage.counts) or any(any(counts.values()) for counts in usage.sketches)
    ]
    if staged:
        USAGE.fill(cursor, staged)
        cursor.execute(ADD, (project_id, now - LIVE, slot % SLOTS))


READ = (
    "SELECT hour, family, kind, key_a, key_b, "
    + ", ".join(f"sum({name})::bigint" for name in COUNTS)
    + "".join(f", coalesce(assay_sketch_sum({name}), '{{}}')" for name in SKETCHES)
    + " FROM tracking_usagerollup WHERE project_id = %s AND hour >= %s"
    " GROUP BY hour, family, kind, key_a, key_b"
)


def read_rollups(
    cursor: psycopg.Cursor[Any], project_id: int, *, from_us: int = 0
) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """The rows of a project, from an hour on, that are not zero, slots added up."""
    cursor.execute(READ, (project_id, datetime_of(from_us) if from_us else "-infinity"))
    rows = {
        ((unix_us(hour) or 0) // HOUR_US, *key): (*values,)
        for hour, *rest in cursor
        for key, values in [(rest[:4], rest[4:])]
    }
    return {key: values for key, values in rows.items() if any(values)}


def _sketch(counts: dict[int, int]) -> bytes | None:
    sketch = sketch_of_counts(counts)
    return pg_int8s(sketch) if sketch else None
