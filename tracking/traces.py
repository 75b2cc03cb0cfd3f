"""Trace states: locked and loaded before events are folded into them, saved after."""

from collections.abc import Iterable
from typing import Any

import msgspec
import psycopg

from tracking.event_rows import load_facts
from tracking.folding import (
    COST,
    ERRORS,
    LLM,
    SPANS,
    SUMS,
    TOKENS,
    UNPRICED,
    Metric,
    Part,
    Sighting,
    TraceState,
)
from tracking.ranks import pack_key, pack_last, unpack_key, unpack_last
from tracking.staging import Stage, pg_json, pg_time, read_json, unix_us


class Change(msgspec.Struct):
    """A trace before and after: whatever else is summed moves by the difference."""

    before: TraceState
    after: TraceState
    is_new: bool = False  # not stored when it was asked for, so nobody holds its lock
    rebuilt: bool = False  # something may have been taken away: minima and maxima are not additive


TRACE_COLUMNS = {
    "trace_id": "text",
    "first_at": "timestamptz",
    "last_at": "timestamptz",
    "n_spans": "int8",
    "n_calls": "int8",
    "n_llm": "int8",
    "n_errors": "int8",
    "tokens_in": "int8",
    "tokens_out": "int8",
    "cost_nano": "int8",
    "n_unpriced": "int8",
    "root_status": "int2",
    "ties": "int2",
    "reporter": "int8",
    "claim_rank": "bytea",
    "user_rank": "bytea",
    "root_rank": "bytea",
    "wrapper_rank": "bytea",
    "claim_session": "text",
    "claim_user": "text",
    "name": "text",
}
PART_COLUMNS = {
    "trace_id": "text",
    "session_own": "text",
    "session_id": "text",
    "is_implicit": "bool",
    "first_at": "timestamptz",
    "last_at": "timestamptz",
    **dict.fromkeys(SUMS, "int8"),
    "arms": "jsonb",
    "metrics": "jsonb",
}
TRACES = Stage("stage_trace", {"round": "int2", **TRACE_COLUMNS}, is_short=True)
PARTS = Stage("stage_part", PART_COLUMNS)

_SAVE_ROUND = 0
_NAMES = ", ".join(TRACE_COLUMNS)
CREATE = (
    f"INSERT INTO tracking_trace (project_id, {_NAMES}) SELECT %s, {_NAMES} FROM stage_trace"
    " WHERE round = %s ORDER BY trace_id ON CONFLICT DO NOTHING RETURNING trace_id"
)
LOAD = (
    "SELECT trace_id, first_at, last_at, n_calls, root_status, claim_rank, user_rank, root_rank,"
    " wrapper_rank, claim_session, claim_user, name, ties, reporter FROM tracking_trace"
    " WHERE project_id = %s AND trace_id = ANY (%s)"
)
LOCK = LOAD + ' ORDER BY trace_id COLLATE "C" FOR UPDATE'
LOAD_PARTS = (
    f"SELECT {', '.join(f'{n}::text' if k == 'jsonb' else n for n, k in PART_COLUMNS.items())}"
    " FROM tracking_tracepart"
    " WHERE project_id = %s AND {column} = ANY (%s)"
)


def _assignments(columns: Iterable[str], source: str) -> str:
    return ", ".join(f"{name} = {source}.{name}" for name in columns)


_TRACE_VALUES = [name for name in TRACE_COLUMNS if name != "trace_id"]
_PART_VALUES = [name for name in PART_COLUMNS if name not in {"trace_id", "session_own"}]
SAVE_TRACES = (
    f"UPDATE tracking_trace t SET {_assignments(_TRACE_VALUES, 's')} FROM stage_trace s"
    f" WHERE s.round = {_SAVE_ROUND} AND t.project_id = %s AND t.trace_id = s.trace_id"
)
SAVE_PARTS = (
    f"INSERT INTO tracking_tracepart (project_id, {PARTS.names}) SELECT %s, {PARTS.names}"
    " FROM stage_part ORDER BY trace_id, session_own"
    " ON CONFLICT (project_id, trace_id, session_own)"
    f" DO UPDATE SET {_assignments(_PART_VALUES, 'excluded')}"
)
DROP_PARTS = (
    "DELETE FROM tracking_tracepart WHERE project_id = %s AND (trace_id, session_own) IN"
    " (SELECT * FROM unnest(%s::text[], %s::text[]))"
)
DROP_TRACES = "DELETE FROM tracking_trace WHERE project_id = %s AND trace_id = ANY (%s)"


