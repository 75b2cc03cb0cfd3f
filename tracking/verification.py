"""Every aggregate computed again from the events and compared with what is stored.

The events are read trace by trace in one snapshot and folded from nothing by the pure code that
digest uses. A difference means that a delta went wrong, or that rows were changed by hand.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import transaction

from tracking.changes import add_trace_difference
from tracking.dimensions import decide_names, names_of
from tracking.event_rows import SELECT, fact_of_row
from tracking.folding import Fact, TraceState, fold
from tracking.rollups import RollupDeltas, read_rollups
from tracking.session_deltas import SessionTotals
from tracking.sessions import arm_rows, metric_rows, session_row
from tracking.staging import open_cursor
from tracking.stored_rows import ARM, METRIC, PART, SESSION, TRACE, Rows, is_same
from tracking.traces import Change, part_row, trace_row

TRACES_AT_ONCE = 2_000
EVENTS_BY_TRACE = SELECT + " WHERE e.project_id = %s ORDER BY e.trace_id"


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

    def __init__(self, cursor: psycopg.Cursor[Any], project_id: int) -> None:
        self.cursor, self.project_id = cursor, project_id
        self.sessions: dict[str, SessionTotals] = {}
        self.rollups = RollupDeltas()
        self.names: dict[str, set[str]] = {}

    def add(self, trace_id: str, facts: Sequence[Fact]) -> TraceState | None:
        for fact in facts:
            self.rollups.add_fact(fact)
        for kind, names in names_of(facts).items():
            self.names.setdefault(kind, set()).update(names)
        if not trace_id:
            return None
        state = TraceState(trace_id)
        fold(state, facts)
        add_trace_difference(self.rollups, Change(TraceState(trace_id), state))
        for part in state.parts.values():
            totals = self.sessions.setdefault(part.session_id, SessionTotals(part.session_id))
            totals.add_part(part)
            totals.add_user(state.user, state.claim_user)
        return state

    def compare_traces(
        self, states: Sequence[TraceState], *, after: str, last: str | None
    ) -> Iterator[Difference]:
        """Compare the traces whose ids are beyond ``after``, up to ``last`` or the end."""
        where, values = "AND trace_id > %s", [after]
        if last is not None:
            where, values = where + " AND trace_id <= %s", [after, last]
        parts = [part_row(s.trace_id, part) for s in states for part in s.parts.values()]
        for table, rows in ((TRACE, map(trace_row, states)), (PART, parts)):
            stored = table.read(self.cursor, self.project_id, where, *values)
            yield from compare(table.name, stored, table.wire_rows(rows))

    def compare_sessions(self) -> Iterator[Difference]:
        sessions = list(self.sessions.values())
        for table, rows in (
            (SESSION, map(session_row, sessions)),
            (METRIC, metric_rows(sessions)),
            (ARM, arm_rows(sessions)),
        ):
            stored = table.read(self.cursor, self.project_id)
            yield from compare(table.name, stored, table.wire_rows(rows))

    def compare_rollups(self) -> Iterator[Difference]:
        for totals in self.sessions.values():
            self.rollups.add_session(totals, 1)
        fold_name = decide_names(self.cursor, self.project_id, self.names)
        stored = read_rollups(self.cursor, self.project_id)
        expected = {key: usage.values() for key, usage in self.rollups.rows(fold_name).items()}
        expected = {key: values for key, values in expected.items() if any(values)}
        yield from compare("tracking_usagerollup", stored, expected)


def verify_project(project_id: int) -> Iterator[Difference]:
    """Yield each difference between the stored aggregates of a project and its events."""
    with transaction.atomic(durable=True), open_cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield from find_differences(cursor, project_id)


def find_differences(cursor: psycopg.Cursor[Any], project_id: int) -> Iterator[Difference]:
    """Compare in the transaction that the cursor is in."""
    recount = Recount(cursor, project_id)
    last = ""
    for chunk in in_chunks(events_by_trace(cursor, project_id)):
        states = [s for trace_id, facts in chunk if (s := recount.add(trace_id, facts))]
        after, last = last, chunk[-1][0]
        yield from recount.compare_traces(states, after=after, last=last)
    yield from recount.compare_traces([], after=last, last=None)
    yield from recount.compare_sessions()
    yield from recount.compare_rollups()


def compare(table: str, stored: Rows, expected: Rows) -> Iterator[Difference]:
    for key in stored.keys() | expected.keys():
        if not is_same(stored.get(key), expected.get(key)):
            yield Difference(table, key, stored.get(key), expected.get(key))


def events_by_trace(
    cursor: psycopg.Cursor[Any], project_id: int
) -> Iterator[tuple[str, list[Fact]]]:
    """The stored events, streamed in order of trace; points of no trace come first, under ""."""
    with psycopg.ServerCursor(cursor.connection, "events_by_trace") as stream:
        stream.itersize = 5_000
        stream.execute(EVENTS_BY_TRACE, (project_id,))
        facts = map(fact_of_row, stream)
        for trace_id, group in itertools.groupby(facts, key=lambda fact: fact.event.trace_id):
            yield trace_id, list(group)


def in_chunks(
    traces: Iterable[tuple[str, list[Fact]]],
) -> Iterator[list[tuple[str, list[Fact]]]]:
    iterator = iter(traces)
    while chunk := list(itertools.islice(iterator, TRACES_AT_ONCE)):
        yield chunk
