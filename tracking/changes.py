"""The one way by which events move aggregates: digest and corrections both end here.

The caller holds the locks of the traces and has written the event rows in the same transaction.
"""

import datetime
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec
import psycopg

from tracking.dimensions import decide_names
from tracking.event_rows import load_facts, load_trace_facts
from tracking.faults import RaceError
from tracking.folding import Fact, TraceState, by_trace, exchange, fold, recount
from tracking.rollups import RollupDeltas, save_rollups
from tracking.session_deltas import session_deltas
from tracking.session_news import find_told, queue_refreshes
from tracking.sessions import apply_session_deltas
from tracking.ties import Tying, counted
from tracking.traces import Change, create_traces, lock_traces, save_traces
from tracking.tying import find_tied, tie_traces

REFRESH_AFTER = datetime.timedelta(seconds=2)


class Writing(msgspec.Struct, frozen=True):
    """What every step of a transaction that moves aggregates needs to know."""

    project_id: int
    cursor: psycopg.Cursor[Any]
    slot: int  # which rows of the rollups this process writes, to keep off other processes'
    now: datetime.datetime
    horizon_us: int = 0  # events before it were deleted: their traces cannot be folded anew
    has_contents: bool = True  # of the events: those read back from their rows are without


def apply_changes(
    writing: Writing,
    traces: dict[str, Change],
    *,
    added: Sequence[Fact],
    removed: Sequence[Fact] = (),
) -> None:
    """Add facts to, and take facts from, traces, sessions and rollups.

    ``traces`` are locked and loaded, or new. A trace that loses a fact is folded anew from its
    stored rows, which hold what is added already. Raises RaceError, which the next try cures.
    """
    rollups = RollupDeltas()
    moved = _move(writing, traces, added, removed, rollups)
    again, turn = traces, 1
    while raced := create_traces(writing.cursor, writing.project_id, again.values(), turn=turn):
        if any(traces[t].rebuilt or traces[t].after.ties for t in raced):
            raise RaceError(f"{len(raced)} traces were stored by another transaction meanwhile")
        again, turn = lock_traces(writing.cursor, writing.project_id, raced), turn + 1
        traces |= again
        moved = [fact for fact in moved if fact.event.trace_id not in again]
        gained = [fact for fact in added if fact.event.trace_id in again]
        moved += _move(writing, again, gained, (), rollups)
    for fact in moved:
        rollups.add_fact(fact)
    spread_changes(writing, list(traces.values()), rollups, added=added)


def _move(
    writing: Writing,
    traces: dict[str, Change],
    added: Sequence[Fact],
    removed: Sequence[Fact],
    rollups: RollupDeltas,
) -> list[Fact]:
    """Fold what was added and removed into the traces, and return what was added, as it counts.
    What was removed, or counts otherwise now, is moved in the rollups at once."""
    losses = by_trace(removed)
    outlived = {t for t in losses if outlives_events(traces[t].before, writing.horizon_us)}
    anew = _load_anew(writing, losses.keys() - outlived)
    for fact in removed:
        rollups.add_fact(counted(fact), -1)
    if (tied := find_tied(traces, added)) or anew:
        tying = tie_traces(
            writing.cursor,
            writing.project_id,
            traces,
            tied=tied,
            gains=by_trace(added),
            anew=anew,
        )
        added = tying.count(added)
        _spread_ties(writing, tying, traces, anew, rollups)
    wrappers = _load_wrappers(writing, [traces[trace_id] for trace_id in outlived])
    _fold_traces(traces, by_trace(added), losses, anew, wrappers)
    return list(added)


def _load_anew(writing: Writing, trace_ids: AbstractSet[str]) -> dict[str, list[Fact]]:
    """All stored events of the traces that are folded anew."""
    if not trace_ids:
        return {}
    stored = by_trace(load_trace_facts(writing.cursor, writing.project_id, sorted(trace_ids)))
    return {trace_id: stored.get(trace_id, []) for trace_id in trace_ids}