def lock_traces(
    cursor: psycopg.Cursor[Any], project_id: int, trace_ids: Iterable[str]
) -> dict[str, Change]:
    """Lock those of the traces that are stored, in order, and return each as it stands (twice).

    The others are new, as far as anyone can see: :func:`create_traces` finds out.
    """
    wanted = sorted(trace_ids)
    stored = _load_locked(cursor, project_id, wanted)
    return {
        trace_id: stored.get(trace_id)
        or Change(TraceState(trace_id), TraceState(trace_id), is_new=True)
        for trace_id in wanted
    }


def lock_late(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    traces: dict[str, Change],
    trace_ids: Iterable[str],
) -> dict[str, Change]:
    """``traces`` and those of ``trace_ids`` that they lack, or take for new though events of them
    are stored. A deadlock that comes of locking late is noticed by PostgreSQL, and the work done
    again."""
    late = [t for t in trace_ids if t not in traces or traces[t].is_new]
    return traces | lock_traces(cursor, project_id, late) if late else traces


def create_traces(
    cursor: psycopg.Cursor[Any], project_id: int, changes: Iterable[Change], *, turn: int
) -> list[str]:
    """Store new traces whole, in order; return those that another transaction stored meanwhile.

    Whoever comes second waits here until the first has committed, and folds its events into what
    the first one left. ``turn`` counts from 1 in a transaction.
    """
    states = {c.after.trace_id: c.after for c in changes if c.is_new and c.after.parts}
    if not states:
        return []
    TRACES.fill(cursor, ((turn, *trace_row(state)) for state in states.values()))
    created = {row[0] for row in cursor.execute(CREATE, (project_id, turn))}
    return sorted(states.keys() - created)


def lock_stored(
    cursor: psycopg.Cursor[Any], project_id: int, trace_ids: Iterable[str]
) -> dict[str, Change]:
    """Lock those of the traces that are stored."""
    return _load_locked(cursor, project_id, sorted(trace_ids))


def _load_locked(
    cursor: psycopg.Cursor[Any], project_id: int, trace_ids: list[str]
) -> dict[str, Change]:
    rows = cursor.execute(LOCK, (project_id, trace_ids), binary=True).fetchall()
    changes = {row[0]: Change(_state(row), _state(row)) for row in rows}
    for row in load_parts(cursor, project_id, "trace_id", list(changes)):
        change = changes[row[0]]
        for state in (change.before, change.after):
            part = part_of_row(row)
            state.parts[part.session_own] = part
    _load_wrappers(cursor, project_id, changes)
    return changes


def read_states(
    cursor: psycopg.Cursor[Any], project_id: int, trace_ids: list[str]
) -> dict[str, TraceState]:
    """The traces as they are stored, not locked, without their wrapper spans."""
    rows = cursor.execute(LOAD, (project_id, trace_ids)).fetchall()
    states = {row[0]: _state(row) for row in rows}
    for row in load_parts(cursor, project_id, "trace_id", trace_ids):
        if (state := states.get(row[0])) is not None:
            part = part_of_row(row)
            state.parts[part.session_own] = part
    return states


def load_parts(
    cursor: psycopg.Cursor[Any], project_id: int, column: str, values: list[str]
) -> list[tuple[Any, ...]]:
    """The rows of parts by "trace_id" or "session_id"."""
    if not values:
        return []
    query = LOAD_PARTS.format(column=column)
    return cursor.execute(query, (project_id, values), binary=True).fetchall()


def _load_wrappers(
    cursor: psycopg.Cursor[Any], project_id: int, changes: dict[str, Change]
) -> None:
    """Load the wrapper spans that count at this moment: the first call to arrive retracts them."""
    counted = {
        (key[1], key[2]): change
        for change in changes.values()
        if not change.after.n_calls and (key := change.after.wrapper_key)
    }
    for fact in load_facts(cursor, project_id, list(counted)):
        change = counted[fact.event.occurred_us, fact.event.id]
        change.before.wrapper = change.after.wrapper = fact


