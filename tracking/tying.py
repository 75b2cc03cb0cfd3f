"""Ties moved with the events they come from, in the transaction that moves the sums.

A trace that comes whole, or is folded anew, is tied in memory; one that grows is tied where it
grew (tracking.tied_growth), unless what came changes more than what it touches.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg

from tracking.event_rows import EventKey, load_trace_facts
from tracking.events import CALL_KINDS, EMPTY_PAYLOAD
from tracking.folding import Fact, by_trace
from tracking.payloads import Place, load_payloads
from tracking.reports import is_call, response_of
from tracking.staging import datetime_of
from tracking.tied_growth import Groups, is_tied_well, tell_below, tie_grown
from tracking.tied_rows import save_ties
from tracking.ties import REPORTED, UNTIED, Tying, passes_down, tie_trace
from tracking.traces import Change


def find_tied(traces: Mapping[str, Change], added: Iterable[Fact]) -> set[str]:
    """The traces that are tied already, or become so by these facts."""
    tied = {trace_id for trace_id, change in traces.items() if change.before.ties}
    reporters = {t: c.before.reporter for t, c in traces.items() if c.before.reporter is not None}
    for fact in added:
        event = fact.event
        if event.kind in CALL_KINDS:
            if reporters.setdefault(event.trace_id, event.origin) != event.origin:
                tied.add(event.trace_id)
        elif event.prompt_key and passes_down(event):
            tied.add(event.trace_id)
        if fact.tie is not None:
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
    growing = {
        t: gains[t]
        for t in tied
        if t in gains and t not in anew and not _is_tied_already(traces[t], gains[t])
    }
    coming = {t: facts for t, facts in growing.items() if not traces[t].before.parts}
    known = {t: facts for t, facts in growing.items() if is_tied_well(traces[t], facts)}
    grown = tie_grown(tying, cursor, project_id, traces, known)
    unread = sorted(growing.keys() - coming.keys() - grown.keys())
    stored = by_trace(load_trace_facts(cursor, project_id, unread)) if unread else {}
    for trace_id, facts in (coming | anew | stored).items():
        added = {fact.event_key: fact for fact in gains.get(trace_id, ())}
        has_reports = bool(traces[trace_id].before.ties & REPORTED)
        responses = _load_responses(project_id, facts, added, has_reports=has_reports)
        _tie_whole(tying, trace_id, facts, added, responses)
    save_ties(cursor, project_id, tying.unsaved)
    if grown:
        tell_below(tying, cursor, project_id, traces, grown)
    return tying


def _is_tied_already(change: Change, facts: Sequence[Fact]) -> bool:
    """Whether these are stored events of a trace that outlives some, priced anew: what was said
    above them may be gone, and stays said."""
    return bool(change.before.parts) and all(fact.tie is not None for fact in facts)


def _tie_whole(
    tying: Tying,
    trace_id: str,
    facts: Sequence[Fact],
    added: Mapping[EventKey, Fact],
    responses: Mapping[EventKey, int],
) -> None:
    level, ties = tie_trace(facts, responses)
    tying.levels[trace_id] = level
    for fact in facts if level != UNTIED else [fact for fact in facts if fact.tie is not None]:
        tying.set(fact, ties.get(fact.event_key), is_added=fact.event_key in added)


def _load_responses(
    project_id: int, facts: Sequence[Fact], added: Mapping[EventKey, Fact], *, has_reports: bool
) -> dict[EventKey, int]:
    """The ids of the answers of these calls: as they are tied, as they came, else as stored in
    their payloads, which are read when a second reporter tells of the trace for the first time."""
    calls = [fact for fact in facts if is_call(fact.event)]
    if len({call.event.origin for call in calls}) < 2:
        return {}
    responses: dict[EventKey, int] = {}
    places: dict[EventKey, Place] = {}
    for call in calls:
        key, source = call.event_key, added.get(call.event_key, call)
        if call.tie is not None and has_reports:
            responses[key] = call.tie.response
        elif source.event.payload is not EMPTY_PAYLOAD:
            responses[key] = response_of(source.event.payload.attributes)
        elif source.block_id:
            places[key] = datetime_of(key[0]), source.block_id, source.block_ix
    payloads = load_payloads(project_id, list(places.values())) if places else []
    for key, payload in zip(places, payloads, strict=True):
        responses[key] = response_of(payload.attributes)
    return responses
