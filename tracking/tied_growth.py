"""Traces tied where they grew.

New spans ask their parents what passes down to them, and tell those below what these did not know;
new calls meet the calls around them. Rows are found by the indexes of tied spans alone, so what a
trace costs that comes in many pieces grows with its events, not with their square.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import psycopg

from tracking.event_rows import EventKey
from tracking.folding import Fact, Tie, by_trace
from tracking.reports import (
    Call,
    all_crowded,
    find_duplicates,
    is_call,
    names_one_call,
    response_of,
)
from tracking.staging import datetime_of
from tracking.tied_rows import (
    Reach,
    Span,
    load_calls_below,
    load_calls_beside,
    load_first_spans,
    load_responses,
    load_spans,
    pass_down,
)
from tracking.ties import (
    NO_TAG,
    REPORTED,
    TANGLED,
    TIED,
    Ancestry,
    Tag,
    Tying,
    below,
    passes_down,
)
from tracking.traces import Change

Groups = Mapping[str, Sequence[Fact]]
"""Facts by trace."""


def is_tied_well(change: Change, facts: Sequence[Fact]) -> bool:
    """Whether a stored trace can be tied where these facts touch it. One that is told of by a
    second reporter for the first time cannot."""
    before = change.before
    if not before.ties:
        return False
    reporters = {fact.event.origin for fact in facts if is_call(fact.event)}
    if before.reporter is not None:
        reporters.add(before.reporter)
    return bool(before.ties & REPORTED) or len(reporters) < 2


def tie_grown(
    tying: Tying,
    cursor: psycopg.Cursor[Any],
    project_id: int,
    traces: Mapping[str, Change],
    groups: Groups,
) -> Groups:
    """Tie what the traces gained, and return those where that was all. In the others a span came
    before the first of its id, or is the first twin of its trace, or a call's report changes what
    others are told."""
    if not groups:
        return {}
    reach = _reach_of(traces, groups)
    near = _load_near(cursor, project_id, traces, groups, reach)
    groups = {t: f for t, f in groups.items() if not _is_turned(traces[t], f, near.get(t, ()))}
    reported = {t: facts for t, facts in groups.items() if traces[t].before.ties & REPORTED}
    meetings = _load_meetings(cursor, project_id, reported, near, reach)
    grown = {}
    for trace_id, facts in groups.items():
        known = {span_id: below(fact) for span_id, fact in _heads(near.get(trace_id, ())).items()}
        meeting = meetings.get(trace_id, _NOBODY)
        ancestry = Ancestry(facts, known, meeting.duplicates)
        if meeting.reaches_far:
            continue
        grown[trace_id] = facts
        bits = TIED if any(passes_down(fact.event) for fact in facts) else 0
        tying.levels[trace_id] = traces[trace_id].before.ties | bits
        heads = _heads(facts).items()
        tying.heads |= {fact.event_key for span_id, fact in heads if span_id not in known}
        for fact in facts:
            tying.set(fact, _tie_of(fact, ancestry, meeting), is_added=True)
        for fact, tie in meeting.changed:
            tying.set(fact, tie, is_added=False)
    return grown


def _load_near(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    traces: Mapping[str, Change],
    groups: Groups,
    reach: Reach,
) -> Groups:
    """The stored spans that have the ids of these or of their parents; of equal ids the first."""
    plain: list[Span] = []
    tangled: list[Span] = []
    for trace_id, facts in groups.items():
        wanted = tangled if traces[trace_id].before.ties & TANGLED else plain
        ids = {f.event.parent_span_id for f in facts} | {f.event.span_id for f in facts}
        wanted += [(trace_id, span_id) for span_id in ids if span_id]
    near = load_spans(cursor, project_id, plain, reach)
    return by_trace(near + load_first_spans(cursor, project_id, tangled, reach))


def _heads(facts: Iterable[Fact]) -> dict[str, Fact]:
    """By id, the span that is the parent of those below it: the first one."""
    heads: dict[str, Fact] = {}
    for fact in sorted(facts, key=lambda fact: fact.event_key):
        if fact.event.duration_us is not None and fact.event.span_id:
            heads.setdefault(fact.event.span_id, fact)
    return heads


def _is_turned(change: Change, facts: Sequence[Fact], stored: Sequence[Fact]) -> bool:
    """Whether others are to be told anew: a span came before the one that was the first of its id
    until now, as a span or as a call, or the trace is tangled from now on."""
    spans, calls = _heads(stored), _heads(fact for fact in stored if is_call(fact.event))
    if not change.before.ties & TANGLED:
        named = [f.event.span_id for f in facts if f.event.duration_us is not None]
        named = [span_id for span_id in named if span_id]
        return len(set(named)) < len(named) or not spans.keys().isdisjoint(named)
    return any(
        (head := heads.get(fact.event.span_id)) is not None and fact.event_key < head.event_key
        for heads in (spans, calls)
        for fact in facts
        if heads is spans or is_call(fact.event)
    )


class _Meeting(msgspec.Struct):
    """What new calls and the stored ones around them tell of the same calls."""

    duplicates: dict[EventKey, bytes] = {}
    responses: dict[EventKey, int] = {}  # of the new calls
    changed: list[tuple[Fact, Tie]] = []  # stored ones, with their new ties
    reaches_far: bool = False  # the whole trace is to be looked at


_NOBODY = _Meeting()


def _tie_of(fact: Fact, ancestry: Ancestry, meeting: _Meeting) -> Tie | None:
    if fact.event.duration_us is None:
        return None
    key = fact.event_key
    same_as = meeting.duplicates.get(key, b"")
    return Tie(*ancestry.above(fact.event), same_as, meeting.responses.get(key, 0))


def _load_meetings(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    groups: Groups,
    near: Groups,
    reach: Reach,
) -> dict[str, _Meeting]:
    calls = {t: [f for f in facts if is_call(f.event)] for t, facts in groups.items()}
    new = [fact for facts in calls.values() for fact in facts]
    if not new:
        return {}
    told = {t: _heads(f for f in near.get(t, ()) if is_call(f.event)) for t in calls}
    spans = [
        (trace_id, span_id)
        for trace_id, facts in calls.items()
        for span_id in _heads(facts)
        if span_id not in told[trace_id]  # else a stored one is what those below lie in
    ]
    around = load_calls_below(cursor, project_id, spans, reach) if spans else []
    if placed := [f for f in new if f.event.parent_span_id and f.event.tokens_out]:
        around += load_calls_beside(cursor, project_id, placed, reach)
    said = {f.event_key: response_of(f.event.payload.attributes) for f in new}
    if named := [(f.event.trace_id, said[f.event_key]) for f in new if said[f.event_key]]:
        around += load_responses(cursor, project_id, named, reach)
    stored = by_trace(around)
    return {
        t: _meet(facts, [*near.get(t, ()), *stored.get(t, ())], said)
        for t, facts in calls.items()
        if facts
    }


def _meet(new: Sequence[Fact], around: Sequence[Fact], responses: dict[EventKey, int]) -> _Meeting:
    stored = {fact.event_key: fact for fact in around if is_call(fact.event)}
    told = [(fact, fact.tie.response if fact.tie else 0) for fact in stored.values()]
    calls = [*((fact, responses[fact.event_key]) for fact in new), *told]
    if _is_unsettled(told, calls):
        return _Meeting(reaches_far=True)
    meeting = _Meeting(responses={fact.event_key: responses[fact.event_key] for fact in new})
    asked = set(meeting.responses.values()) - {0}
    meeting.duplicates = find_duplicates(calls, new=meeting.responses, responses=asked)
    for key in stored.keys() & meeting.duplicates.keys():
        fact, tie = stored[key], stored[key].tie or Tie()
        same_as = min(tie.same_as or meeting.duplicates[key], meeting.duplicates[key])
        if same_as != tie.same_as:
            # What does not count passes the prompt that it names down.
            meeting.reaches_far |= not tie.same_as and fact.event.prompt_key != ""
            meeting.changed.append((fact, msgspec.structs.replace(tie, same_as=same_as)))
    return meeting


def _is_unsettled(before: Sequence[Call], after: Sequence[Call]) -> bool:
    """Whether what told reports of one call apart until now does so no more."""
    stored = {fact.event_key for fact, _ in before}
    if (all_crowded(after) - all_crowded(before)) & stored:
        return True
    earlier, later = _by_response(before), _by_response(after)
    return any(
        names_one_call(facts) and not names_one_call(later[response])
        for response, facts in earlier.items()
    )


def _by_response(calls: Sequence[Call]) -> dict[int, list[Fact]]:
    found: defaultdict[int, list[Fact]] = defaultdict(list)
    for fact, response in calls:
        if response:
            found[response].append(fact)
    return found


def tell_below(
    tying: Tying,
    cursor: psycopg.Cursor[Any],
    project_id: int,
    traces: Mapping[str, Change],
    groups: Groups,
) -> None:
    """Tell what the new spans pass down to those that are below them."""
    said: dict[Span, Tag] = {}
    for trace_id, facts in groups.items():
        for fact in facts:
            tied = msgspec.structs.replace(fact, tie=tying.ties[fact.event_key])
            if fact.event_key in tying.heads and (tag := below(tied)) != NO_TAG:
                said[trace_id, fact.event.span_id] = tag
    if not said:
        return
    new = {fact.event_key for facts in groups.values() for fact in facts}
    reach = _reach_of(traces, groups)
    is_tangled = any(traces[trace_id].before.ties & TANGLED for trace_id in groups)
    for fact in pass_down(cursor, project_id, said, reach, is_tangled=is_tangled):
        tie = fact.tie or Tie()
        if fact.event_key in new:
            tying.ties[fact.event_key] = tie
        else:
            silent = msgspec.structs.replace(tie, prompt_key="", prompt_version="")
            tying.move(msgspec.structs.replace(fact, tie=silent), fact)


def _reach_of(traces: Mapping[str, Change], groups: Groups) -> Reach:
    """The times of all spans of these traces, old and new."""
    times = [fact.event.occurred_us for facts in groups.values() for fact in facts]
    for trace_id in groups:
        before = traces[trace_id].before
        times += [us for us in (before.first_us, before.last_us) if us is not None]
    return datetime_of(min(times)), datetime_of(max(times))
