"""Session rows, their metrics and the arms they met: locked in order, then moved by deltas."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import psycopg

from tracking.folding import SUMS
from tracking.ranks import pack_key, pack_last, unpack_key
from tracking.session_deltas import SessionTotals
from tracking.staging import Row, Stage, pg_time, unix_us
from tracking.traces import load_parts, part_of_row


class SessionChange(msgspec.Struct):
    """A session before and after; None where it did not, or no longer does, exist."""

    before: SessionTotals | None
    after: SessionTotals | None


SESSION_COLUMNS = {
    "session_id": "text",
    "is_implicit": "bool",
    "first_at": "timestamptz",
    "last_at": "timestamptz",
    "n_traces": "int8",
    **dict.fromkeys(SUMS, "int8"),
    "user_rank": "bytea",
    "user_id": "text",
}
SESSIONS = Stage("stage_session", {"round": "int2", **SESSION_COLUMNS}, is_short=True)
METRICS = Stage(
    "stage_metric",
    {
        "session_id": "text",
        "name": "text",
        "n": "int8",
        "total": "float8",
        "squares": "float8",
        "low": "float8",
        "high": "float8",
        "last": "float8",
        "last_rank": "bytea",
    },
    is_short=True,
)
ARMS = Stage(
    "stage_arm",
    {
        "experiment": "text",
        "unit_kind": "text",
        "unit_id": "text",
        "variant": "text",
        "session_id": "text",
        "first_seen": "timestamptz",
        "last_seen": "timestamptz",
        "n": "int8",
    },
    is_short=True,
)

_NAMES = ", ".join(SESSION_COLUMNS)
_SAVE_ROUND = 0
CREATE = (
    f"INSERT INTO tracking_session (project_id, {_NAMES}) SELECT %s, {_NAMES} FROM stage_session"
    " WHERE round = %s ORDER BY session_id ON CONFLICT DO NOTHING RETURNING session_id"
)
LOCK = (
    f"SELECT {_NAMES} FROM tracking_session WHERE project_id = %s AND session_id = ANY (%s)"
    ' ORDER BY session_id COLLATE "C" FOR UPDATE'
)
_VALUES = [name for name in SESSION_COLUMNS if name != "session_id"]
SAVE = (
    f"UPDATE tracking_session t SET {', '.join(f'{name} = s.{name}' for name in _VALUES)}"
    f" FROM stage_session s WHERE s.round = {_SAVE_ROUND}"
    " AND t.project_id = %s AND t.session_id = s.session_id"
)
USERS = (
    "SELECT trace_id, user_rank, claim_user FROM tracking_trace"
    " WHERE project_id = %s AND trace_id = ANY (%s)"
)
ADD_METRICS = (
    f"INSERT INTO tracking_sessionmetric AS t (project_id, {METRICS.names})"
    f" SELECT %s, {METRICS.names} FROM stage_metric ORDER BY session_id, name"
    " ON CONFLICT (project_id, session_id, name) DO UPDATE SET n = t.n + excluded.n,"
    " total = t.total + excluded.total, squares = t.squares + excluded.squares,"
    " low = least(t.low, excluded.low), high = greatest(t.high, excluded.high),"
    " last = CASE WHEN excluded.last_rank > t.last_rank THEN excluded.last ELSE t.last END,"
    " last_rank = greatest(t.last_rank, excluded.last_rank)"
)
ADD_ARMS = (
    f"INSERT INTO tracking_armseen AS t (project_id, {ARMS.names}) SELECT %s, {ARMS.names}"
    " FROM stage_arm ORDER BY experiment, unit_kind, unit_id, variant, session_id"
    " ON CONFLICT (project_id, experiment, unit_kind, unit_id, variant, session_id)"
    " DO UPDATE SET n = t.n + excluded.n, first_seen = least(t.first_seen, excluded.first_seen),"
    " last_seen = greatest(t.last_seen, excluded.last_seen)"
)
DROP = "DELETE FROM {table} WHERE project_id = %s AND session_id = ANY (%s)"


def apply_session_deltas(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    deltas: dict[str, SessionTotals],
) -> list[SessionChange]:
    """Move the sessions by the deltas. Traces and parts are saved already, under their locks."""
    if not deltas:
        return []
    changes: list[SessionChange] = []
    contents: list[SessionTotals] = []
    waiting, turn = deltas, 1
    while waiting:
        before = _lock(cursor, project_id, waiting)
        fresh = _rebuild(cursor, project_id, [s for s, delta in waiting.items() if delta.is_stale])
        met = {s: _change(before.get(s), waiting[s], fresh.get(s)) for s in waiting}
        raced = _create(cursor, project_id, met.values(), turn=turn)
        done = met.keys() - raced
        changes += [change for s, change in met.items() if s in done]
        whole = {s: fresh.get(s) if waiting[s].is_stale else waiting[s] for s in waiting}
        contents += [totals for s, totals in whole.items() if totals and s in done]
        # Whoever stored them first has committed: they are there to be locked and added to.
        waiting, turn = {s: deltas[s] for s in waiting if s in raced}, turn + 1
    _save(cursor, project_id, [change for change in changes if change.before])
    _save_contents(cursor, project_id, contents)
    return changes


def _lock(
    cursor: psycopg.Cursor[Any], project_id: int, session_ids: Iterable[str]
) -> dict[str, SessionTotals]:
    """Lock those that are stored, in order."""
    rows = cursor.execute(LOCK, (project_id, sorted(session_ids)), binary=True)
    return {row[0]: _totals(row) for row in rows}


def _change(
    old: SessionTotals | None, delta: SessionTotals, fresh: SessionTotals | None
) -> SessionChange:
    if delta.is_stale:
        return SessionChange(old, fresh)
    after = msgspec.structs.replace(old) if old else SessionTotals(delta.session_id)
    after.add(delta)
    return SessionChange(old, after)


def _create(
    cursor: psycopg.Cursor[Any], project_id: int, changes: Iterable[SessionChange], *, turn: int
) -> set[str]:
    """Store new sessions whole, in order; return those that another transaction stored meanwhile.
    ``turn`` counts from 1 in a transaction."""
    new = {c.after.session_id: c.after for c in changes if c.before is None and c.after}
    if not new:
        return set()
    SESSIONS.fill(cursor, ((turn, *session_row(totals)) for totals in new.values()))
    return new.keys() - {row[0] for row in cursor.execute(CREATE, (project_id, turn))}


def _totals(row: tuple[Any, ...]) -> SessionTotals:
    n = 5 + len(SUMS)
    return SessionTotals(
        session_id=row[0],
        is_implicit=row[1],
        first_us=unix_us(row[2]),
        last_us=unix_us(row[3]),
        n_traces=row[4],
        sums=list(row[5:n]),
        user=unpack_key(row[n]),
        user_id=row[n + 1],
    )


def _rebuild(
    cursor: psycopg.Cursor[Any], project_id: int, stale: list[str]
) -> dict[str, SessionTotals]:
    """Sum stale sessions anew from their parts; those without parts are missing in the answer."""
    if not stale:
        return {}
    for table in ("tracking_sessionmetric", "tracking_armseen"):
        cursor.execute(DROP.format(table=table), (project_id, stale))
    rows = load_parts(cursor, project_id, "session_id", stale)
    users = {
        trace_id: (unpack_key(rank), user)
        for trace_id, rank, user in cursor.execute(USERS, (project_id, [r[0] for r in rows]))
    }
    sessions: dict[str, SessionTotals] = {}
    for row in rows:
        part = part_of_row(row)
        totals = sessions.setdefault(part.session_id, SessionTotals(part.session_id))
        totals.add_part(part)
        totals.add_user_of(part, *users[row[0]])
    return sessions


def _save(cursor: psycopg.Cursor[Any], project_id: int, changes: Sequence[SessionChange]) -> None:
    """Save locked sessions; one that nothing is left of is deleted."""
    kept = [change.after for change in changes if change.after]
    if kept:
        SESSIONS.fill(cursor, ((_SAVE_ROUND, *session_row(totals)) for totals in kept))
        cursor.execute(SAVE, (project_id,))
    names = {totals.session_id for totals in kept}
    empty = [c.before.session_id for c in changes if c.before and c.before.session_id not in names]
    if empty:
        for table in ("tracking_session", "tracking_sessiontext"):
            cursor.execute(DROP.format(table=table), (project_id, empty))


def session_row(totals: SessionTotals) -> Row:
    return (
        totals.session_id,
        totals.is_implicit,
        pg_time(totals.first_us),
        pg_time(totals.last_us),
        totals.n_traces,
        *totals.sums,
        pack_key(totals.user),
        totals.user_id,
    )


def _save_contents(
    cursor: psycopg.Cursor[Any], project_id: int, sessions: Sequence[SessionTotals]
) -> None:
    if metrics := metric_rows(sessions):
        METRICS.fill(cursor, metrics)
        cursor.execute(ADD_METRICS, (project_id,))
    if arms := arm_rows(sessions):
        ARMS.fill(cursor, arms)
        cursor.execute(ADD_ARMS, (project_id,))


def metric_rows(sessions: Iterable[SessionTotals]) -> list[Row]:
    return [
        (s.session_id, name, m.n, m.total, m.squares, m.low, m.high, m.last, pack_last(m.last_key))
        for s in sessions
        for name, m in s.metrics.items()
        if m.n
    ]


def arm_rows(sessions: Iterable[SessionTotals]) -> list[Row]:
    return [
        (*arm, s.session_id, pg_time(seen.first_us), pg_time(seen.last_us), seen.n)
        for s in sessions
        for arm, seen in s.arms.items()
        if seen.n
    ]