def _load_wrappers(writing: Writing, changes: Sequence[Change]) -> dict[str, Fact]:
    """What is stored of the wrappers of traces that may lose their last call."""
    keys = [key[1:] for change in changes if (key := change.before.wrapper_key) is not None]
    facts = load_facts(writing.cursor, writing.project_id, keys)
    return {fact.event.trace_id: fact for fact in facts}


def _spread_ties(
    writing: Writing,
    tying: Tying,
    traces: dict[str, Change],
    anew: dict[str, list[Fact]],
    rollups: RollupDeltas,
) -> None:
    """Count events that were stored before, and are tied otherwise now, as they are. Where metrics
    are lost, which may be the least or the last, the trace is folded anew from what is stored."""
    for trace_id, level in tying.levels.items():
        traces[trace_id].after.ties = level
    measured = {b.event.trace_id for b, a in tying.moved if b.event.metrics != a.event.metrics}
    outlived = {t for t in measured if outlives_events(traces[t].before, writing.horizon_us)}
    anew |= _load_anew(writing, measured - outlived - anew.keys())
    for trace_id, facts in anew.items():
        anew[trace_id] = tying.count(facts)
    for before, after in tying.moved:
        rollups.add_fact(before, -1)
        rollups.add_fact(after)
        change = traces[before.event.trace_id]
        if before.event.trace_id not in anew and before.event.kind != after.event.kind:
            recount(change.after, before, after)
            change.rebuilt |= before.event.trace_id in outlived


def spread_changes(
    writing: Writing,
    changed: Sequence[Change],
    rollups: RollupDeltas | None = None,
    *,
    added: Sequence[Fact] = (),
) -> None:
    """Save changed traces, and move sessions and rollups by what that means for them.

    ``added``: the events by which they grew. What else changes them is stored already.
    """
    cursor, project_id = writing.cursor, writing.project_id
    rollups = rollups or RollupDeltas()
    for change in changed:
        add_trace_difference(rollups, change)
    if changed:
        save_traces(cursor, project_id, changed)
        deltas = session_deltas(changed)
        for moved in apply_session_deltas(cursor, project_id, deltas):
            rollups.add_session(moved.before, -1)
            rollups.add_session(moved.after, 1)
        # A moment later: most events of a burst are in by then, and one refresh serves them all.
        due_at = writing.now + REFRESH_AFTER
        told = find_told(deltas, changed, added, is_whole=not writing.has_contents)
        queue_refreshes(cursor, project_id, told, due_at=due_at)
    # Digest has decided about new names already; the others are those of events stored before.
    rows = rollups.rows(decide_names(cursor, project_id, rollups.names()))
    save_rollups(cursor, project_id, rows.items(), slot=writing.slot, now=writing.now)


def _fold_traces(
    traces: dict[str, Change],
    gains: dict[str, list[Fact]],
    losses: dict[str, list[Fact]],
    anew: dict[str, list[Fact]],
    wrappers: dict[str, Fact],
) -> None:
    for trace_id, facts in gains.items():
        if trace_id not in losses and trace_id not in anew:
            fold(traces[trace_id].after, facts)
    for trace_id in losses.keys() - anew.keys():
        change = traces[trace_id]
        change.rebuilt = True
        exchange(
            change.after,
            map(counted, losses[trace_id]),
            gains.get(trace_id, ()),
            counted=change.before.counted_wrapper,
            wrapper=wrappers.get(trace_id),
        )
    for trace_id, facts in anew.items():
        change = traces[trace_id]
        change.after, change.rebuilt = TraceState(trace_id, ties=change.after.ties), True
        fold(change.after, facts)


def outlives_events(state: TraceState, horizon_us: int) -> bool:
    """Whether some of a trace's events may have been deleted for their age.

    A trace of scores alone has no times, which could tell.
    """
    return bool(horizon_us) and (state.first_us is None or state.first_us < horizon_us)


def add_trace_difference(rollups: RollupDeltas, change: Change) -> None:
    """Count what a trace's change means beyond its events: itself, and the wrapper that counts."""
    rollups.add_trace(change.before, -1)
    rollups.add_trace(change.after, 1)
    before, after = change.before.counted_wrapper, change.after.counted_wrapper
    if before is not after:
        rollups.add_wrapper(before, -1)
        rollups.add_wrapper(after, 1)
