"""What belongs to an erased subject, taken out of facts and aggregates: traces and documents.

A step locks all its documents, then all its traces, in the order in which digest locks them, before
it takes anything away.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from isal import isal_zlib

from tracking.changes import Writing, outlives_events, spread_changes
from tracking.corrections import write_deltas
from tracking.derived_keys import unpack_derived
from tracking.documents import DocumentKey, lock_documents
from tracking.event_rows import EventKey, find_traces, load_facts, load_trace_facts
from tracking.folding import TraceState
from tracking.mentions import names_said
from tracking.staging import clear_stages
from tracking.subjects import Belongings, Subject, find_belongings
from tracking.tombstones import (
    SESSION_OF_USER,
    TRACE_OF,
    USER,
    is_any_erased,
    names_kind,
    note_sessions,
    note_traces,
    tombstone_hash,
)
from tracking.traces import lock_stored

Cursor = psycopg.Cursor[Any]

EXISTING = "SELECT session_id FROM tracking_session WHERE project_id = %s AND session_id = ANY (%s)"
DELETE_TEXTS = "DELETE FROM tracking_sessiontext WHERE project_id = %s AND session_id = ANY (%s)"
DELETE_NEWS = "DELETE FROM tracking_sessionnews WHERE project_id = %s AND session_id = ANY (%s)"
DELETE_REFRESHES = (
    "DELETE FROM tracking_sessiontorefresh WHERE project_id = %s AND session_id = ANY (%s)"
)
FORGET_EXAMPLES = (
    "UPDATE tracking_unmappedattribute SET trace_id = '', span_id = ''"
    " WHERE project_id = %s AND trace_id = ANY (%s)"
)
LEFT = (
    "SELECT hash, trace_id FROM tracking_erasedtrace"
    " WHERE project_id = %s AND trace_id <> '' LIMIT %s"
)
OF_SESSIONS = (
    "SELECT p.trace_id, p.session_own FROM tracking_session s"
    " JOIN tracking_tracepart p USING (project_id, session_id)"
    " JOIN tracking_trace t USING (project_id, trace_id)"
    " WHERE s.project_id = %s AND s.session_id = ANY (%s) AND s.user_id = '' AND t.claim_user = ''"
    " ORDER BY p.trace_id, p.session_own LIMIT %s"
)
SWEPT = (
    "UPDATE tracking_erasedtrace SET trace_id = '' WHERE project_id = %s AND trace_id = ANY (%s)"
)
DOCUMENT = (
    "SELECT derived, summary::text FROM tracking_document"
    " WHERE project_id = %s AND system = %s AND key = %s"
)
DERIVED = (
    "SELECT derived FROM tracking_document JOIN unnest(%s::text[], %s::text[]) k (system, key)"
    " USING (system, key) WHERE project_id = %s"
)
PARTS = "SELECT body FROM tracking_documentpart WHERE project_id = %s AND system = %s AND key = %s"
DELETE_DOCUMENT = "DELETE FROM {table} WHERE project_id = %s AND system = %s AND key = %s"


@dataclass(slots=True)
class Erased:
    """What was taken away: sessions that are gone, and events."""

    sessions: list[str] = field(default_factory=list)
    n_events: int = 0


def erase_traces(writing: Writing, subject: Subject, trace_ids: Sequence[str]) -> Erased:
    """Erase what is the subject's in these traces."""
    cursor, project_id = writing.cursor, writing.project_id
    ids = sorted(set(trace_ids) - {""})
    lock_stored(cursor, project_id, ids)
    belongings = find_belongings(cursor, subject, ids)
    facts = list(load_trace_facts(cursor, project_id, ids))
    chosen = [fact for fact in facts if belongings.has_event(fact)]
    met = {part.session_id for state in belongings.states.values() for part in state.parts.values()}
    note_traces(cursor, project_id, subject.kind, _traces_of(belongings))
    # Other steps may take away what says whose a session is: what is left of it is swept then.
    note_sessions(cursor, project_id, belongings.sessions, keep_id=True)
    _retract(writing, [fact.event_key for fact in chosen])
    kept = {(f.event.trace_id, f.event.session_own) for f in facts} - {
        (f.event.trace_id, f.event.session_own) for f in chosen
    }
    _drop_outlived(writing, belongings, kept)
    cursor.execute(FORGET_EXAMPLES, (project_id, ids))
    gone = _forget_sessions(cursor, project_id, met)
    return Erased(gone, len(chosen))


def _traces_of(belongings: Belongings) -> set[str]:
    """The traces whose later spans are refused where they name nobody."""
    return {
        trace_id
        for trace_id, state in belongings.states.items()
        if any(belongings.has_part(state, part) for part in state.parts.values())
    }


def erase_points(writing: Writing, keys: Sequence[EventKey]) -> Erased:
    """Erase events that belong to no trace."""
    return Erased(n_events=_retract(writing, keys))


def _retract(writing: Writing, keys: Sequence[EventKey]) -> int:
    clear_stages(writing.cursor)
    return len(write_deltas(writing, retract=keys)) if keys else 0


