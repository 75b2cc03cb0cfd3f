"""Erased users, sessions and traces, recognised by keyed hashes when they are sent again."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import psycopg
from django.conf import settings

from tracking.events import IncomingEvent

USER, SESSION = "user", "session"
SESSION_OF_USER = "session of user"
TRACE_OF = {USER: "trace of user", SESSION: "trace of session"}

SUBJECTS = (
    "SELECT hash FROM tracking_erasedsubject WHERE project_id = %s AND hash = ANY (%s::bytea[])"
)
TRACES = "SELECT hash FROM tracking_erasedtrace WHERE project_id = %s AND hash = ANY (%s::bytea[])"
NOTE_TRACES = (
    "INSERT INTO tracking_erasedtrace (project_id, hash, trace_id)"
    " SELECT %s, * FROM unnest(%s::bytea[], %s::text[]) t (h, t) ORDER BY h"
    " ON CONFLICT DO NOTHING"
)


@lru_cache(1)
def hash_key() -> bytes:
    return blake2b(settings.SECRET_KEY.encode(), digest_size=32, person=b"assay.erasure").digest()


def tombstone_hash(project_id: int, kind: str, name: str) -> bytes:
    text = f"{project_id}\0{kind}\0{name}".encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=32, key=hash_key()).digest()


def names_kind(event: IncomingEvent, kind: str) -> str:
    """The user, or the session, that an event itself names."""
    return event.user_own if kind == USER else event.session_own


def find_erased(
    cursor: psycopg.Cursor[Any], project_id: int, events: Sequence[IncomingEvent]
) -> set[int]:
    """Which of the events of one request belong to what was erased, by their place.

    An event does that names an erased user or session, or that names none and shares its trace with
    one that does, here or before.
    """
    erased: set[int] = set()
    for kind in (USER, SESSION):
        erased |= _find_erased(cursor, project_id, events, kind)
    return erased


def _find_erased(
    cursor: psycopg.Cursor[Any], project_id: int, events: Sequence[IncomingEvent], kind: str
) -> set[int]:
    names = {name for event in events if (name := names_kind(event, kind))}
    named = _stored(cursor, SUBJECTS, project_id, kind, names)
    traces = {event.trace_id for event in events if event.trace_id}
    gone = _stored(cursor, TRACES, project_id, TRACE_OF[kind], traces)
    met = {e.trace_id for e in events if e.trace_id and names_kind(e, kind) in named}
    note_traces(cursor, project_id, kind, met - gone, keep_id=True)
    gone |= met
    sessions = _erased_sessions(cursor, project_id, events, named) if kind == USER else set()
    return {
        index
        for index, event in enumerate(events)
        if (name := names_kind(event, kind)) in named
        or (not name and (event.trace_id in gone or event.session_own in sessions))
    }


def _erased_sessions(
    cursor: psycopg.Cursor[Any], project_id: int, events: Sequence[IncomingEvent], named: set[str]
) -> set[str]:
    """The sessions of erased users: what names no user in them is theirs."""
    firsts: dict[str, tuple[tuple[bool, int, bytes], str]] = {}
    sessions = set()
    for event in events:
        if event.session_own:
            sessions.add(event.session_own)
            if event.user_own:
                key = (event.parent_span_id != "", event.occurred_us, event.id)
                first = firsts.get(event.session_own, (key, event.user_own))
                firsts[event.session_own] = min(first, (key, event.user_own))
    met = {session for session, (_, user) in firsts.items() if user in named}
    note_sessions(cursor, project_id, met, keep_id=True)
    return met | _stored(cursor, TRACES, project_id, SESSION_OF_USER, sessions)


def _stored(
    cursor: psycopg.Cursor[Any], query: str, project_id: int, kind: str, names: Iterable[str]
) -> set[str]:
    """Those of the names whose tombstone stands."""
    hashes = {tombstone_hash(project_id, kind, name): name for name in names}
    if not hashes:
        return set()
    rows = cursor.execute(query, (project_id, list(hashes)))
    return {hashes[bytes(found)] for (found,) in rows}


def note_traces(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    kind: str,
    trace_ids: Iterable[str],
    *,
    keep_id: bool = False,
) -> None:
    """Remember traces of an erased subject. ``keep_id``: what of them came before is to be taken
    back later, for which their ids are needed."""
    wanted = sorted(set(trace_ids) - {""})
    if wanted:
        hashes = [tombstone_hash(project_id, TRACE_OF[kind], trace_id) for trace_id in wanted]
        ids = wanted if keep_id else [""] * len(wanted)
        cursor.execute(NOTE_TRACES, (project_id, hashes, ids))


def note_sessions(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    session_ids: Iterable[str],
    *,
    keep_id: bool = False,
) -> None:
    """Remember the sessions of an erased user. ``keep_id`` as of traces."""
    wanted = sorted(session_ids)
    if wanted:
        hashes = [tombstone_hash(project_id, SESSION_OF_USER, each) for each in wanted]
        ids = wanted if keep_id else [""] * len(wanted)
        cursor.execute(NOTE_TRACES, (project_id, hashes, ids))


def is_any_erased(cursor: psycopg.Cursor[Any], project_id: int, names: Iterable[str]) -> bool:
    """Whether one of the names is that of an erased user, session or trace of such."""
    wanted = list(names)
    return any(
        _stored(cursor, query, project_id, kind_of[kind], wanted)
        for kind in (USER, SESSION)
        for query, kind_of in ((SUBJECTS, {kind: kind}), (TRACES, TRACE_OF))
    )
