"""What lists show and search of a session: previews and facets, refreshed beside the digest.

A session that only grew gains what digests told of it; one that lost something, or counts otherwise
now, is told anew from all of its events. A session is refreshed at most once in ten seconds,
however fast it grows.
"""

import datetime
import logging
import math
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import psycopg
from django.db import transaction

from tracking.adapters.dialects.message_events import EVENT_NAMES
from tracking.events import Payload
from tracking.faults import is_transient
from tracking.folding import Key
from tracking.glimpses import TRIED, Glimpse, Told, Words, first_words, read_dimensions
from tracking.payloads import Place, load_payloads
from tracking.previews import input_preview, output_preview
from tracking.rules import hold_horizon
from tracking.session_news import TOLD_COLUMNS, read_told, told_row
from tracking.staging import Stage, clear_stages, open_cursor, prepare_stages, unix_us
from tracking.tied_rows import PROMPT_KEY, PROMPT_VERSION

logger = logging.getLogger(__name__)
SESSIONS_AT_ONCE = 200
AT_MOST_EVERY = datetime.timedelta(seconds=10)
LEASE = datetime.timedelta(seconds=60)
# While spans wait to be digested the texts let them go first, though not for longer than this.
PATIENCE = datetime.timedelta(seconds=20)
BACKLOG_AGE = datetime.timedelta(seconds=1)
CHUNK = 1_000
TRIED_UNTIL = (0, 1, 4, TRIED)  # mostly the first place has words
MESSAGE_POINTS = sorted(EVENT_NAMES)

DUE = (
    "SELECT q.project_id, q.session_id, t.refreshed_at, q.is_whole OR t.first_rank IS NULL"
    " AND t.session_id IS NOT NULL FROM tracking_sessiontorefresh q"
    " LEFT JOIN tracking_sessiontext t USING (project_id, session_id)"
    " WHERE q.due_at <= %s ORDER BY q.due_at LIMIT %s FOR UPDATE OF q SKIP LOCKED"
)
BACKLOG = (
    "SELECT EXISTS (SELECT FROM tracking_inboxbatch WHERE received_at < %s AND attempts < 2"
    " AND (lease_owner <> '' OR lease_until < %s))"
)
POSTPONE = (
    "UPDATE tracking_sessiontorefresh q SET due_at = k.due_at"
    " FROM unnest(%s::text[], %s::timestamptz[]) k (session_id, due_at)"
    " WHERE q.project_id = %s AND q.session_id = k.session_id"
)
# A session that grew since the lease has an earlier due_at again, and stays.
DONE = (
    "DELETE FROM tracking_sessiontorefresh"
    " WHERE project_id = %s AND session_id = ANY (%s) AND due_at = %s"
)
EVENTS = (
    "SELECT p.session_id, e.duration_us IS NULL AND e.name = ANY (%s),"
    " e.occurred_at, uuid_send(e.id), e.block_id, e.block_ix,"
    f" e.kind, e.model, e.provider, {PROMPT_KEY}, {PROMPT_VERSION}, e.environment, e.config_key,"
    " e.error_type, e.run_id, e.finish_reason, array_to_json(e.tags)::text,"
    " array_to_json(e.warnings)::text, e.arms::text, e.metadata::text, e.duration_us IS NOT NULL"
    " FROM tracking_tracepart p"
    " JOIN tracking_event e ON e.project_id = p.project_id AND e.trace_id = p.trace_id"
    " AND e.session_own = p.session_own AND e.occurred_at BETWEEN %s AND %s"
    " WHERE p.project_id = %s AND p.session_id = ANY (%s)"
    # Scores are no activity: whether one lies between these times is luck.
    " AND NOT (e.operation = 'score' AND e.duration_us IS NULL)"
)
SPAN = (
    "SELECT min(first_at), max(last_at) FROM tracking_session"
    " WHERE project_id = %s AND session_id = ANY (%s)"
)
TEXTS = Stage("stage_text", TOLD_COLUMNS, is_rare=True)
_VALUES = [name for name in TOLD_COLUMNS if name != "session_id"]
SAVE = (
    f"INSERT INTO tracking_sessiontext (project_id, refreshed_at, {TEXTS.names})"
    f" SELECT %s, %s, {TEXTS.names} FROM stage_text ORDER BY session_id"
    " ON CONFLICT (project_id, session_id) DO UPDATE SET refreshed_at = excluded.refreshed_at, "
    + ", ".join(f"{name} = excluded.{name}" for name in _VALUES)
)
_TOLD = ", ".join(TOLD_COLUMNS)
TAKE_NEWS = (
    "DELETE FROM tracking_sessionnews WHERE project_id = %s AND session_id = ANY (%s)"
    f" RETURNING {_TOLD}"
)
KNOWN = f"SELECT {_TOLD} FROM tracking_sessiontext WHERE project_id = %s AND session_id = ANY (%s)"


