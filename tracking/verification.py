"""Every aggregate computed again from the events and compared with what is stored.

The events are read trace by trace in one snapshot and folded from nothing by the pure code that
digest uses. A difference means that a delta went wrong, or that rows were changed by hand.

Where events were deleted for their age, what is compared lies wholly after the horizon. A trace or
session that began before it *outlives* its events: its sums are taken as they are stored.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import psycopg
from django.db import transaction

from tracking.changes import add_trace_difference
from tracking.dimensions import decide_names, names_of
from tracking.event_rows import SELECT, fact_of_row
from tracking.folding import Fact, TraceState, fold
from tracking.rollups import RollupDeltas, read_rollups
from tracking.rules import read_rules
from tracking.session_deltas import SessionTotals
from tracking.sessions import arm_rows, metric_rows, session_row
from tracking.staging import datetime_of, open_cursor
from tracking.stored_rows import ARM, METRIC, PART, SESSION, TRACE, Rows, is_same
from tracking.ties import counted, tie_trace
from tracking.traces import Change, part_row, read_states, trace_row

TRACES_AT_ONCE = 2_000
EVENTS_BY_TRACE = SELECT + " WHERE e.project_id = %s AND e.occurred_at >= %s ORDER BY e.trace_id"
# What began before the horizon and has a part after it (or, of scores alone, no times).
OUTLIVING = (
    "SELECT {key} FROM {table} WHERE project_id = %s AND (first_at < %s OR first_at IS NULL)"
    " AND (last_at >= %s OR last_at IS NULL)"
)
AFTER = "AND first_at >= %s"
OF_TRACES_AFTER = (
    "AND EXISTS (SELECT FROM tracking_trace t WHERE t.project_id = tracking_tracepart.project_id"
    " AND t.trace_id = tracking_tracepart.trace_id AND t.first_at >= %s)"
)
OF_SESSIONS_AFTER = (
    "AND EXISTS (SELECT FROM tracking_session s WHERE s.project_id = {table}.project_id"
    " AND s.session_id = {table}.session_id AND s.first_at >= %s)"
)


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not what its events say; None where there is no such row."""

    table: str
    key: tuple[Any, ...]  # Any: the values of the row's columns, here and below
    stored: object
    expected: object

    def __str__(self) -> str:
        return f"{self.table} {self.key}: stored {self.stored}, expected {self.expected}"


class Recount:
    """What the events of a project add up to, gathered trace by trace."""

    def __init__(self, cursor: psycopg.Cursor[Any], project_id: int, horizon_us: int = 0) -> None:
        self.cursor, self.project_id, self.horizon_us = cursor, project_id, horizon_us
        self.sessions: dict[str, SessionTotals] = {}
        self.rollups = RollupDeltas()
        self.names: dict[str, set[str]] = {}
        self.differences: list[Difference] = []  # of single events
        self.outliving_sessions: set[str] = set()
        self.outliving_traces: dict[str, TraceState] = {}
        if horizon_us:
            self.outliving_sessions = set(self._outliving("tracking_session", "session_id"))
            ids = self._outliving("tracking_trace", "trace_id")
            self.outliving_traces = read_states(cursor, project_id, ids)
            for state in self.outliving_traces.values():
                self._add_parts(state)

    def _outliving(self, table: str, key: str) -> list[str]:
        horizon = datetime_of(self.horizon_us)
        query = OUTLIVING.format(table=table, key=key)
        return [row[0] for row in self.cursor.execute(query, (self.project_id, horizon, horizon))]

    def add(self, trace_id: str, facts: Sequence[Fact]) -> TraceState | None:
        """Add the events of a trace; return its state if that can be known from them."""
        stored = self.outliving_traces.get(trace_id)
        # What was said above may be among the events that are gone: their ties stay as they are.
        ties, facts = (0, facts) if stored else self._tie(trace_id, facts)
        facts = [counted(fact) for fact in facts]
        for kind, names in names_of(facts).items():
            self.names.setdefault(kind, set()).update(names)
        for fact in facts:
            self.rollups.add_fact(fact)
        if not trace_id:
            return None
        if stored is not None:
            self.rollups.add_wrapper(counted_wrapper(stored, facts), 1)
            return None
        state = TraceState(trace_id, ties=ties)
        fold(state, facts)
        add_trace_difference(self.rollups, Change(TraceState(trace_id), state))
        self._add_parts(state)
        return state

    def _tie(self, trace_id: str, facts: Sequence[Fact]) -> tuple[int, Sequence[Fact]]:
        """Tie the events of a whole trace again, and note where they are tied otherwise."""
        responses = {fact.event_key: fact.tie.response for fact in facts if fact.tie}
        level, ties = tie_trace(facts if trace_id else (), responses)
        tied = []
        for fact in facts:
            tie = ties.get(fact.event_key)
            if tie != fact.tie:
                key = (trace_id, *fact.event_key)
                self.differences.append(Difference("tracking_event", key, fact.tie, tie))
                fact = msgspec.structs.replace(fact, tie=tie)
            tied.append(fact)
        return level, tied

    def _add_parts(self, state: TraceState) -> None:
        for part in state.parts.values():
            totals = self.sessions.setdefault(part.session_id, SessionTotals(part.session_id))
            totals.add_part(part)
            totals.add_user_of(part, state.user, state.claim_user)

    def _after(self, clause: str, *values: object) -> tuple[str, tuple[object, ...]]:
        """A condition for what lies after the horizon, if there is one, with its parameters."""
        if not self.horizon_us:
            return "", values
        return clause, (*values, datetime_of(self.horizon_us))

    def compare_traces(
        self, states: Sequence[TraceState], *, after: str, last: str | None
    ) -> Iterator[Difference]:
        """Compare the traces whose ids are beyond ``after``, up to ``last`` or the end."""
        where, values = "AND trace_id > %s", [after]
        if last is not None:
            where, values = where + " AND trace_id <= %s", [after, last]
        parts = [part_row(s.trace_id, part) for s in states for part in s.parts.values()]
        for table, rows, clause in (
            (TRACE, map(trace_row, states), AFTER),
            (PART, parts, OF_TRACES_AFTER),
        ):
            condition, parameters = self._after(clause, *values)
            stored = table.read(self.cursor, self.project_id, f"{where} {condition}", *parameters)
            yield from compare(table.name, stored, table.wire_rows(rows))

    def compare_sessions(self) -> Iterator[Difference]:
        sessions = self._whole_sessions()
        for table, rows, clause in (
            (SESSION, map(session_row, sessions), AFTER),
            (METRIC, metric_rows(sessions), OF_SESSIONS_AFTER),
            (ARM, arm_rows(sessions), OF_SESSIONS_AFTER),
        ):
            condition, parameters = self._after(clause.format(table=table.name))
            stored = table.read(self.cursor, self.project_id, condition, *parameters)
            yield from compare(table.name, stored, table.wire_rows(rows))

    def _whole_sessions(self) -> list[SessionTotals]:
        left_out = self.outliving_sessions
        return [totals for totals in self.sessions.values() if totals.session_id not in left_out]

    def compare_rollups(self) -> Iterator[Difference]:
        for totals in self._whole_sessions():
            self.rollups.add_session(totals, 1)
        fold_name = decide_names(self.cursor, self.project_id, self.names)
        stored = read_rollups(self.cursor, self.project_id, from_us=self.horizon_us)
        expected = {key: usage.values() for key, usage in self.rollups.rows(fold_name).items()}
        expected = {key: values for key, values in expected.items() if any(values)}
        yield from compare("tracking_usagerollup", stored, expected)


