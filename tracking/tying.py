"""Ties moved with the events they come from, in the transaction that moves the sums.

A trace that comes whole, or is folded anew, is tied in memory. One that grows is tied where it
grew: new spans ask their parents alone, and tell those below them what these did not know. What a
trace costs that comes in many pieces grows with its events, not with their square; only one whose
spans share ids is read whole each time.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import psycopg

from tracking.event_rows import EventKey, load_trace_facts
from tracking.folding import Fact, Tie, by_trace
from tracking.staging import datetime_of
from tracking.tied_rows import Reach, Span, load_spans, pass_down, save_ties
from tracking.ties import (
    NO_TAG,
    TIED,
    UNTIED,
    Ancestry,
    Tag,
    below,
    counted,
    passes_down,
    tie_trace,
)
from tracking.traces import Change

Groups = Mapping[str, Sequence[Fact]]
"""Facts by trace."""


class Tying(msgspec.Struct):
    """The ties of events that were added, and what they change of events stored before."""

    levels: dict[str, int] = {}  # by trace: how much it is tied
    ties: dict[EventKey, Tie | None] = {}
    moved: list[tuple[Fact, Fact]] = []  # as they counted, and as they count now
    unsaved: list[tuple[EventKey, Tie | None]] = []

    def count(self, facts: Iterable[Fact]) -> list[Fact]:
        """Facts as sums count them now."""
        return [
            counted(msgspec.structs.replace(fact, tie=self.ties[fact.event_key]))
            if fact.event_key in self.ties
            else fact
            for fact in facts
        ]

    def set(self, fact: Fact, tie: Tie | None, *, is_added: bool) -> None:
        """Tie a fact; ``fact.tie`` is what is stored of it."""
        self.ties[fact.event_key] = tie
        if tie != fact.tie:
            self.unsaved.append((fact.event_key, tie))
            if not is_added:
                self.move(fact, msgspec.structs.replace(fact, tie=tie))

    def move(self, before: Fact, after: Fact) -> None:
        old, new = counted(before), counted(after)
        if old.event != new.event:
            self.moved.append((old, new))


def find_tied(traces: Mapping[str, Change], added: Iterable[Fact]) -> set[str]:
    """The traces that are tied already, or become so by these facts."""
    tied = {trace_id for trace_id, change in traces.items() if change.before.ties}
    for fact in added:
        event = fact.event
        if (event.prompt_key and passes_down(event)) or fact.tie is not None:
            tied.add(event.trace_id)
    return tied & traces.keys()


def tie_traces(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    traces: Mapping[str, Change],
    *,
    tied: set[str],
    gains: Groups,
    anew: dict[str, list[Fact]],
) -> Tying:
    """Tie the traces among ``tied`` that gain facts, and those that are folded ``anew`` from all
    their stored events. Events and their rows are locked and written, but for their ties."""
    tying = Tying()
    growing = {t: gains[t] for t in tied if t in gains and t not in anew}
    coming = {t: facts for t, facts in growing.items() if not traces[t].before.parts}
    for trace_id, facts in coming.items():
        _tie_whole(tying, trace_id, facts, gained={fact.event_key for fact in facts})
    tied_well = {t for t in growing.keys() - coming.keys() if traces[t].before.ties == TIED}
    grown = _tie_grown(tying, cursor, project_id, traces, {t: growing[t] for t in tied_well})
    unread = sorted(growing.keys() - coming.keys() - grown.keys())
    stored = by_trace(load_trace_facts(cursor, project_id, unread)) if unread else {}
    for trace_id, facts in (anew | stored).items():
        _tie_whole(tying, trace_id, facts, gained={f.event_key for f in gains.get(trace_id, ())})
    save_ties(cursor, project_id, tying.unsaved)
    if grown:
        _tell_below(tying, cursor, project_id, grown, _reach_of(traces, grown))
    return tying


def _tie_whole(
    tying: Tying, trace_id: str, facts: Sequence[Fact], *, gained: Container[EventKey]
) -> None:
    level, ties = tie_trace(facts)
    tying.levels[trace_id] = level
    for fact in facts if level != UNTIED else [fact for fact in facts if fact.tie is not None]:
        tying.set(fact, ties.get(fact.event_key), is_added=fact.event_key in gained)


def _tie_grown(
    tying: Tying,
    cursor: psycopg.Cursor[Any],
    project_id: int,
    traces: Mapping[str, Change],
    groups: Groups,
) -> Groups:
    """Tie what tied traces gained by what its parents pass down; return those that were tied so.
    The others hold two spans of one id by now."""
    near: dict[str, list[Fact]] = {}
    if wanted := {
        (trace_id, span_id)
        for trace_id, facts in groups.items()
        for fact in facts
        for span_id in (fact.event.span_id, fact.event.parent_span_id)
        if span_id
    }:
        near = by_trace(load_spans(cursor, project_id, wanted, _reach_of(traces, groups)))
    grown = {}
    for trace_id, facts in groups.items():
        known = {fact.event.span_id: below(fact) for fact in near.get(trace_id, ())}
        ancestry = Ancestry(facts, known)
        if ancestry.is_tangled or not known.keys().isdisjoint(f.event.span_id for f in facts):
            continue
        grown[trace_id] = facts
        tying.levels[trace_id] = TIED
        for fact in facts:
            tying.set(fact, ancestry.tie_of(fact.event), is_added=True)
    return grown


def _tell_below(
    tying: Tying,
    cursor: psycopg.Cursor[Any],
    project_id: int,
    groups: Groups,
    reach: Reach,
) -> None:
    """Tell what the new spans pass down to those that are below them."""
    said: dict[Span, Tag] = {}
    for trace_id, facts in groups.items():
        for fact in facts:
            tied = msgspec.structs.replace(fact, tie=tying.ties[fact.event_key])
            if fact.event.span_id and (tag := below(tied)) != NO_TAG:
                said[trace_id, fact.event.span_id] = tag
    if not said:
        return
    for fact in pass_down(cursor, project_id, said, reach):
        if fact.event_key in tying.ties:
            tying.ties[fact.event_key] = fact.tie
        else:
            tying.move(msgspec.structs.replace(fact, tie=Tie()), fact)


def _reach_of(traces: Mapping[str, Change], groups: Groups) -> Reach:
    """The times of all spans of these traces, old and new."""
    times = [fact.event.occurred_us for facts in groups.values() for fact in facts]
    for trace_id in groups:
        before = traces[trace_id].before
        times += [us for us in (before.first_us, before.last_us) if us is not None]
    return datetime_of(min(times)), datetime_of(max(times))