def _state(row: tuple[Any, ...]) -> TraceState:
    return TraceState(
        trace_id=row[0],
        first_us=unix_us(row[1]),
        last_us=unix_us(row[2]),
        n_calls=row[3],
        root_status=row[4],
        claim=unpack_key(row[5]),
        user=unpack_key(row[6]),
        root=unpack_key(row[7]),
        wrapper_key=unpack_key(row[8]),
        claim_session=row[9],
        claim_user=row[10],
        name=row[11],
        ties=row[12],
        reporter=row[13],
    )


def part_of_row(row: tuple[Any, ...]) -> Part:
    """A part as stored; arms and metrics are kept as lists, since a JSON object repeats no key."""
    n = len(SUMS)
    arms, metrics = row[6 + n], row[7 + n]
    return Part(
        session_own=row[1],
        session_id=row[2],
        is_implicit=row[3],
        first_us=unix_us(row[4]),
        last_us=unix_us(row[5]),
        sums=list(row[6 : 6 + n]),
        arms={(e, v, run): Sighting(*seen) for e, v, run, *seen in read_json(arms) or ()},
        metrics={
            name: metric_of(numbers, rank) for name, *numbers, rank in read_json(metrics) or ()
        },
    )


def metric_of(numbers: list[Any], rank: str) -> Metric:
    n, *floats = numbers
    total, squares, low, high, last = map(float, floats)  # jsonb writes great ones without a point
    return Metric(n, total, squares, low, high, last, unpack_last(bytes.fromhex(rank)))


def save_traces(cursor: psycopg.Cursor[Any], project_id: int, changes: Iterable[Change]) -> None:
    """Save locked traces, and the parts of these and of new ones."""
    changes = list(changes)
    known = [change.after for change in changes if not change.is_new]
    if known:
        TRACES.fill(cursor, ((_SAVE_ROUND, *trace_row(state)) for state in known))
        cursor.execute(SAVE_TRACES, (project_id,))
    gone = [
        (change.after.trace_id, own)
        for change in changes
        for own in change.before.parts.keys() - change.after.parts.keys()
    ]
    if gone:
        traces, owns = zip(*gone, strict=True)
        cursor.execute(DROP_PARTS, (project_id, list(traces), list(owns)))
    if empty := [state.trace_id for state in known if not state.parts]:
        cursor.execute(DROP_TRACES, (project_id, empty))
    PARTS.fill(
        cursor,
        (
            part_row(change.after.trace_id, part)
            for change in changes
            for part in change.after.parts.values()
        ),
    )
    cursor.execute(SAVE_PARTS, (project_id,))


def trace_row(state: TraceState) -> tuple[Any, ...]:
    return (
        state.trace_id,
        pg_time(state.first_us),
        pg_time(state.last_us),
        state.total(SPANS),
        state.n_calls,
        state.total(LLM),
        state.total(ERRORS),
        state.total(TOKENS),
        state.total(TOKENS + 1),
        state.total(COST),
        state.total(UNPRICED),
        state.root_status,
        state.ties,
        state.reporter,
        pack_key(state.claim),
        pack_key(state.user),
        pack_key(state.root),
        pack_key(state.wrapper_key),
        state.claim_session,
        state.claim_user,
        state.name,
    )


def part_row(trace_id: str, part: Part) -> tuple[Any, ...]:
    arms = [(*arm, seen.n, seen.first_us, seen.last_us) for arm, seen in sorted(part.arms.items())]
    metrics = [
        (name, m.n, m.total, m.squares, m.low, m.high, m.last, pack_last(m.last_key).hex())
        for name, m in sorted(part.metrics.items())
    ]
    return (
        trace_id,
        part.session_own,
        part.session_id,
        part.is_implicit,
        pg_time(part.first_us),
        pg_time(part.last_us),
        *part.sums,
        pg_json(arms) if arms else None,
        pg_json(metrics) if metrics else None,
    )