class Leased(NamedTuple):
    """``projects``: the leased sessions of each, and whether they are told anew."""

    n_seen: int
    projects: dict[int, dict[str, bool]]


def refresh_due_sessions(
    *,
    now: datetime.datetime,
    seconds: float = math.inf,
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Refresh the sessions whose turn it is, for about so long, and return how many."""
    prepare_stages(TEXTS, usual=False)
    n_refreshed, until = 0, time.monotonic() + seconds
    while time.monotonic() < until and not stop() and (leased := lease_due(now)).n_seen:
        refresh_leased(leased, now)
        n_refreshed += leased.n_seen
    return n_refreshed


def lease_due(now: datetime.datetime) -> Leased:
    """Lease some sessions in a transaction of its own: what is digested meanwhile shows by another
    due_at, and no digest waits for a refresh."""
    projects: dict[int, dict[str, bool]] = {}
    due: dict[int, dict[str, datetime.datetime]] = {}
    with transaction.atomic(), open_cursor() as cursor:
        due_since = now - PATIENCE if _is_behind(cursor, now) else now
        rows = cursor.execute(DUE, (due_since, SESSIONS_AT_ONCE)).fetchall()
        for project_id, session_id, refreshed_at, is_whole in rows:
            is_early = refreshed_at is not None and refreshed_at > now - AT_MOST_EVERY
            due_at = refreshed_at + AT_MOST_EVERY if is_early else now + LEASE
            due.setdefault(project_id, {})[session_id] = due_at
            if not is_early:
                projects.setdefault(project_id, {})[session_id] = is_whole
        for project_id, times in due.items():
            cursor.execute(POSTPONE, (list(times), list(times.values()), project_id))
    return Leased(len(rows), projects)


def _is_behind(cursor: psycopg.Cursor[Any], now: datetime.datetime) -> bool:
    """Whether spans wait. Those that failed before do not count: they wait for their next try; nor
    do parts that were put off."""
    found = cursor.execute(BACKLOG, (now - BACKLOG_AGE, now)).fetchone()
    return found is not None and bool(found[0])


def refresh_leased(leased: Leased, now: datetime.datetime) -> None:
    for project_id, sessions in leased.projects.items():
        _refresh_all(project_id, sessions, now)


def _refresh_all(project_id: int, sessions: dict[str, bool], now: datetime.datetime) -> None:
    """Refresh the sessions together; where that fails in halves, until the culprit stands alone.
    It keeps the text it had."""
    try:
        with transaction.atomic(), open_cursor() as cursor:
            _refresh(cursor, project_id, sessions, now)
    except Exception as error:
        if is_transient(error):
            raise
        logger.exception("%s sessions of project %s failed", len(sessions), project_id)
        items = list(sessions.items())
        middle = len(items) // 2
        for half in (items[:middle], items[middle:]) if middle else ():
            _refresh_all(project_id, dict(half), now)
        if not middle:
            with open_cursor() as cursor:
                cursor.execute(DONE, (project_id, list(sessions), now + LEASE))


def _refresh(
    cursor: psycopg.Cursor[Any], project_id: int, sessions: dict[str, bool], now: datetime.datetime
) -> None:
    # What is read here is not erased before it is written.
    horizon_us = hold_horizon(cursor, project_id)
    known = {
        session_id: read_told(*said)
        for session_id, *said in cursor.execute(KNOWN, (project_id, list(sessions)), binary=True)
    }
    anew = {
        session_id
        for session_id, is_whole in sessions.items()
        if is_whole or _is_too_old(known.get(session_id), horizon_us)
    }
    # First the news, then the events: what is stored in between is news of the next time.
    told: dict[str, Told] = {}
    for session_id, *said in cursor.execute(TAKE_NEWS, (project_id, list(sessions)), binary=True):
        if session_id not in anew:
            told.setdefault(session_id, known.get(session_id) or Told()).add(read_told(*said))
    told |= _tell_anew(cursor, project_id, sorted(anew))
    if told:
        clear_stages(cursor)
        TEXTS.fill(cursor, (told_row(session_id, news) for session_id, news in told.items()))
        cursor.execute(SAVE, (project_id, now))
    cursor.execute(DONE, (project_id, list(sessions), now + LEASE))


def _is_too_old(told: Told | None, horizon_us: int) -> bool:
    """Whether words are of events that were deleted for their age."""
    ends = (told.first, told.last) if told else ()
    return any(words.key[1] < horizon_us for words in ends if words)


def _tell_anew(
    cursor: psycopg.Cursor[Any], project_id: int, session_ids: list[str]
) -> dict[str, Told]:
    """What sessions are by all of their events; those without any are missing in the answer."""
    if not session_ids:
        return {}
    first, last = cursor.execute(SPAN, (project_id, session_ids)).fetchone() or (None, None)
    if first is None:
        return {}
    glimpses = _read_events(cursor, project_id, session_ids, (first, last))
    firsts = {s: glimpse.first_places() for s, glimpse in glimpses.items()}
    lasts = {s: glimpse.last_places() for s, glimpse in glimpses.items()}
    inputs = _read_words(project_id, firsts, input_preview)
    outputs = _read_words(project_id, lasts, output_preview)
    return {
        session_id: Told(facets, inputs.get(session_id), outputs.get(session_id))
        for session_id, glimpse in glimpses.items()
        if (facets := glimpse.facets())
    }


def _read_events(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    session_ids: list[str],
    span: tuple[object, object],
) -> dict[str, Glimpse[Place]]:
    """Gather the sessions' events; ``span`` covers them all, so that partitions are left out."""
    glimpses: dict[str, Glimpse[Place]] = {}
    for session_id, tells, at, identity, block_id, block_ix, *said in cursor.stream(
        EVENTS, (MESSAGE_POINTS, *span, project_id, session_ids), binary=True, size=CHUNK
    ):
        if (glimpse := glimpses.get(session_id)) is None:
            glimpse = glimpses[session_id] = Glimpse()
        place = (at, block_id, block_ix) if block_id else None
        glimpse.add(read_dimensions(*said), unix_us(at) or 0, identity, place, tells=tells)
    return glimpses


def _read_words(
    project_id: int,
    places: dict[str, list[tuple[Key, Place]]],
    preview: Callable[[Payload], str],
) -> dict[str, Words]:
    """The words of the first place that has any; the next ones are read only where it has none."""
    found: dict[str, Words] = {}
    for start, stop in pairwise(TRIED_UNTIL):
        asked = {s: tried[start:stop] for s, tried in places.items() if s not in found}
        wanted = [place for tried in asked.values() for _, place in tried]
        payloads = dict(zip(wanted, load_payloads(project_id, wanted), strict=True))
        for session_id, tried in asked.items():
            words = first_words([(key, payloads[place]) for key, place in tried], preview)
            if words:
                found[session_id] = words
    return found
