"""The one way by which events move aggregates: digest and corrections both end here.

The caller holds the locks of the traces and has written the event rows in the same transaction.
"""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import psycopg

from tracking.event_rows import load_trace_facts
from tracking.folding import Fact, TraceState, fold
from tracking.rollups import Fold, RollupDeltas, save_rollups
from tracking.session_deltas import session_deltas
from tracking.sessions import apply_session_deltas
from tracking.traces import Change, save_traces

REFRESH_AFTER = datetime.timedelta(seconds=2)


class Writing(msgspec.Struct, frozen=True):
    """What every step of a transaction that moves aggregates needs to know."""

    project_id: int
    cursor: psycopg.Cursor[Any]
    fold_name: Fold
    slot: int  # which rows of the rollups this process writes, to keep off other processes'
    now: datetime.datetime


def apply_changes(
    writing: Writing,
    traces: dict[str, Change],
    *,
    added: Sequence[Fact],
    removed: Sequence[Fact] = (),
) -> None:
    """Add facts to, and take facts from, traces, sessions and rollups.

    ``traces`` are locked and loaded. A trace that loses a fact is folded anew from its stored rows,
    which hold what is added already.
    """
    cursor, project_id = writing.cursor, writing.project_id
    _fold_traces(cursor, project_id, traces, added, removed)
    changed = list(traces.values())
    rollups = RollupDeltas()
    for fact in removed:
        rollups.add_fact(fact, -1)
    for fact in added:
        rollups.add_fact(fact)
    for change in changed:
        add_trace_difference(rollups, change)
    if changed:
        save_traces(cursor, project_id, changed)
        # A moment later: most events of a burst are in by then, and one refresh serves them all.
        due_at = writing.now + REFRESH_AFTER
        deltas = session_deltas(changed)
        for moved in apply_session_deltas(cursor, project_id, deltas, due_at=due_at):
            rollups.add_session(moved.before, -1)
            rollups.add_session(moved.after, 1)
    rows = rollups.rows(writing.fold_name)
    save_rollups(cursor, project_id, rows.items(), slot=writing.slot)


def _fold_traces(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    traces: dict[str, Change],
    added: Iterable[Fact],
    removed: Iterable[Fact],
) -> None:
    losing = {fact.event.trace_id for fact in removed} - {""}
    for trace_id, facts in by_trace(added).items():
        if trace_id not in losing:
            fold(traces[trace_id].after, facts)
    if losing:
        stored = by_trace(load_trace_facts(cursor, project_id, sorted(losing)))
        for trace_id in losing:
            change = traces[trace_id]
            change.after, change.rebuilt = TraceState(trace_id), True
            fold(change.after, stored.get(trace_id, ()))


def by_trace(facts: Iterable[Fact]) -> dict[str, list[Fact]]:
    """Group by trace. Points that belong to no trace touch rollups only."""
    groups: defaultdict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        if fact.event.trace_id:
            groups[fact.event.trace_id].append(fact)
    return groups


def add_trace_difference(rollups: RollupDeltas, change: Change) -> None:
    """Count what a trace's change means beyond its events: itself, and the wrapper that counts."""
    rollups.add_trace(change.before, -1)
    rollups.add_trace(change.after, 1)
    before, after = change.before.counted_wrapper, change.after.counted_wrapper
    if before is not after:
        rollups.add_wrapper(before, -1)
        rollups.add_wrapper(after, 1)