def _drop_outlived(writing: Writing, belongings: Belongings, kept: set[tuple[str, str]]) -> None:
    """Drop what is left of traces whose events were deleted for their age: sums and names."""
    wanted = [
        trace_id
        for trace_id, state in belongings.states.items()
        if outlives_events(state, writing.horizon_us)
    ]
    if not wanted:
        return
    clear_stages(writing.cursor)
    changes = lock_stored(writing.cursor, writing.project_id, wanted)
    for trace_id, change in changes.items():
        state = belongings.states[trace_id]
        for own, part in list(change.after.parts.items()):
            if (trace_id, own) not in kept and belongings.has_part(state, part):
                del change.after.parts[own]
        _clear_claims(change.after, belongings.subject)
        change.rebuilt = True
    spread_changes(writing, list(changes.values()))


def _clear_claims(state: TraceState, subject: Subject) -> None:
    if subject.kind == USER and state.claim_user == subject.name:
        state.user, state.claim_user = None, ""
    elif subject.kind != USER and state.claim_session == subject.name:
        state.claim, state.claim_session = None, ""


def _forget_sessions(cursor: Cursor, project_id: int, met: set[str]) -> list[str]:
    """Delete what is said in words of sessions that lost something; return those that are gone.
    The others are told anew from what is left."""
    values = (project_id, sorted(met))
    left = {row[0] for row in cursor.execute(EXISTING, values)}
    cursor.execute(DELETE_TEXTS, values)
    cursor.execute(DELETE_NEWS, values)
    gone = sorted(met - left)
    cursor.execute(DELETE_REFRESHES, (project_id, gone))
    return gone


def hold_documents(writing: Writing, keys: Sequence[DocumentKey]) -> None:
    """Lock documents and the traces of what is derived from them, each in order."""
    cursor, project_id = writing.cursor, writing.project_id
    lock_documents(cursor, project_id, keys)
    rows = cursor.execute(DERIVED, (*map(list, zip(*keys, strict=True)), project_id)).fetchall()
    derived = [key for row in rows for key in unpack_derived(bytes(row[0]))]
    lock_stored(cursor, project_id, find_traces(cursor, project_id, derived))


def erase_document(writing: Writing, subject: Subject, system: str, key: str) -> Erased | None:
    """Erase a document if an event of it is the subject's, or a piece of it names the subject or
    what is known to be theirs: digest would refuse it. The caller holds it."""
    cursor, project_id = writing.cursor, writing.project_id
    row = cursor.execute(DOCUMENT, (project_id, system, key)).fetchone()
    if row is None:
        return None
    keys = list(unpack_derived(bytes(row[0])))
    facts = load_facts(cursor, project_id, keys)
    traces = sorted({fact.event.trace_id for fact in facts})
    belongings = find_belongings(cursor, subject, traces)
    texts = [row[1].encode(), *_bodies(cursor, project_id, system, key)]
    if not any(map(belongings.has_event, facts)):
        names = {name for text in texts for name in names_said("", text)}
        if subject.name not in names and not is_any_erased(cursor, project_id, names):
            return None
    met = {p.session_id for state in belongings.states.values() for p in state.parts.values()}
    n_events = _retract(writing, keys)
    for table in ("tracking_documentpart", "tracking_document"):
        cursor.execute(DELETE_DOCUMENT.format(table=table), (project_id, system, key))
    gone = _forget_sessions(cursor, project_id, met)
    return Erased(gone, n_events)


def _bodies(cursor: Cursor, project_id: int, system: str, key: str) -> list[bytes]:
    rows = cursor.execute(PARTS, (project_id, system, key))
    return [isal_zlib.decompress(bytes(body)) for (body,) in rows]


def sweep_traces(writing: Writing, *, limit: int) -> int:
    """Take back spans that came before it was known that their trace, or session, is an erased
    subject's: those that name nobody. Returns how many traces and sessions were looked at."""
    cursor, project_id = writing.cursor, writing.project_id
    rows = cursor.execute(LEFT, (project_id, limit)).fetchall()
    if not rows:
        return 0
    kinds = {
        trace_id: kind
        for found, trace_id in rows
        for kind in TRACE_OF
        if tombstone_hash(project_id, TRACE_OF[kind], trace_id) == bytes(found)
    }
    facts = load_trace_facts(cursor, project_id, sorted(kinds))
    theirs = [f for f in facts if not names_kind(f.event, kinds[f.event.trace_id])]
    _retract(writing, [fact.event_key for fact in theirs])
    sessions = [
        each
        for found, each in rows
        if tombstone_hash(project_id, SESSION_OF_USER, each) == bytes(found)
    ]
    has_more = _sweep_sessions(writing, sessions, limit=limit)
    swept = [each for _, each in rows if not (has_more and each in sessions)]
    cursor.execute(SWEPT, (project_id, swept))
    return len(rows)


def _sweep_sessions(writing: Writing, sessions: list[str], *, limit: int) -> bool:
    """Take back what names nobody, in traces that nobody claims, of sessions that turned out to be
    an erased user's. Returns whether there may be more."""
    cursor, project_id = writing.cursor, writing.project_id
    rows = cursor.execute(OF_SESSIONS, (project_id, sessions, limit)).fetchall() if sessions else []
    parts = {(trace_id, own) for trace_id, own in rows}
    facts = load_trace_facts(cursor, project_id, sorted({trace_id for trace_id, _ in parts}))
    theirs = [
        fact.event_key
        for fact in facts
        if (fact.event.trace_id, fact.event.session_own) in parts and not fact.event.user_own
    ]
    _retract(writing, theirs)
    _forget_sessions(cursor, project_id, set(sessions))
    return len(rows) == limit and bool(theirs)
