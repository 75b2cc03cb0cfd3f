"""The one way by which events move aggregates: digest and corrections both end here.

The caller holds the locks of the traces and has written the event rows in the same transaction.
"""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import psycopg

from tracking.dimensions import decide_names
from tracking.event_rows import load_trace_facts
from tracking.folding import Fact, TraceState, fold, unfold
from tracking.rollups import RollupDeltas, save_rollups
from tracking.session_deltas import session_deltas
from tracking.sessions import apply_session_deltas
from tracking.traces import Change, save_traces

REFRESH_AFTER = datetime.timedelta(seconds=2)


class Writing(msgspec.Struct, frozen=True):
    """What every step of a transaction that moves aggregates needs to know."""

    project_id: int
    cursor: psycopg.Cursor[Any]
    slot: int  # which rows of the rollups this process writes, to keep off other processes'
    now: datetime.datetime
    horizon_us: int = 0  # events before it were deleted: their traces cannot be folded anew


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
    _fold_traces(writing, traces, added, removed)
    rollups = RollupDeltas()
    for fact in removed:
        rollups.add_fact(fact, -1)
    for fact in added:
        rollups.add_fact(fact)
    spread_changes(writing, list(traces.values()), rollups)


def spread_changes(
    writing: Writing, changed: Sequence[Change], rollups: RollupDeltas | None = None
) -> None:
    """Save changed traces, and move sessions and rollups by what that means for them."""
    cursor, project_id = writing.cursor, writing.project_id
    rollups = rollups or RollupDeltas()
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
    # Digest has decided about new names already; the others are those of events stored before.
    rows = rollups.rows(decide_names(cursor, project_id, rollups.names()))
    save_rollups(cursor, project_id, rows.items(), slot=writing.slot)


def _fold_traces(
    writing: Writing,
    traces: dict[str, Change],
    added: Iterable[Fact],
    removed: Iterable[Fact],
) -> None:
    losses, gains = by_trace(removed), by_trace(added)
    outlived = {t for t in losses if outlives_events(traces[t].before, writing.horizon_us)}
    for trace_id, facts in gains.items():
        if trace_id not in losses:
            fold(traces[trace_id].after, facts)
    for trace_id in outlived:
        change = traces[trace_id]
        change.rebuilt = True
        unfold(change.after, losses[trace_id])
        fold(change.after, gains.get(trace_id, ()))
    if whole := sorted(losses.keys() - outlived):
        stored = by_trace(load_trace_facts(writing.cursor, writing.project_id, whole))
        for trace_id in whole:
            change = traces[trace_id]
            change.after, change.rebuilt = TraceState(trace_id), True
            fold(change.after, stored.get(trace_id, ()))


def outlives_events(state: TraceState, horizon_us: int) -> bool:
    """Whether some of a trace's events may have been deleted for their age.

    A trace of scores alone has no times, which could tell.
    """
    return bool(horizon_us) and (state.first_us is None or state.first_us < horizon_us)


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