def counted_wrapper(state: TraceState, facts: Sequence[Fact]) -> Fact | None:
    """The wrapper span whose usage counts in a stored trace, if it is among these events."""
    if state.n_calls or state.wrapper_key is None:
        return None
    _, *key = state.wrapper_key
    return next((fact for fact in facts if fact.event_key == tuple(key)), None)


def verify_project(project_id: int) -> Iterator[Difference]:
    """Yield each difference between the stored aggregates of a project and its events."""
    with transaction.atomic(durable=True), open_cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield from find_differences(cursor, project_id)


def find_differences(cursor: psycopg.Cursor[Any], project_id: int) -> Iterator[Difference]:
    """Compare in the transaction that the cursor is in."""
    horizon_us = read_rules(cursor, project_id).horizon_us
    recount = Recount(cursor, project_id, horizon_us)
    last = ""
    for chunk in in_chunks(events_by_trace(cursor, project_id, from_us=horizon_us)):
        states = [s for trace_id, facts in chunk if (s := recount.add(trace_id, facts))]
        after, last = last, chunk[-1][0]
        yield from recount.compare_traces(states, after=after, last=last)
        yield from recount.differences
        recount.differences.clear()
    yield from recount.compare_traces([], after=last, last=None)
    yield from recount.compare_sessions()
    yield from recount.compare_rollups()


def compare(table: str, stored: Rows, expected: Rows) -> Iterator[Difference]:
    for key in stored.keys() | expected.keys():
        if not is_same(stored.get(key), expected.get(key)):
            yield Difference(table, key, stored.get(key), expected.get(key))


def events_by_trace(
    cursor: psycopg.Cursor[Any], project_id: int, *, from_us: int = 0
) -> Iterator[tuple[str, list[Fact]]]:
    """The stored events, streamed in order of trace; points of no trace come first, under ""."""
    horizon = datetime_of(from_us) if from_us else "-infinity"
    with psycopg.ServerCursor(cursor.connection, "events_by_trace") as stream:
        stream.itersize = 5_000
        stream.execute(EVENTS_BY_TRACE, (project_id, horizon))
        facts = map(fact_of_row, stream)
        for trace_id, group in itertools.groupby(facts, key=lambda fact: fact.event.trace_id):
            yield trace_id, list(group)


def in_chunks(
    traces: Iterable[tuple[str, list[Fact]]],
) -> Iterator[list[tuple[str, list[Fact]]]]:
    iterator = iter(traces)
    while chunk := list(itertools.islice(iterator, TRACES_AT_ONCE)):
        yield chunk
